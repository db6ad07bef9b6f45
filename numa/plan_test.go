package numa

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"
)

// cpusOf lists the CPUs of a plan's workers in order.
func cpusOf(p *Plan) string {
	var s []string
	for _, w := range p.Workers {
		s = append(s, fmt.Sprint(w.CPU))
	}
	return strings.Join(s, " ")
}

func TestPlanWorkers(t *testing.T) {
	f := func(tree string, o PlanOptions, want string) {
		t.Helper()
		if got := cpusOf(detect(t, tree).Plan(o)); got != want {
			t.Errorf("%s with %+v: workers on CPUs %s, want %s", tree, o, got, want)
		}
	}
	f("two-cores", PlanOptions{}, "0 1")
	f("two-cores", PlanOptions{Workers: 1}, "0")
	f("two-cores", PlanOptions{Workers: 5}, "0 0 0 1 1")
	f("two-cores", PlanOptions{Workers: -3}, "0 1")

	f("two-nodes-smt", PlanOptions{}, "0 1 2 3 4 5 6 7")
	f("two-nodes-smt", PlanOptions{Workers: 3}, "0 1 2")
	f("two-nodes-smt", PlanOptions{SMT: true}, "0 1 8 9 2 3 10 11 4 5 12 13 6 7 14 15")
	f("two-nodes-smt", PlanOptions{SMT: true, Workers: 3}, "0 1 8")
	// More than the cores: second threads as needed, in their places.
	f("two-nodes-smt", PlanOptions{Workers: 10}, "0 1 8 9 2 3 4 5 6 7")

	f("hybrid-x86", PlanOptions{}, "0 2 4 5 6 7 8")
	f("hybrid-x86", PlanOptions{Workers: 2}, "0 2")
	f("hybrid-arm", PlanOptions{}, "4 5 6 7 0 1 2 3")
	f("offline", PlanOptions{}, "0 2")
	f("cpuset-three", PlanOptions{}, "5 2")
	f("cpuset-three", PlanOptions{SMT: true}, "5 2 3")
	f("cgroup-v1", PlanOptions{}, "0 1")
	f("cgroup-v1", PlanOptions{Workers: 4}, "0 1 2 3") // the operator's word beats the quota
	f("cgroup-v2", PlanOptions{}, "0")
}

func TestPlanQuota(t *testing.T) {
	topo := detect(t, "two-nodes-smt")
	f := func(quota float64, workers int) {
		t.Helper()
		topo.Limits.CPUs = quota
		if n := len(topo.Plan(PlanOptions{}).Workers); n != workers {
			t.Errorf("quota %v: %d workers, want %d", quota, n, workers)
		}
	}
	f(0, 8)
	f(0.01, 1)
	f(1, 1)
	f(1.99, 1)
	f(2, 2)
	f(7.5, 7)
	f(8, 8)
	f(1e12, 8)
}

func TestPlanMemory(t *testing.T) {
	topo := detect(t, "four-nodes")
	p := topo.Plan(PlanOptions{Shards: 6}) // rounded up to 8
	var got []int
	for s := range p.Shards {
		got = append(got, p.ShardNode(s))
	}
	if s := fmt.Sprint(got); s != "[0 0 0 1 1 1 1 1]" {
		t.Errorf("shards on nodes %s", s)
	}

	f := func(node, want int, change func(t *Topology)) {
		t.Helper()
		topo := detect(t, "four-nodes")
		change(topo)
		if got := topo.memoryNode(node); got != want {
			t.Errorf("memory of node %d from node %d, want %d", node, got, want)
		}
	}
	f(0, 0, func(*Topology) {})
	f(2, 1, func(*Topology) {})
	f(2, 3, func(t *Topology) { t.Nodes[1].Allowed = false })
	f(2, 0, func(t *Topology) { t.Nodes[1].Allowed, t.Nodes[3].Allowed = false, false })
	f(0, 1, func(t *Topology) { t.Nodes[0].Allowed = false })
	f(2, 0, func(t *Topology) { t.Nodes[2].Distances = nil })
	f(2, 1, func(t *Topology) { t.Nodes[2].Distances = []int{31, 22, 10, 22} })
	f(2, 2, func(t *Topology) { t.Nodes[2].Memory = -1 }) // unknown is believed to be there
	f(2, 2, func(t *Topology) {
		for i := range t.Nodes {
			t.Nodes[i].Allowed = false
		}
	})
	// A memory-only node is never preferred over an equally near one with CPUs.
	f(0, 1, func(t *Topology) {
		t.Nodes[0].Allowed = false
		t.Nodes[0].Distances = nil
		t.Nodes[1], t.Nodes[3] = t.Nodes[3], t.Nodes[1]
	})
}

