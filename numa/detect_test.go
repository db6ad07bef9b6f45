package numa

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files of testdata anew")

// TestTrees compares what is found in each tree, and the default plan for it,
// with testdata/*.golden: the text of hpkv-server --topology.
func TestTrees(t *testing.T) {
	trees, err := filepath.Glob("testdata/*.tree")
	if err != nil || len(trees) == 0 {
		t.Fatalf("no trees: %v", err)
	}
	for _, path := range trees {
		name := strings.TrimSuffix(filepath.Base(path), ".tree")
		t.Run(name, func(t *testing.T) {
			topo := detect(t, name)
			var got bytes.Buffer
			if err := Describe(&got, topo, topo.Plan(PlanOptions{})); err != nil {
				t.Fatal(err)
			}
			checkTopology(t, topo)
			golden := filepath.Join("testdata", name+".golden")
			if *rewrite {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
			}
		})
	}
}

// checkTopology checks what holds for every topology.
func checkTopology(t *testing.T, topo *Topology) {
	t.Helper()
	nodes := map[int]bool{}
	var onNodes CPUSet
	for _, n := range topo.Nodes {
		nodes[n.ID] = true
		if !onNodes.And(n.CPUs).Empty() {
			t.Errorf("node %d shares CPUs with another", n.ID)
		}
		onNodes = onNodes.Or(n.CPUs)
		if len(n.Distances) != 0 && len(n.Distances) != len(topo.Nodes) {
			t.Errorf("node %d has %d distances for %d nodes", n.ID, len(n.Distances), len(topo.Nodes))
		}
	}
	if !onNodes.Equal(topo.Online) {
		t.Errorf("nodes have CPUs %s, online are %s", onNodes, topo.Online)
	}
	if topo.Usable.Empty() || !topo.Usable.AndNot(topo.Online).Empty() {
		t.Errorf("usable CPUs %s of %s", topo.Usable, topo.Online)
	}
	for i, c := range topo.CPUs {
		if c.Online != topo.Online.Contains(c.ID) || c.Usable != topo.Usable.Contains(c.ID) {
			t.Errorf("CPU %d: online %v, usable %v", c.ID, c.Online, c.Usable)
		}
		if i > 0 && topo.CPUs[i-1].ID >= c.ID {
			t.Errorf("CPU %d is out of order", c.ID)
		}
		if !c.Online {
			if c.Core != -1 || c.Node != -1 || c.Cache != -1 {
				t.Errorf("offline CPU %d has a place: %+v", c.ID, c)
			}
			continue
		}
		if c.Core < 0 || c.Core >= topo.Cores || !nodes[c.Node] {
			t.Errorf("CPU %d: core %d of %d, node %d", c.ID, c.Core, topo.Cores, c.Node)
		}
		if c.Cache >= len(topo.Caches) || c.Cache >= 0 && !topo.Caches[c.Cache].CPUs.Contains(c.ID) {
			t.Errorf("CPU %d is not in its cache %d", c.ID, c.Cache)
		}
	}
}

func TestDetectedFacts(t *testing.T) {
	smt := detect(t, "two-nodes-smt")
	if smt.Cores != 8 || smt.Sockets != 2 || len(smt.Nodes) != 2 || len(smt.Caches) != 4 {
		t.Errorf("two-nodes-smt: %d cores, %d sockets, %d nodes, %d caches", smt.Cores, smt.Sockets, len(smt.Nodes), len(smt.Caches))
	}
	if a, b := smt.CPUs[3], smt.CPUs[11]; a.Core != b.Core || a.Thread != 0 || b.Thread != 1 {
		t.Errorf("CPUs 3 and 11 are threads of one core: %+v %+v", a, b)
	}
	if h := smt.HugePages; len(h) != 1 || h[0] != (HugePages{2 << 20, 512, 500}) || smt.THP != "always" {
		t.Errorf("huge pages %v, THP %q", h, smt.THP)
	}

	four := detect(t, "four-nodes")
	for i, want := range []bool{false, false, false, true} {
		if n := &four.Nodes[i]; (n.CPUs.Empty() && n.Memory != 0) != want {
			t.Errorf("node %d: %+v, memory only: %v", i, n, want)
		}
	}
	if four.Memory != 288<<30 { // no /proc/meminfo: the nodes' sum
		t.Errorf("memory %d", four.Memory)
	}

	arm := detect(t, "hybrid-arm")
	if arm.CPUs[3].Kind != Efficiency || arm.CPUs[4].Kind != Performance || arm.CPUs[7].Capacity != 1024 {
		t.Errorf("hybrid-arm: %+v", arm.CPUs)
	}
	if arm.Model != "ARM Cortex-A76" {
		t.Errorf("model %q", arm.Model)
	}

	f := func(name string, want Limits) {
		t.Helper()
		got := detect(t, name).Limits
		if got.Cgroup != want.Cgroup || got.CPUs != want.CPUs || got.Memory != want.Memory || got.Cpuset.String() != want.Cpuset.String() ||
			got.Mems.String() != want.Mems.String() || got.CPUsFrom != want.CPUsFrom || got.MemoryFrom != want.MemoryFrom {
			t.Errorf("%s: %+v\nwant %+v", name, got, want)
		}
	}
	f("cgroup-v1", Limits{Cgroup: "v1", CPUs: 2.5, Memory: 1 << 30, Cpuset: cpuRange(8),
		CPUsFrom: "/cg root/cpu,cpuacct", MemoryFrom: "/cg root/memory"})
	f("cgroup-v2", Limits{Cgroup: "v2", CPUs: 1.5, Memory: 3 << 30, Cpuset: cpuRange(4),
		CPUsFrom: "/sys/fs/cgroup/kube.slice/pod1", MemoryFrom: "/sys/fs/cgroup/kube.slice"})
	f("cpuset-three", Limits{Cgroup: "v2", Cpuset: NewCPUSet(2, 3, 5), Mems: NewCPUSet(1)})
	f("two-cores", Limits{Cgroup: "v1", Cpuset: cpuRange(2), Mems: NewCPUSet(0)})
	f("two-nodes-smt", Limits{})
}

