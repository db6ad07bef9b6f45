package engine

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// Linearizability: histories of concurrent operations, recorded with their
// times, must have an order that a sequential store explains.

type linearOp struct {
	name string // as in perform
	keys []int
	vals []string
}

type linearResult struct {
	vals []string // "" is absent
	ok   bool
	n    int64
}

// linearKeys is how many keys a history is about. Values are never empty.
const linearKeys = 4

type linearState [linearKeys]string

func linearKey(i int) []byte { return fmt.Appendf(nil, "linear/%d", i) }

// perform does op on the engine.
func (op *linearOp) perform(l *Lane) (res linearResult) {
	t := l.Begin(0)
	defer t.End()
	key := linearKey(op.keys[0])
	text := func(v []byte, ok bool) []string {
		if !ok {
			return []string{""}
		}
		return []string{string(v)}
	}
	switch op.name {
	case "get":
		v, ok, told := l.Engine().Peek(0, nil, key)
		if !told {
			v, ok, _ = t.Get(nil, key, nil)
		}
		res.vals = text(v, ok)
	case "set", "setnx", "setxx", "setget":
		r, _ := t.Set(key, []byte(op.vals[0]), SetOptions{NX: op.name == "setnx", XX: op.name == "setxx", Get: op.name == "setget"})
		res.ok, res.vals = r.Set, text(r.Prev, r.HadPrev)
	case "getdel":
		v, ok, _ := t.GetDel(nil, key, nil)
		res.vals = text(v, ok)
	case "delete":
		res.ok = t.Delete(key)
	case "incr":
		n, err := t.IncrBy(key, 1)
		res.n, res.ok = n, err == nil
	case "append":
		res.n, _ = t.Append(key, []byte(op.vals[0]))
	case "mget":
		res.vals = make([]string, len(op.keys))
		t.MGet(op.keyBytes(), func(i int, v []byte, ok bool) { res.vals[i] = text(v, ok)[0] })
	case "exists":
		res.n = int64(t.ExistsMany(op.keyBytes()))
	case "lockedget":
		t.LockKeys(op.keyBytes(), 0, len(op.keys)-1, 1)
		for _, k := range op.keys {
			v, ok, _ := t.Get(nil, linearKey(k), nil)
			res.vals = append(res.vals, text(v, ok)...)
		}
	case "mset", "msetnx":
		var pairs [][]byte
		for i, k := range op.keys {
			pairs = append(pairs, linearKey(k), []byte(op.vals[i]))
		}
		t.LockKeys(pairs, 0, len(pairs)-1, 2)
		if op.name == "mset" {
			_ = t.MSet(pairs)
		} else {
			res.ok, _ = t.MSetNX(pairs)
		}
	case "rename":
		t.LockKeys(op.keyBytes(), 0, 1, 1)
		res.ok, _ = t.Rename(key, linearKey(op.keys[1]), false)
	case "flush":
		t.FlushDB(true)
	}
	return res
}

func (op *linearOp) keyBytes() (keys [][]byte) {
	for _, k := range op.keys {
		keys = append(keys, linearKey(k))
	}
	return keys
}

// step is the sequential store: it does op on s and says what comes out.
func (op *linearOp) step(s linearState) (linearState, linearResult) {
	var res linearResult
	k := op.keys[0]
	old := s[k]
	switch op.name {
	case "get":
		res.vals = []string{old}
	case "set", "setnx", "setxx", "setget":
		res.ok = !(op.name == "setnx" && old != "" || op.name == "setxx" && old == "")
		res.vals = []string{""}
		if op.name == "setget" {
			res.vals[0] = old
		}
		if res.ok {
			s[k] = op.vals[0]
		}
	case "getdel":
		res.vals, s[k] = []string{old}, ""
	case "delete":
		res.ok, s[k] = old != "", ""
	case "incr":
		n, err := strconv.ParseInt(old, 10, 64)
		if res.ok = old == "" || err == nil; res.ok {
			res.n = n + 1
			s[k] = strconv.FormatInt(n+1, 10)
		}
	case "append":
		s[k] += op.vals[0]
		res.n = int64(len(s[k]))
	case "mget", "lockedget":
		for _, k := range op.keys {
			res.vals = append(res.vals, s[k])
		}
	case "exists":
		for _, k := range op.keys {
			if s[k] != "" {
				res.n++
			}
		}
	case "mset":
		for i, k := range op.keys {
			s[k] = op.vals[i]
		}
	case "msetnx":
		res.ok = true
		for _, k := range op.keys {
			res.ok = res.ok && s[k] == ""
		}
		for i, k := range op.keys {
			if res.ok {
				s[k] = op.vals[i]
			}
		}
	case "rename":
		if res.ok = old != ""; res.ok {
			s[k] = ""
			s[op.keys[1]] = old
		}
	case "flush":
		s = linearState{}
	}
	return s, res
}

var linearModel = porcupine.Model{
	Init: func() any { return linearState{} },
	Step: func(state, input, output any) (bool, any) {
		op, got := input.(linearOp), output.(linearResult)
		next, want := op.step(state.(linearState))
		return got.ok == want.ok && got.n == want.n && strings.Join(got.vals, "\x00") == strings.Join(want.vals, "\x00"), next
	},
	DescribeOperation: func(input, output any) string {
		return fmt.Sprintf("%v -> %v", input, output)
	},
}

// single makes operations on one key, multi also such on several.
func single(r *rand.Rand, serial func() string) linearOp {
	op := linearOp{keys: []int{r.IntN(linearKeys)}, vals: []string{serial()}}
	op.name = []string{"get", "get", "get", "set", "set", "setnx", "setxx", "setget", "getdel", "delete", "incr", "append"}[r.IntN(12)]
	if op.name == "set" && r.IntN(3) == 0 {
		op.vals[0] = strconv.Itoa(r.IntN(100)) // for incr
	}
	return op
}

