package numa

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// maxFile bounds what is read of one file: /proc/cpuinfo of MaxCPUs CPUs is
// below it, everything else is far below it.
const maxFile = 16 << 20

// maxWarnings keeps a machine with one broken file for each CPU from filling
// the log.
const maxWarnings = 20

// ErrNoCPU is returned by DetectAt for a tree that names no CPU at all.
var ErrNoCPU = errors.New("numa: no CPU found")

// Detect reads the running machine. It works everywhere: where the system says
// nothing it answers with one node of runtime.NumCPU cores and says so in
// Warnings.
func Detect() (*Topology, error) { return DetectAt(Roots{}) }

// DetectAt is Detect on a given tree. A missing or damaged file never makes it
// fail: the most careful assumption takes its place and a line is added to
// Warnings. It fails with ErrNoCPU only, and never for the running machine.
func DetectAt(r Roots) (*Topology, error) {
	d := &detector{dir: r.Dir, live: r.Dir == "", t: &Topology{Pinnable: canPin || r.Dir != ""}}
	d.info = d.readCPUInfo()
	if err := d.sets(); err != nil {
		return nil, err
	}
	d.cpus()
	d.kinds()
	d.nodes()
	d.caches()
	d.machine()
	d.limits()
	d.usable()
	return d.t, nil
}

// detector carries one detection; its methods fill t step by step, each using
// what the steps before it found.
type detector struct {
	dir  string
	live bool // the running machine: system calls and cpuid may be asked
	info cpuInfo
	t    *Topology
}

func (d *detector) warn(format string, args ...any) {
	switch n := len(d.t.Warnings); {
	case n < maxWarnings:
		d.t.Warnings = append(d.t.Warnings, fmt.Sprintf(format, args...))
	case n == maxWarnings:
		d.t.Warnings = append(d.t.Warnings, "further warnings left out")
	}
}

// read returns the text of a file named by its absolute path below the root.
func (d *detector) read(path string) (string, error) {
	f, err := os.Open(filepath.Join(d.dir, path))
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	return string(b), err
}

// text returns the trimmed content of a file; false if it cannot be read, which
// is ordinary: no kernel has all the files we know.
func (d *detector) text(path string) (string, bool) {
	s, err := d.read(path)
	return strings.TrimSpace(s), err == nil
}

// number reads a file holding one decimal number. Damage is warned of.
func (d *detector) number(path string) (int64, bool) {
	s, ok := d.text(path)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		d.warn("%s: %.20q is not a number", path, s)
		return 0, false
	}
	return n, true
}

// list reads a file holding a CPU or node list. Damage is warned of.
func (d *detector) list(path string) (CPUSet, bool) {
	s, ok := d.text(path)
	if !ok {
		return CPUSet{}, false
	}
	set, err := ParseCPUList(s)
	if err != nil {
		d.warn("%s: %v", path, err)
		return CPUSet{}, false
	}
	return set, true
}

// field finds "key: value" in a file of such lines (/proc/self/status,
// /proc/meminfo) and returns the trimmed value.
func (d *detector) field(path, key string) (string, bool) {
	s, ok := d.text(path)
	if !ok {
		return "", false
	}
	for line := range strings.Lines(s) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}

// fieldList is field for a value in list format.
func (d *detector) fieldList(path, key string) CPUSet {
	s, ok := d.field(path, key)
	if !ok {
		return CPUSet{}
	}
	set, err := ParseCPUList(s)
	if err != nil {
		d.warn("%s: %s: %v", path, key, err)
	}
	return set
}

// sets finds which CPUs there are and which the process started with.
func (d *detector) sets() error {
	t := d.t
	t.Affinity = d.affinity()
	t.Present, _ = d.list(sysCPU + "/present")
	t.Online, _ = d.list(sysCPU + "/online")
	t.Isolated, _ = d.list(sysCPU + "/isolated")
	if t.Online.Empty() {
		// Without sysfs (some sandboxes) the kernel still tells of CPUs by
		// /proc/cpuinfo, which lists those online, and by the mask.
		var from string
		switch {
		case len(d.info.cpus) > 0:
			t.Online, from = d.info.online(), "/proc/cpuinfo"
		case !t.Affinity.Empty():
			t.Online, from = t.Affinity, "the affinity mask"
		case d.live:
			t.Online, from = cpuRange(runtime.NumCPU()), "the Go runtime"
		default:
			return ErrNoCPU
		}
		d.warn("no list of online CPUs in %s: taken from %s", sysCPU, from)
	}
	t.Present = t.Present.Or(t.Online)
	if t.Affinity.Empty() {
		t.Affinity = t.Online
	}
	return nil
}

func (d *detector) affinity() CPUSet {
	if d.live {
		if mask, err := processMask(); err == nil {
			return mask
		}
	}
	return d.fieldList("/proc/self/status", "Cpus_allowed_list")
}

// usable combines what is online with what the process is allowed. An empty
// result would be a contradiction (we are running on some CPU): the restriction
// that causes it is dropped.
func (d *detector) usable() {
	t := d.t
	t.Usable = t.Online
	narrow := func(by CPUSet, name string) {
		if by.Empty() {
			return
		}
		if both := t.Usable.And(by); !both.Empty() {
			t.Usable = both
		} else {
			d.warn("%s %s names no CPU of %s: ignored", name, by, t.Usable)
		}
	}
	narrow(t.Affinity, "affinity mask")
	narrow(t.Limits.Cpuset, "cpuset")
	for i := range t.CPUs {
		t.CPUs[i].Usable = t.Usable.Contains(t.CPUs[i].ID)
	}

	mems := t.Limits.Mems
	if own := d.fieldList("/proc/self/status", "Mems_allowed_list"); !own.Empty() {
		if mems.Empty() {
			mems = own
		} else if both := mems.And(own); !both.Empty() {
			mems = both
		}
	}
	for i := range t.Nodes {
		t.Nodes[i].Allowed = mems.Empty() || mems.Contains(t.Nodes[i].ID)
	}
}
