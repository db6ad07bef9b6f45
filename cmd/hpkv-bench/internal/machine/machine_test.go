package machine

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	model, virtual := parseCPU([]byte("processor\t: 0\nmodel name\t: Intel(R)  Xeon(R) Processor\nflags\t\t: fpu vme hypervisor lahf_lm\n"))
	if model != "Intel(R) Xeon(R) Processor" || !virtual {
		t.Errorf("got %q, %v", model, virtual)
	}
	if _, virtual := parseCPU([]byte("flags\t\t: fpu vme\n")); virtual {
		t.Error("a real machine was called virtual")
	}
	if n := parseMemory([]byte("MemTotal:       24600000 kB\nMemFree: 1 kB\n")); n != 24600000*1024 {
		t.Errorf("got %d", n)
	}
}

func TestString(t *testing.T) {
	m := Machine{CPU: "X", Cores: 2, MemoryBytes: 24 << 30, Platform: "linux/amd64", Kernel: "6.1", Go: "go1.26", Load: "0.5",
		Date: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)}
	const want = "X, 2 cores, 24 GiB, linux/amd64, kernel 6.1, go1.26, 2026-01-02 03:04 UTC, load 0.5 at the start"
	if got := m.String(); got != want {
		t.Errorf("got %q", got)
	}
	if s := Read().String(); !strings.Contains(s, "cores") {
		t.Errorf("this machine: %q", s)
	}
}