func TestPlanShards(t *testing.T) {
	topo := detect(t, "two-nodes-smt")
	f := func(o PlanOptions, want int) {
		t.Helper()
		if got := topo.Plan(o).Shards; got != want {
			t.Errorf("%+v: %d shards, want %d", o, got, want)
		}
	}
	f(PlanOptions{}, 64)
	f(PlanOptions{Workers: 1}, 16)
	f(PlanOptions{Workers: 3}, 32)
	f(PlanOptions{ShardsPerWorker: 3}, 32)
	f(PlanOptions{ShardsPerWorker: math.MaxInt}, MaxShards)
	f(PlanOptions{Shards: 1}, 1)
	f(PlanOptions{Shards: 33}, 64)
	f(PlanOptions{Shards: math.MaxInt}, MaxShards)
	f(PlanOptions{Workers: math.MaxInt}, 8*MaxWorkers)
}

func TestPlanPinning(t *testing.T) {
	f := func(tree string, o PlanOptions, want bool, change func(*Topology)) {
		t.Helper()
		topo := detect(t, tree)
		if change != nil {
			change(topo)
		}
		if p := topo.Plan(o); p.Pinned != want || p.PinReason == "" {
			t.Errorf("%s with %+v: pinned %v because %q", tree, o, p.Pinned, p.PinReason)
		}
	}
	f("two-nodes-smt", PlanOptions{}, true, nil)
	f("two-nodes-smt", PlanOptions{Pin: PinOff}, false, nil)
	f("two-nodes-smt", PlanOptions{Workers: 3}, false, nil)
	f("two-nodes-smt", PlanOptions{Workers: 17, Pin: PinOn}, false, nil)
	f("two-nodes-smt", PlanOptions{Pin: PinOn}, false, func(t *Topology) { t.Pinnable = false })
	f("two-cores", PlanOptions{}, false, nil)
	f("two-cores", PlanOptions{Pin: PinOn}, true, nil)
	f("two-cores", PlanOptions{}, true, func(t *Topology) { t.Isolated = cpuRange(2) })
	f("cpuset-three", PlanOptions{}, true, nil)
	f("cgroup-v1", PlanOptions{}, false, nil)
	f("cgroup-v1", PlanOptions{Pin: PinOn}, true, nil)
}

// TestPlanInvariants tries random wishes on every tree.
func TestPlanInvariants(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, name := range []string{"two-cores", "two-nodes-smt", "four-nodes", "hybrid-x86", "hybrid-arm", "offline", "cpuset-three", "malformed"} {
		topo := detect(t, name)
		for range 300 {
			o := PlanOptions{Workers: rng.IntN(40) - 5, Shards: rng.IntN(200) - 100, ShardsPerWorker: rng.IntN(20) - 5, SMT: rng.IntN(2) == 0}
			topo.Limits.CPUs = float64(rng.IntN(100)-50) / 8
			p := topo.Plan(o)
			if err := checkPlan(topo, p); err != nil {
				t.Fatalf("seed %d: %s with %+v, quota %v: %v\n%+v", seed, name, o, topo.Limits.CPUs, err, p)
			}
		}
	}
}

func checkPlan(t *Topology, p *Plan) error {
	if len(p.Workers) == 0 || len(p.ShardHome) != p.Shards || bits.OnesCount(uint(p.Shards)) != 1 {
		return fmt.Errorf("%d workers, %d shards with %d homes", len(p.Workers), p.Shards, len(p.ShardHome))
	}
	used := map[int]int{}
	left := map[int]bool{} // nodes whose workers have all passed
	for i, w := range p.Workers {
		if !t.Usable.Contains(w.CPU) {
			return fmt.Errorf("worker %d on CPU %d, which is not usable", i, w.CPU)
		}
		used[w.CPU]++
		if i > 0 && p.Workers[i-1].Node != w.Node {
			left[p.Workers[i-1].Node] = true
		}
		if left[w.Node] {
			return fmt.Errorf("node %d is not contiguous", w.Node)
		}
	}
	low, high := len(p.Workers), 0
	for _, n := range used {
		low, high = min(low, n), max(high, n)
	}
	if high > low+1 || high > 1 && len(used) != t.Usable.Len() {
		return fmt.Errorf("CPUs are used unevenly: %v", used)
	}
	homes := make([]int, len(p.Workers))
	for s, w := range p.ShardHome {
		if w < 0 || w >= len(homes) || s > 0 && w < p.ShardHome[s-1] {
			return fmt.Errorf("shard %d at home at %d", s, w)
		}
		homes[w]++
	}
	for w, n := range homes {
		if n < p.Shards/len(homes) || n > p.Shards/len(homes)+1 {
			return fmt.Errorf("worker %d has %d of %d shards", w, n, p.Shards)
		}
	}
	return nil
}
