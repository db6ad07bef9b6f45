package numa

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// cpuInfo is what /proc/cpuinfo adds to sysfs: names, and packages and cores
// where sysfs is hidden.
type cpuInfo struct {
	model, vendor string
	cpus          map[int]corePlace
}

// corePlace is a core's place by the numbers in /proc/cpuinfo, -1 unknown.
type corePlace struct{ socket, core int }

func (i cpuInfo) online() CPUSet {
	var s CPUSet
	for id := range i.cpus {
		s.add(id)
	}
	return s
}

// armParts names the arm64 server cores one meets; /proc/cpuinfo gives numbers
// only. Others print as numbers.
var armParts = map[string]string{
	"0x41/0xd0c": "ARM Neoverse N1",
	"0x41/0xd40": "ARM Neoverse V1",
	"0x41/0xd49": "ARM Neoverse N2",
	"0x41/0xd4f": "ARM Neoverse V2",
	"0x41/0xd08": "ARM Cortex-A72",
	"0x41/0xd0b": "ARM Cortex-A76",
	"0xc0/0xac3": "Ampere-1",
	"0xc0/0xac4": "Ampere-1a",
	"0x48/0xd01": "HiSilicon TSV110",
}

// readCPUInfo parses /proc/cpuinfo. Each CPU is a block of "key : value" lines
// that starts with "processor".
func (d *detector) readCPUInfo() cpuInfo {
	info := cpuInfo{cpus: map[int]corePlace{}}
	text, ok := d.text("/proc/cpuinfo")
	if !ok {
		return info
	}
	cpu := -1
	var implementer, part string
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch key {
		case "processor":
			id, err := parseID(value)
			if err != nil {
				cpu = -1
				continue
			}
			cpu = id
			info.cpus[cpu] = corePlace{socket: -1, core: -1}
		case "physical id", "core id":
			n, err := strconv.ParseUint(value, 10, 31)
			p, known := info.cpus[cpu]
			if err != nil || !known {
				continue
			}
			if key == "core id" {
				p.core = int(n)
			} else {
				p.socket = int(n)
			}
			info.cpus[cpu] = p
		case "model name":
			info.model = first(info.model, value)
		case "vendor_id":
			info.vendor = first(info.vendor, value)
		case "CPU implementer":
			implementer = first(implementer, value)
		case "CPU part":
			part = first(part, value)
		}
	}
	if info.model == "" && implementer != "" {
		id := implementer + "/" + part
		info.model = first(armParts[id], "arm64 implementer/part "+id)
	}
	return info
}

// first returns the first of two texts that is not empty.
func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// machine fills what describes the machine as a whole.
func (d *detector) machine() {
	t := d.t
	t.Model, t.Vendor = d.info.model, d.info.vendor
	if d.live {
		t.Model = first(t.Model, strings.TrimSpace(cpuid.CPU.BrandName))
		t.Vendor = first(t.Vendor, cpuid.CPU.VendorString)
	}
	if total, _ := d.meminfo(); total > 0 {
		t.Memory = total
	} else {
		for _, n := range t.Nodes {
			t.Memory += max(0, n.Memory)
		}
	}

	const mm = "/sys/kernel/mm"
	// "always [madvise] never": the choice stands in brackets.
	if s, ok := d.text(mm + "/transparent_hugepage/enabled"); ok {
		if _, s, ok = strings.Cut(s, "["); ok {
			t.THP, _, _ = strings.Cut(s, "]")
		}
	}
	entries, _ := os.ReadDir(filepath.Join(d.dir, mm, "hugepages"))
	for _, e := range entries {
		size, ok := strings.CutPrefix(e.Name(), "hugepages-")
		bytes := kilobytes(strings.TrimSuffix(size, "kB"))
		if !ok || bytes <= 0 {
			continue
		}
		pool := HugePages{PageBytes: bytes}
		pool.Total, _ = d.number(fmt.Sprintf("%s/hugepages/%s/nr_hugepages", mm, e.Name()))
		pool.Free, _ = d.number(fmt.Sprintf("%s/hugepages/%s/free_hugepages", mm, e.Name()))
		t.HugePages = append(t.HugePages, pool)
	}
	slices.SortFunc(t.HugePages, func(a, b HugePages) int { return int(a.PageBytes>>10) - int(b.PageBytes>>10) })
}

// cpuidCaches stands in for sysfs where that names no cache (sandboxes, some
// virtual machines). cpuid tells sizes but, without running on each CPU in turn,
// not who shares them; assumed is the common layout: the second level for each
// core, the third for each node.
func (d *detector) cpuidCaches() []Cache {
	t := d.t
	var out []Cache
	if size := cpuid.CPU.Cache.L2; size > 0 {
		sets := make([]CPUSet, t.Cores)
		for _, c := range t.CPUs {
			if c.Online {
				sets[c.Core].add(c.ID)
			}
		}
		for _, set := range sets {
			out = append(out, Cache{Level: 2, Bytes: int64(size), CPUs: set})
		}
	}
	if size := cpuid.CPU.Cache.L3; size > 0 {
		for _, n := range t.Nodes {
			if !n.CPUs.Empty() {
				out = append(out, Cache{Level: 3, Bytes: int64(size), CPUs: n.CPUs})
			}
		}
	}
	if len(out) > 0 {
		d.warn("no caches in %s: sizes are cpuid's, sharing is assumed", sysCPU)
	}
	return out
}