// TestUsable sets the affinity mask against a cpuset of 2-3,5 on CPUs 0-7.
func TestUsable(t *testing.T) {
	dir := unpack(t, "cpuset-three")
	f := func(affinity, usable string, warnings int) {
		t.Helper()
		status := "Cpus_allowed_list:\t" + affinity + "\n"
		if err := os.WriteFile(filepath.Join(dir, "proc/self/status"), []byte(status), 0o644); err != nil {
			t.Fatal(err)
		}
		topo, err := DetectAt(Roots{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		checkTopology(t, topo)
		if got := topo.Usable.String(); got != usable || len(topo.Warnings) != warnings {
			t.Errorf("affinity %s: usable %s, want %s; warnings %q", affinity, got, usable, topo.Warnings)
		}
	}
	f("0-7", "2-3,5", 0)
	f("3-7", "3,5", 0)
	f("", "2-3,5", 0)
	f("7", "7", 1)     // the cpuset contradicts
	f("9", "2-3,5", 1) // no such CPU
	f("x", "2-3,5", 1)
}

func TestNoCPUAtAll(t *testing.T) {
	if topo, err := DetectAt(Roots{Dir: t.TempDir()}); !errors.Is(err, ErrNoCPU) {
		t.Errorf("an empty tree gives %+v, %v", topo, err)
	}
}

func TestDetectHere(t *testing.T) {
	topo, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	checkTopology(t, topo)
	if n := topo.Usable.Len(); n > runtime.NumCPU() || runtime.GOOS != "linux" && n != runtime.NumCPU() {
		t.Errorf("%d usable CPUs, the runtime knows %d", n, runtime.NumCPU())
	}
	var b bytes.Buffer
	if err := Describe(&b, topo, nil); err != nil || b.Len() == 0 {
		t.Errorf("Describe wrote %d bytes, %v", b.Len(), err)
	}
}

func TestDescribeReportsWriteError(t *testing.T) {
	topo := detect(t, "two-cores")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	w.Close()
	if Describe(w, topo, topo.Plan(PlanOptions{})) == nil {
		t.Error("no error from a closed file")
	}
}

func TestStructuredForm(t *testing.T) {
	topo := detect(t, "hybrid-x86")
	text, err := json.Marshal(struct {
		T *Topology
		P *Plan
	}{topo, topo.Plan(PlanOptions{})})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"Online":"0-8"`, `"Kind":"performance"`, `"ShardHome":[0,`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
}

// TestCPUIDCaches checks the stand-in for a missing sysfs: whatever sizes cpuid
// tells here, the sharing is by core and by node.
func TestCPUIDCaches(t *testing.T) {
	d := &detector{t: detect(t, "no-sysfs")}
	for _, c := range d.cpuidCaches() {
		want := map[int][]string{2: {"0,2", "1,3"}, 3: {"0-3"}}[c.Level]
		if !slices.Contains(want, c.CPUs.String()) || c.Bytes <= 0 {
			t.Errorf("L%d cache of %d bytes shared by %s, want one of %q", c.Level, c.Bytes, c.CPUs, want)
		}
	}
}

func TestParseCPUMax(t *testing.T) {
	f := func(in string, want float64) {
		t.Helper()
		if got, err := parseCPUMax(in); err != nil || got != want {
			t.Errorf("parseCPUMax(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	f("max 100000", 0)
	f("max", 0)
	f("150000 100000", 1.5)
	f("50000 250000", 0.2)
	f("200000", 2)

	bad := func(in string) {
		t.Helper()
		if got, err := parseCPUMax(in); err == nil {
			t.Errorf("parseCPUMax(%q) = %v, want an error", in, got)
		}
	}
	bad("")
	bad("0 100000")
	bad("-1 100000")
	bad("100000 0")
	bad("max -5")
	bad("1 2 3")
	bad("Max 100000")
	bad("1.5")
}

// FuzzCgroup feeds the parsers of the files a container runtime controls.
func FuzzCgroup(f *testing.F) {
	f.Add("0::/a/b\n", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n", "150000 100000")
	f.Add("4:cpu,memory:/a\n", `1 2 3 /a /c\040g rw - cgroup cgroup rw,cpu,memory`, "max")
	f.Add("0::/../..\n", "1 2 3 / / rw - cgroup2", "5")
	f.Fuzz(func(t *testing.T, cgroup, mountinfo, max string) {
		dir := t.TempDir()
		for name, text := range map[string]string{"proc/self/cgroup": cgroup, "proc/self/mountinfo": mountinfo, "cg/cpu.max": max} {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		d := &detector{dir: dir, t: &Topology{}}
		d.limits()
		if l := d.t.Limits; l.CPUs < 0 || l.Memory < 0 || l.CPUs > 0 && l.CPUsFrom == "" {
			t.Fatalf("%+v", l)
		}
		if len(d.t.Warnings) > maxWarnings+1 {
			t.Fatalf("%d warnings", len(d.t.Warnings))
		}
	})
}
