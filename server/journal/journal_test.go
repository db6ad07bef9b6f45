package journal

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"hpkv/engine"
	"hpkv/numa"
	"hpkv/persist"
	"hpkv/persist/vfs"
)

// operations is a list of changes that follows from a seed alone.
type operations struct {
	r     *rand.Rand
	clock *engine.ManualClock
}

func (o *operations) key(kind string) []byte { return fmt.Appendf(nil, "%s%d", kind, o.r.IntN(60)) }

func (o *operations) values(n int) (vals [][]byte) {
	for range 1 + o.r.IntN(n) {
		size := o.r.IntN(30)
		if o.r.IntN(200) == 0 {
			size = o.r.IntN(100_000)
		}
		vals = append(vals, fmt.Appendf(nil, "%0*d", size, o.r.IntN(3000)))
	}
	return vals
}

// step makes the next change.
func (o *operations) step(l *engine.Lane) {
	const dbs = 3
	o.clock.Advance(time.Duration(o.r.IntN(3)) * time.Millisecond)
	l.SetNow(o.clock.NowMs())
	t := l.Begin(o.r.IntN(dbs))
	defer t.End()
	later := o.clock.NowMs() + int64(o.r.IntN(5000))
	switch n := o.r.IntN(1000); {
	case n < 2:
		t.FlushDB(true)
	case n < 8:
		_ = t.SwapDB(o.r.IntN(dbs), o.r.IntN(dbs))
	case n < 250:
		_, _ = t.Set(o.key("s"), o.values(1)[0], engine.SetOptions{KeepTTL: n%2 == 0})
	case n < 300:
		_, _ = t.Set(o.key("s"), o.values(1)[0], engine.SetOptions{ExpireAtMs: later})
	case n < 350:
		_, _ = t.Append(o.key("s"), o.values(1)[0])
	case n < 400:
		_, _ = t.SetRange(o.key("s"), int64(o.r.IntN(100_000)>>o.r.IntN(16)), o.values(1)[0])
	case n < 450:
		t.Delete(o.key([]string{"s", "set", "z", "h", "l"}[o.r.IntN(5)]))
	case n < 500:
		t.ExpireAt(o.key([]string{"s", "set", "z", "h", "l"}[o.r.IntN(5)]), later, 0)
	case n < 550:
		kind := []string{"s", "set", "z", "h", "l"}[o.r.IntN(5)]
		keys := [][]byte{o.key(kind), o.key(kind)}
		t.LockKeys(keys, 0, 1, 1)
		_, _ = t.Rename(keys[0], keys[1], false)
	case n < 580:
		_, _ = t.Move(o.key([]string{"s", "set", "z", "h", "l"}[o.r.IntN(5)]), o.r.IntN(dbs))
	case n < 640:
		pairs := [][]byte{o.key("s"), o.values(1)[0], o.key("s"), o.values(1)[0], o.key("s"), o.values(1)[0]}
		t.LockKeys(pairs, 0, 5, 2)
		_ = t.MSet(pairs)
	case n < 740:
		_, _ = t.SAdd(o.key("set"), o.values(200))
	case n < 780:
		_, _ = t.SRem(o.key("set"), o.values(100))
	case n < 860:
		var scores []float64
		var args [][]byte
		for _, m := range o.values(200) {
			scores, args = append(scores, float64(o.r.IntN(50))), append(args, nil, m)
		}
		_, _ = t.ZAdd(o.key("z"), scores, args, engine.ZAddOptions{})
	case n < 900:
		_, _ = t.ZRem(o.key("z"), o.values(100))
	case n < 930:
		_, _ = t.HSet(o.key("h"), pairs(o.values(100)))
	case n < 945:
		_, _ = t.HDel(o.key("h"), o.values(50))
	case n < 975:
		_, _ = t.ListPush(o.key("l"), ends[n%2], o.values(40), false)
	case n < 985:
		_, _ = t.ListPop(o.key("l"), ends[n%2], int64(o.r.IntN(30)), func(int) {}, func(engine.ListValue) {})
	default:
		_, _ = t.ListRemove(o.key("l"), 0, o.values(1)[0])
	}
}

var ends = [2]engine.ListEnd{engine.ListLeft, engine.ListRight}

func pairs(vals [][]byte) (list [][]byte) {
	for _, v := range vals {
		list = append(list, v, v)
	}
	return list
}

