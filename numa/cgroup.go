package numa

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// defaultPeriod is the CPU quota period in microseconds where the file names
// none: the kernel's own default.
const defaultPeriod = 100000

// noLimit is where v1 memory limits begin to mean "none": the kernel prints the
// largest page-aligned int64.
const noLimit = 1 << 62

// cgroupMount is one mounted cgroup hierarchy.
type cgroupMount struct {
	v2          bool
	root        string   // which cgroup of the hierarchy is mounted
	point       string   // where
	controllers []string // v1
}

// limits reads the cgroups of the process. For each controller it walks from the
// process's own group up to the mount point, since any ancestor may hold the
// tighter limit. v1 and v2 may be mounted side by side (hybrid); both count.
func (d *detector) limits() {
	groups := d.groups()
	mounts := d.cgroupMounts()
	if len(groups) == 0 || len(mounts) == 0 {
		return
	}
	var v1, v2 bool
	for _, controller := range []string{"cpu", "cpuset", "memory"} {
		if dirs := d.chain(mounts, groups, controller); len(dirs) > 0 {
			v1 = true
			for _, dir := range dirs {
				d.readV1(controller, dir)
			}
		}
	}
	if dirs := d.chain(mounts, groups, ""); len(dirs) > 0 {
		for _, dir := range dirs {
			v2 = d.readV2(dir) || v2
		}
		// A v2 hierarchy beside v1 often carries no controller: then it sets
		// nothing and is not named.
		v2 = v2 || !v1
	}
	switch {
	case v1 && v2:
		d.t.Limits.Cgroup = "v1+v2"
	case v1:
		d.t.Limits.Cgroup = "v1"
	case v2:
		d.t.Limits.Cgroup = "v2"
	}
}

// groups parses /proc/self/cgroup, whose lines are "id:controllers:path", into
// paths by controller. The unified hierarchy (v2) has the empty name.
func (d *detector) groups() map[string]string {
	text, ok := d.text("/proc/self/cgroup")
	if !ok {
		return nil
	}
	groups := map[string]string{}
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 || !strings.HasPrefix(f[2], "/") {
			d.warn("/proc/self/cgroup: cannot read %.60q", line)
			continue
		}
		for name := range strings.SplitSeq(f[1], ",") {
			groups[name] = f[2]
		}
	}
	return groups
}

// cgroupMounts parses /proc/self/mountinfo:
//
//	36 35 0:31 /docker/1f2e /sys/fs/cgroup/cpu ro,nosuid - cgroup cgroup rw,cpu,cpuacct
//
// Field 4 is the root within the hierarchy, 5 the mount point; after the dash
// come the type, the source and, for v1, the controllers among the options.
func (d *detector) cgroupMounts() []cgroupMount {
	text, ok := d.text("/proc/self/mountinfo")
	if !ok {
		return nil
	}
	var mounts []cgroupMount
	for line := range strings.Lines(text) {
		left, right, ok := strings.Cut(line, " - ")
		place, fs := strings.Fields(left), strings.Fields(right)
		if !ok || len(place) < 5 || len(fs) < 1 {
			continue
		}
		m := cgroupMount{root: unescape(place[3]), point: unescape(place[4])}
		switch {
		case fs[0] == "cgroup2":
			m.v2 = true
		case fs[0] == "cgroup" && len(fs) >= 3:
			m.controllers = strings.Split(fs[2], ",")
		default:
			continue
		}
		mounts = append(mounts, m)
	}
	return mounts
}

// unescape undoes mountinfo's octal escapes (space is \040).
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// chain returns the directories that limit the process in one hierarchy, from
// its own cgroup up to the mount point; nil if the hierarchy is not mounted.
func (d *detector) chain(mounts []cgroupMount, groups map[string]string, controller string) []string {
	group, ok := groups[controller]
	if !ok {
		return nil
	}
	var point, rel string
	for _, m := range mounts {
		if m.v2 != (controller == "") || !m.v2 && !slices.Contains(m.controllers, controller) {
			continue
		}
		r, inside := within(m.root, group)
		if point == "" || inside {
			point, rel = m.point, r
		}
		if inside {
			break
		}
	}
	if point == "" {
		return nil
	}
	dirs := []string{}
	for ; ; rel = path.Dir(rel) {
		dirs = append(dirs, path.Join(point, rel))
		if rel == "/" {
			return dirs
		}
	}
}

