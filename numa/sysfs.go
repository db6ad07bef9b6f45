package numa

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	sysCPU  = "/sys/devices/system/cpu"
	sysNode = "/sys/devices/system/node"
)

// cpus fills CPUs, Cores and Sockets: which threads form a core, and where.
func (d *detector) cpus() {
	t := d.t
	t.CPUs = make([]CPU, 0, t.Present.Len())
	for _, id := range t.Present.IDs() {
		t.CPUs = append(t.CPUs, CPU{ID: id, Online: t.Online.Contains(id), Socket: -1, Core: -1, Node: -1, Cache: -1})
	}

	known := false // whether anything told threads from cores
	sockets := map[int]bool{}
	threads := map[int]int{} // threads numbered so far, by core
	for i := range t.CPUs {
		c := &t.CPUs[i]
		if !c.Online {
			continue
		}
		if c.Socket = d.socket(c.ID); c.Socket >= 0 {
			sockets[c.Socket] = true
		}
		siblings, ok := d.siblings(c.ID)
		known = known || ok
		if c.Core < 0 { // else an earlier sibling has claimed it
			for j := i; j < len(t.CPUs); j++ {
				if o := &t.CPUs[j]; o.Online && o.Core < 0 && siblings.Contains(o.ID) {
					o.Core = t.Cores
				}
			}
			t.Cores++
		}
		c.Thread = threads[c.Core]
		threads[c.Core]++
	}
	t.Sockets = max(1, len(sockets))
	if !known && t.Online.Len() > 1 {
		d.warn("nothing tells SMT threads from cores: every CPU is taken for a core")
	}
}

// socket returns the physical package of a CPU, -1 unknown. Some arm64 firmware
// reports -1 itself.
func (d *detector) socket(cpu int) int {
	n, ok := d.number(fmt.Sprintf("%s/cpu%d/topology/physical_package_id", sysCPU, cpu))
	if ok && n >= 0 && n < 1<<31 {
		return int(n)
	}
	if p, ok := d.info.cpus[cpu]; ok {
		return p.socket
	}
	return -1
}

// siblings returns the CPUs that are threads of one core with cpu, itself
// included, and whether the system told so. core_id is not used where the
// sibling list exists: it repeats between packages, dies and clusters.
func (d *detector) siblings(cpu int) (CPUSet, bool) {
	// The second name is the one before Linux 5.3.
	for _, name := range []string{"core_cpus_list", "thread_siblings_list"} {
		path := fmt.Sprintf("%s/cpu%d/topology/%s", sysCPU, cpu, name)
		set, ok := d.list(path)
		if ok && set.Contains(cpu) {
			return set, true
		}
		if ok {
			d.warn("%s: %s does not contain CPU %d", path, set, cpu)
		}
	}
	own, ok := d.info.cpus[cpu]
	if !ok || own.core < 0 {
		return NewCPUSet(cpu), false
	}
	var set CPUSet
	for id, p := range d.info.cpus {
		if p == own {
			set.add(id)
		}
	}
	return set, true
}

// kinds tells performance from efficiency cores: by the two performance
// monitors that Linux registers on hybrid x86, or by cpu_capacity.
func (d *detector) kinds() {
	t := d.t
	top := 0
	for i := range t.CPUs {
		c := &t.CPUs[i]
		if !c.Online {
			continue
		}
		n, ok := d.number(fmt.Sprintf("%s/cpu%d/cpu_capacity", sysCPU, c.ID))
		if ok && n > 0 && n <= 1024 { // SCHED_CAPACITY_SCALE
			c.Capacity = int(n)
		}
		top = max(top, c.Capacity)
	}

	big, okBig := d.list("/sys/devices/cpu_core/cpus")
	small, okSmall := d.list("/sys/devices/cpu_atom/cpus")
	if lowest, ok := d.list("/sys/devices/cpu_lowpower/cpus"); ok {
		small, okSmall = small.Or(lowest), true
	}
	if okBig && okSmall && !big.And(t.Online).Empty() && !small.And(t.Online).Empty() {
		for i := range t.CPUs {
			switch c := &t.CPUs[i]; {
			case !c.Online:
			case big.Contains(c.ID):
				c.Kind = Performance
			case small.Contains(c.ID):
				c.Kind = Efficiency
			}
		}
		return
	}

	// Half of the largest separates the little cores of big.LITTLE (a quarter to
	// two fifths) from the middle ones (three quarters), which can carry a worker
	// as well as the biggest.
	small = CPUSet{}
	for _, c := range t.CPUs {
		if c.Capacity > 0 && c.Capacity*2 < top {
			small.add(c.ID)
		}
	}
	if small.Empty() {
		return
	}
	for i := range t.CPUs {
		switch c := &t.CPUs[i]; {
		case !c.Online:
		case small.Contains(c.ID):
			c.Kind = Efficiency
		case c.Capacity > 0:
			c.Kind = Performance
		}
	}
}

