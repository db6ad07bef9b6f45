// Package machine states what a measurement ran on. A figure without its
// machine says nothing.
package machine

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Machine is what a reader needs to judge figures.
type Machine struct {
	CPU         string    `json:"cpu"`
	Cores       int       `json:"cores"` // that this process may use
	Virtual     bool      `json:"virtual"`
	MemoryBytes int64     `json:"memory_bytes"`
	Kernel      string    `json:"kernel"`
	Platform    string    `json:"platform"`
	Go          string    `json:"go"`
	Load        string    `json:"load_average"` // one minute, when the measurement began
	Date        time.Time `json:"date"`
}

// Read looks at this machine. What the platform does not tell stays empty.
func Read() Machine {
	m := Machine{
		Cores: runtime.NumCPU(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Go: runtime.Version(), Date: time.Now().UTC().Truncate(time.Second),
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU, m.Virtual = parseCPU(text)
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		m.MemoryBytes = parseMemory(text)
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(text))
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(text), " ")
	}
	return m
}

// parseCPU returns the first processor's model and whether a hypervisor is
// below.
func parseCPU(text []byte) (model string, virtual bool) {
	scan := bufio.NewScanner(bytes.NewReader(text))
	for scan.Scan() {
		label, value, _ := strings.Cut(scan.Text(), ":")
		switch strings.TrimSpace(label) {
		case "model name", "Processor":
			if model == "" {
				model = strings.Join(strings.Fields(value), " ")
			}
		case "flags":
			virtual = virtual || strings.Contains(value+" ", " hypervisor ")
		}
	}
	return model, virtual
}

func parseMemory(text []byte) int64 {
	line, _, _ := strings.Cut(string(text), "\n")
	f := strings.Fields(line)
	if len(f) != 3 || f[0] != "MemTotal:" {
		return 0
	}
	kb, _ := strconv.ParseInt(f[1], 10, 64)
	return kb * 1024
}

// String is one line for people.
func (m Machine) String() string {
	cpu := m.CPU
	if cpu == "" {
		cpu = "unknown processor"
	}
	if m.Virtual {
		cpu += " (virtual)"
	}
	s := fmt.Sprintf("%s, %d cores, %.0f GiB, %s", cpu, m.Cores, float64(m.MemoryBytes)/(1<<30), m.Platform)
	if m.Kernel != "" {
		s += ", kernel " + m.Kernel
	}
	s += ", " + m.Go + ", " + m.Date.Format("2006-01-02 15:04 MST")
	if m.Load != "" {
		s += ", load " + m.Load + " at the start"
	}
	return s
}