func multi(r *rand.Rand, serial func() string) linearOp {
	op := linearOp{name: []string{"mget", "mget", "mset", "mset", "msetnx", "rename", "exists", "exists", "lockedget", "flush", "", "", ""}[r.IntN(13)]}
	if op.name == "" {
		return single(r, serial)
	}
	op.keys = r.Perm(linearKeys)
	if op.name != "rename" {
		op.keys = op.keys[:2+r.IntN(linearKeys-1)]
	} else {
		op.keys = op.keys[:2]
	}
	for range op.keys {
		op.vals = append(op.vals, serial())
	}
	return op
}

func TestLinearizable(t *testing.T) {
	for _, c := range []struct {
		name   string
		shards int
		procs  int
		make   func(r *rand.Rand, serial func() string) linearOp
	}{
		{"single keys", 4, 0, single},
		{"single keys, one shard, many threads", 1, 8, single},
		{"several keys", 4, 0, multi},
		{"several keys, many threads", 16, 8, multi},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.procs > 0 {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.procs))
			}
			seed := testSeed(t)
			rounds := 0
			for end := time.Now().Add(stressTime(t) / 8); time.Now().Before(end) || rounds == 0; rounds++ {
				linearRound(t, c.shards, seed+uint64(rounds), c.make)
			}
			t.Logf("%d histories", rounds)
		})
	}
}

// linearRound records one history of some clients and checks it.
func linearRound(t *testing.T, shards int, seed uint64, make func(r *rand.Rand, serial func() string) linearOp) {
	t.Helper()
	const clients, ops = 4, 40
	e, _ := openTest(t, Options{Shards: shards, Databases: 1, ReserveBytes: 64 << 20})
	start := time.Now()
	var wg, noise sync.WaitGroup
	begin, stop := newGate(), newGate()
	histories := [clients][]porcupine.Operation{}
	for c := range clients {
		wg.Go(func() {
			l := e.NewLane()
			defer l.Close()
			r := rand.New(rand.NewPCG(seed, uint64(c)))
			n := 0
			serial := func() string {
				n++
				// Lengths differ, so that values move between size classes.
				return fmt.Sprintf("c%d.%d.", c, n) + strings.Repeat("x", r.IntN(40))
			}
			begin.wait()
			for range ops {
				op := make(r, serial)
				call := time.Since(start).Nanoseconds()
				res := op.perform(l)
				histories[c] = append(histories[c], porcupine.Operation{ClientId: c, Input: op, Call: call, Output: res, Return: time.Since(start).Nanoseconds()})
				if r.IntN(4) == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	noise.Go(func() { // growth, shrinking and evacuation around the keys
		l := e.NewLane()
		defer l.Close()
		begin.wait()
		for i := 0; !stop.opened(); i++ {
			key := fmt.Appendf(nil, "noise/%d", i%1000)
			if i/1000%2 == 0 {
				_, _ = l.Begin(0).Set(key, key, SetOptions{})
			} else {
				l.Begin(0).Delete(key)
			}
			if i%100 == 0 {
				for home := range e.Homes() {
					e.Maintain(l, home, 0)
				}
			}
		}
	})
	begin.open()
	wg.Wait()
	stop.open()
	noise.Wait()
	var history []porcupine.Operation
	for _, h := range histories {
		history = append(history, h...)
	}
	switch res, _ := porcupine.CheckOperationsVerbose(linearModel, history, 20*time.Second); res {
	case porcupine.Illegal:
		for _, op := range history {
			t.Logf("client %d %d-%d %s", op.ClientId, op.Call, op.Return, linearModel.DescribeOperation(op.Input, op.Output))
		}
		t.Fatalf("not linearizable; reproduce, with luck: HPKV_SEED=%d HPKV_STRESS=60s go test -run '%s' ./engine", seed, t.Name())
	case porcupine.Unknown:
		t.Logf("a history was too hard to check")
	}
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
}

// gate holds goroutines back until it opens.
type gate struct{ c chan struct{} }

func newGate() gate  { return gate{make(chan struct{})} }
func (g gate) open() { close(g.c) }
func (g gate) wait() { <-g.c }
func (g gate) opened() bool {
	select {
	case <-g.c:
		return true
	default:
		return false
	}
}

// TestLinearModelRefuses: the checker finds what it is there to find.
func TestLinearModelRefuses(t *testing.T) {
	op := func(client int, call, ret int64, in linearOp, out linearResult) porcupine.Operation {
		return porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: ret}
	}
	mset := linearOp{name: "mset", keys: []int{0, 1}, vals: []string{"a", "b"}}
	get := func(k int) linearOp { return linearOp{name: "get", keys: []int{k}} }
	sees := func(v string) linearResult { return linearResult{vals: []string{v}} }
	for name, h := range map[string][]porcupine.Operation{
		"a torn mset":  {op(0, 0, 100, mset, linearResult{}), op(1, 10, 20, get(0), sees("a")), op(1, 30, 40, get(1), sees(""))},
		"a stale read": {op(0, 0, 10, mset, linearResult{}), op(1, 20, 30, get(0), sees(""))},
		"a torn mget":  {op(0, 0, 100, mset, linearResult{}), op(1, 10, 20, linearOp{name: "mget", keys: []int{0, 1}}, linearResult{vals: []string{"", "b"}})},
	} {
		if porcupine.CheckOperations(linearModel, h) {
			t.Errorf("%s passes as linearizable", name)
		}
	}
}