// nodes fills Nodes and each CPU's Node. A kernel built without NUMA, like a
// missing sysfs, means one node.
func (d *detector) nodes() {
	t := d.t
	var distances []string
	for _, id := range d.nodeIDs().IDs() {
		dir := fmt.Sprintf("%s/node%d", sysNode, id)
		n := Node{ID: id, Memory: -1, Free: -1}
		if set, ok := d.list(dir + "/cpulist"); ok {
			n.CPUs = set.And(t.Online)
		}
		if s, ok := d.text(dir + "/meminfo"); ok {
			n.Memory, n.Free = nodeMemory(s)
			if n.Memory < 0 {
				d.warn("%s/meminfo: no MemTotal", dir)
			}
		}
		s, _ := d.text(dir + "/distance")
		distances = append(distances, s)
		t.Nodes = append(t.Nodes, n)
	}
	if len(t.Nodes) == 0 {
		t.Nodes = []Node{{CPUs: t.Online, Memory: -1, Free: -1}}
		t.Nodes[0].Memory, t.Nodes[0].Free = d.meminfo()
		distances = []string{"10"}
	}
	for i := range t.Nodes {
		t.Nodes[i].Distances = d.distances(t.Nodes[i].ID, distances[i])
	}

	var placed CPUSet
	for i := range t.Nodes {
		n := &t.Nodes[i]
		if twice := n.CPUs.And(placed); !twice.Empty() {
			d.warn("node %d claims CPUs %s of another node", n.ID, twice)
			n.CPUs = n.CPUs.AndNot(placed)
		}
		placed = placed.Or(n.CPUs)
	}
	if rest := t.Online.AndNot(placed); !rest.Empty() {
		n := &t.Nodes[0]
		d.warn("CPUs %s are on no node: taken for node %d", rest, n.ID)
		n.CPUs = n.CPUs.Or(rest)
	}
	for i := range t.CPUs {
		for _, n := range t.Nodes {
			if n.CPUs.Contains(t.CPUs[i].ID) {
				t.CPUs[i].Node = n.ID
			}
		}
	}
}

// nodeIDs returns the online nodes; the directories are asked where the list is
// missing or damaged.
func (d *detector) nodeIDs() CPUSet {
	if set, ok := d.list(sysNode + "/online"); ok && !set.Empty() {
		return set
	}
	var set CPUSet
	entries, _ := os.ReadDir(filepath.Join(d.dir, sysNode))
	for _, e := range entries {
		if s, ok := strings.CutPrefix(e.Name(), "node"); ok {
			if id, err := parseID(s); err == nil {
				set.add(id)
			}
		}
	}
	return set
}

// distances parses one row of the distance table: a number for each online node.
func (d *detector) distances(node int, row string) []int {
	fields := strings.Fields(row)
	if len(fields) == 0 {
		return nil
	}
	if len(fields) != len(d.t.Nodes) {
		d.warn("node %d: %d distances for %d nodes", node, len(fields), len(d.t.Nodes))
		return nil
	}
	out := make([]int, len(fields))
	for i, f := range fields {
		n, err := strconv.ParseUint(f, 10, 31)
		if err != nil {
			d.warn("node %d: distance %.20q is not a number", node, f)
			return nil
		}
		out[i] = int(n)
	}
	return out
}

// nodeMemory finds the totals in a node's meminfo, whose lines look like
// "Node 0 MemTotal:  4155168 kB". It returns -1 for what is not there.
func nodeMemory(text string) (total, free int64) {
	total, free = -1, -1
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		switch f[2] {
		case "MemTotal:":
			total = kilobytes(f[3])
		case "MemFree:":
			free = kilobytes(f[3])
		}
	}
	return total, free
}

// kilobytes reads the number of a "123 kB" value as bytes, -1 if it is none.
func kilobytes(s string) int64 {
	s, _, _ = strings.Cut(strings.TrimSpace(s), " ")
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > 1<<52 {
		return -1
	}
	return n << 10
}

// meminfo returns the machine's memory and what of it is free, -1 unknown.
func (d *detector) meminfo() (total, free int64) {
	total, free = -1, -1
	if s, ok := d.field("/proc/meminfo", "MemTotal"); ok {
		total = kilobytes(s)
	}
	if s, ok := d.field("/proc/meminfo", "MemFree"); ok {
		free = kilobytes(s)
	}
	return total, free
}

// caches fills Caches with the data caches from the second level up, and points
// each CPU to its last one.
func (d *detector) caches() {
	t := d.t
	seen := map[string]bool{}
	for _, c := range t.CPUs {
		if !c.Online {
			continue
		}
		for i := 0; ; i++ {
			dir := fmt.Sprintf("%s/cpu%d/cache/index%d", sysCPU, c.ID, i)
			level, ok := d.text(dir + "/level")
			if !ok {
				break
			}
			n, err := strconv.Atoi(level)
			if err != nil || n < 1 || n > 9 {
				d.warn("%s/level: %.20q is not a cache level", dir, level)
				continue
			}
			if kind, _ := d.text(dir + "/type"); n < 2 || kind == "Instruction" {
				continue
			}
			cpus, ok := d.list(dir + "/shared_cpu_list")
			if !ok || !cpus.Contains(c.ID) {
				continue
			}
			cpus = cpus.And(t.Online)
			if key := fmt.Sprint(n, cpus); !seen[key] {
				seen[key] = true
				size, _ := d.text(dir + "/size")
				t.Caches = append(t.Caches, Cache{Level: n, Bytes: cacheBytes(size), CPUs: cpus})
			}
		}
	}
	if len(t.Caches) == 0 && d.live {
		t.Caches = d.cpuidCaches()
	}
	slices.SortStableFunc(t.Caches, func(a, b Cache) int {
		return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.CPUs.First(), b.CPUs.First()))
	})
	for i := range t.CPUs {
		for j, cache := range t.Caches { // ascending level: the last match is the highest
			if cache.CPUs.Contains(t.CPUs[i].ID) {
				t.CPUs[i].Cache = j
			}
		}
	}
}

// cacheBytes reads a cache size such as "2048K", 0 if it is none.
func cacheBytes(s string) int64 {
	shift := 0
	for i, unit := range []string{"K", "M", "G"} {
		if rest, ok := strings.CutSuffix(s, unit); ok {
			s, shift = rest, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > 1<<32 {
		return 0
	}
	return n << shift
}