// within returns the path of group below root. In a container the group may be
// named as seen from outside the mount, or climb out of the namespace by "..";
// then the mounted directory itself is as far as we can see.
func within(root, group string) (string, bool) {
	if slices.Contains(strings.Split(group, "/"), "..") {
		return "/", false
	}
	group, root = path.Clean(group), path.Clean(root)
	switch {
	case root == "/":
		return group, true
	case group == root:
		return "/", true
	case strings.HasPrefix(group, root+"/"):
		return group[len(root):], true
	}
	return "/", false
}

// readV1 takes in the limits of one v1 directory.
func (d *detector) readV1(controller, dir string) {
	switch controller {
	case "cpu":
		quota, ok := d.number(dir + "/cpu.cfs_quota_us")
		if !ok || quota <= 0 { // -1 is none
			return
		}
		period, ok := d.number(dir + "/cpu.cfs_period_us")
		if !ok || period <= 0 {
			period = defaultPeriod
		}
		d.tightenCPUs(float64(quota)/float64(period), dir)
	case "cpuset":
		d.tightenSets(dir, []string{"cpuset.effective_cpus", "cpuset.cpus"}, []string{"cpuset.effective_mems", "cpuset.mems"})
	case "memory":
		if n, ok := d.number(dir + "/memory.limit_in_bytes"); ok {
			d.tightenMemory(n, dir)
		}
		// Ancestors above the mount point are visible only here.
		text, _ := d.text(dir + "/memory.stat")
		for line := range strings.Lines(text) {
			if s, ok := strings.CutPrefix(line, "hierarchical_memory_limit "); ok {
				if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
					d.tightenMemory(n, dir)
				}
			}
		}
	}
}

// readV2 takes in the limits of one v2 directory and reports whether it has any
// of the files at all.
func (d *detector) readV2(dir string) bool {
	any := false
	if s, ok := d.text(dir + "/cpu.max"); ok {
		any = true
		if cpus, err := parseCPUMax(s); err != nil {
			d.warn("%s/cpu.max: %v", dir, err)
		} else if cpus > 0 {
			d.tightenCPUs(cpus, dir)
		}
	}
	// memory.high throttles instead of killing, but a cache that lives above it
	// crawls: the lower of both is the limit to plan for.
	for _, name := range []string{"/memory.max", "/memory.high"} {
		s, ok := d.text(dir + name)
		if !ok {
			continue
		}
		any = true
		if s == "max" {
			continue
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			d.warn("%s%s: %.20q is not a number", dir, name, s)
			continue
		}
		d.tightenMemory(n, dir)
	}
	sets := d.tightenSets(dir, []string{"cpuset.cpus.effective", "cpuset.cpus"}, []string{"cpuset.mems.effective", "cpuset.mems"})
	return any || sets
}

// parseCPUMax reads "max 100000" or "150000 100000" (the period may be left out)
// and returns CPUs, 0 for no limit.
func parseCPUMax(s string) (float64, error) {
	f := strings.Fields(s)
	if len(f) == 0 || len(f) > 2 {
		return 0, fmt.Errorf("cannot read %.40q", s)
	}
	period := int64(defaultPeriod)
	if len(f) == 2 {
		n, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil || n <= 0 {
			return 0, fmt.Errorf("bad period %.20q", f[1])
		}
		period = n
	}
	if f[0] == "max" {
		return 0, nil
	}
	quota, err := strconv.ParseInt(f[0], 10, 64)
	if err != nil || quota <= 0 {
		return 0, fmt.Errorf("bad quota %.20q", f[0])
	}
	return float64(quota) / float64(period), nil
}

func (d *detector) tightenCPUs(cpus float64, dir string) {
	if l := &d.t.Limits; l.CPUs == 0 || cpus < l.CPUs {
		l.CPUs, l.CPUsFrom = cpus, dir
	}
}

func (d *detector) tightenMemory(bytes int64, dir string) {
	if bytes <= 0 || bytes >= noLimit {
		return
	}
	if l := &d.t.Limits; l.Memory == 0 || bytes < l.Memory {
		l.Memory, l.MemoryFrom = bytes, dir
	}
}

// tightenSets narrows the CPU and node sets by the first file of each list that
// names any, and reports whether there was one. An ancestor that would leave
// nothing is not believed: the kernel does not allow it.
func (d *detector) tightenSets(dir string, cpus, mems []string) bool {
	narrow := func(set *CPUSet, names []string) bool {
		for _, name := range names {
			by, ok := d.list(dir + "/" + name)
			if !ok || by.Empty() {
				continue
			}
			if set.Empty() {
				*set = by
			} else if both := set.And(by); !both.Empty() {
				*set = both
			}
			return true
		}
		return false
	}
	found := narrow(&d.t.Limits.Cpuset, cpus)
	return narrow(&d.t.Limits.Mems, mems) || found
}