// contents returns what an engine holds, in terms that do not depend on forms.
func contents(t *testing.T, e *engine.Engine, nowMs int64) map[string]string {
	t.Helper()
	all := map[string]string{}
	l := e.NewLane()
	defer l.Close()
	l.SetNow(nowMs)
	for db := range e.Databases() {
		txn := l.Begin(db)
		var keys [][]byte
		txn.Keys(func(key []byte) { keys = append(keys, slices.Clone(key)) })
		for _, key := range keys {
			var elems []string
			add := func(b []byte) { elems = append(elems, string(b)) }
			typ := txn.Type(key)
			var err error
			switch typ {
			case engine.TypeString:
				var val []byte
				val, _, err = txn.Get(nil, key, nil)
				add(val)
			case engine.TypeSet:
				err = txn.SMembers(key, func(int) {}, add)
			case engine.TypeHash:
				err = txn.HGetAll(key, func(int) {}, func(f, v []byte) { add(fmt.Appendf(nil, "%q=%q", f, v)) })
			case engine.TypeZSet:
				err = txn.ZRange(key, &engine.ZRange{Stop: -1}, func(int) {}, func(m []byte, score float64) { add(fmt.Appendf(nil, "%v %q", score, m)) })
			case engine.TypeList:
				err = txn.ListRange(key, 0, -1, func(int) {}, func(v engine.ListValue) { add(v.Append(nil)) })
			}
			if err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			if typ != engine.TypeList {
				slices.Sort(elems)
			}
			at, _ := txn.ExpireTime(key)
			all[fmt.Sprintf("%d/%s", db, key)] = fmt.Sprintf("%v %d %q", typ, at, elems)
		}
		txn.End()
	}
	return all
}

// layout is everything that must make no difference to the data.
type layout struct {
	shards, homes int
	segment       int64
	policy        persist.Policy
	compactEvery  int // operations; 0: never
	restartEvery  int
	onStep        func(persist.Step, time.Duration) // of the log, or nil
}

// open opens an engine on the log in disk.
func (y *layout) open(t *testing.T, disk vfs.FS, clock engine.Clock) (*engine.Engine, *Journal) {
	t.Helper()
	e, err := engine.Open(engine.Options{
		Shards: y.shards, Databases: 3, Clock: clock, ReserveBytes: 4 << 30,
		Plan: &numa.Plan{Workers: make([]numa.Worker, y.homes)},
	})
	if err != nil {
		t.Fatal(err)
	}
	j, _, err := Open(context.Background(), e, Options{Options: persist.Options{
		FS: disk, Dir: "/log", SegmentBytes: y.segment, Policy: y.policy, Gather: 100 * time.Microsecond, OnStep: y.onStep,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return e, j
}

// run plays n operations, with compactions and restarts in between, and returns
// what a last restart finds.
func (y *layout) run(t *testing.T, seed uint64, n int) map[string]string {
	t.Helper()
	disk := vfs.NewMem("/")
	o := &operations{r: rand.New(rand.NewPCG(seed, 0)), clock: engine.NewManualClock(1_700_000_000_000)}
	e, j := y.open(t, disk, o.clock)
	l := e.NewLane()
	compaction := make(chan error, 1)
	compacting := false
	settle := func() {
		if compacting {
			if err := <-compaction; err != nil {
				t.Fatal(err)
			}
			compacting = false
		}
	}
	stop := func() {
		settle()
		l.Close()
		if err := e.Check(); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		o.step(l)
		if y.compactEvery > 0 && i%y.compactEvery == y.compactEvery-1 {
			settle()
			compacting = true
			go func() { compaction <- j.Compact(context.Background()) }()
		}
		if y.restartEvery > 0 && i%y.restartEvery == y.restartEvery-1 {
			stop()
			e, j = y.open(t, disk, o.clock)
			l = e.NewLane()
		}
	}
	live := contents(t, e, o.clock.NowMs())
	stop()
	e, j = y.open(t, disk, o.clock)
	l = e.NewLane()
	found := contents(t, e, o.clock.NowMs())
	stop()
	if !maps.Equal(live, found) {
		t.Errorf("%+v: %d keys, and other ones, %d, after a restart", *y, len(live), len(found))
	}
	return found
}

// TestLayouts: the same operations leave the same data, whatever the numbers of
// shards and streams, the size of segments, the policy, and the times of
// compactions and restarts.
func TestLayouts(t *testing.T) {
	seed := rand.Uint64()
	if n, err := strconv.ParseUint(os.Getenv("HPKV_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("HPKV_SEED=%d", seed)
	n := 4000
	if testing.Short() {
		n = 1500
	}
	var want map[string]string
	for i, y := range []layout{
		{shards: 1, homes: 1, segment: 16 << 20, policy: persist.No},
		{shards: 8, homes: 2, segment: 64 << 10, policy: persist.EverySec, compactEvery: 700},
		{shards: 64, homes: 5, segment: 1 << 20, policy: persist.Always, compactEvery: 300, restartEvery: 900},
		{shards: 2, homes: 3, segment: 4 << 10, policy: persist.EverySec, restartEvery: 500},
		{shards: 16, homes: 16, segment: 256 << 10, policy: persist.No, compactEvery: 150, restartEvery: 1100},
	} {
		got := y.run(t, seed, n)
		if i == 0 {
			if want = got; len(want) < 20 {
				t.Fatalf("only %d keys: nothing is tested", len(want))
			}
			continue
		}
		if !maps.Equal(got, want) {
			t.Errorf("%+v: %d keys, want %d", y, len(got), len(want))
			for k, v := range want {
				if got[k] != v {
					t.Errorf("%s: %.200s, want %.200s", k, got[k], v)
					break
				}
			}
		}
	}
}
