package engine

import (
	"bytes"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hpkv/engine/alloc"
	"hpkv/engine/record"
)

// recorder keeps what it is told: events as text, effects as copies.
type recorder struct {
	mu      sync.Mutex
	events  []string
	effects []recorded
	round   uint64
}

type recorded struct {
	shard    int
	seq, txn uint64
	ef       Effect
	payload  []byte
}

func (r *recorder) KeyEvent(db int, ev Event, key []byte, _ Commit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf("%d%s %s", db, ev, key))
}

// Append implements Journal; every call is a round of its own.
func (r *recorder) Append(home, shard int, seq uint64, ef *Effect) uint64 {
	return r.AppendTxn([]JournalRecord{{Home: home, Shard: shard, Seq: seq, Payload: AppendEffect(nil, ef)}})
}

func (r *recorder) AppendTxn(recs []JournalRecord) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range recs {
		e := recorded{shard: rec.Shard, seq: rec.Seq, txn: rec.Txn, payload: bytes.Clone(rec.Payload)}
		if err := DecodeEffect(&e.ef, e.payload); err != nil {
			panic(fmt.Sprintf("effect %x: %v", e.payload, err))
		}
		r.effects = append(r.effects, e)
	}
	r.round++
	return r.round
}

func (r *recorder) takeEvents() string {
	s := strings.Join(r.events, ", ")
	r.events = nil
	return s
}

func b(s string) []byte { return []byte(s) }

func bs(s ...string) (out [][]byte) {
	for _, s := range s {
		out = append(out, []byte(s))
	}
	return out
}

// TestEvents plays commands in turn; what each must raise was recorded from
// redis-server 7.0.15 with notify-keyspace-events KEAn.
func TestEvents(t *testing.T) {
	rec := new(recorder)
	e, clock := openTest(t, Options{Shards: 4, Databases: 2, Events: rec})
	e.SetEventClasses(AllClasses &^ ClassKeyMiss)
	l := e.NewLane()
	defer l.Close()
	now := clock.NowMs()
	set := func(key, val string, o SetOptions) func(t *Txn) {
		return func(t *Txn) { _, _ = t.Set(b(key), b(val), o) }
	}
	pair := func(x, y string, f func(t *Txn)) func(t *Txn) {
		return func(t *Txn) { t.LockKeys(bs(x, y), 0, 1, 1); f(t) }
	}
	rename := func(x, y string) func(t *Txn) {
		return pair(x, y, func(t *Txn) { _, _ = t.Rename(b(x), b(y), false) })
	}
	cp := func(x, y string, replace bool) func(t *Txn) {
		return pair(x, y, func(t *Txn) { _, _ = t.Copy(b(x), b(y), 0, replace) })
	}
	pass := func(t *Txn) { clock.Advance(100 * time.Millisecond) }
	for i, c := range []struct {
		name string
		do   func(t *Txn)
		want string
	}{
		{"set", set("a", "1", SetOptions{}), "0new a, 0set a"},
		{"set", set("a", "2", SetOptions{}), "0set a"},
		{"set ex", set("a", "3", SetOptions{ExpireAtMs: now + 100000}), "0set a, 0expire a"},
		{"set keepttl", set("a", "3", SetOptions{KeepTTL: true}), "0set a"},
		{"set nx", set("a", "3", SetOptions{NX: true}), ""},
		{"set xx", set("nokey", "3", SetOptions{XX: true}), ""},
		{"set pxat 1", set("p", "1", SetOptions{ExpireAtMs: 1}), "0new p, 0set p, 0expire p"},
		{"incr p", func(t *Txn) { _, _ = t.IncrBy(b("p"), 1) }, "0expired p, 0new p, 0incrby p"},
		{"get", func(t *Txn) { _, _, _ = t.Get(nil, b("p"), nil) }, ""},
		{"rename a b", rename("a", "b"), "0new b, 0rename_from a, 0rename_to b"},
		{"set c", set("c", "1", SetOptions{}), "0new c, 0set c"},
		{"rename b c", rename("b", "c"), "0new c, 0rename_from b, 0rename_to c"},
		{"rename c c", rename("c", "c"), ""},
		{"rename nokey c", rename("nokey", "c"), ""},
		{"copy c d", cp("c", "d", false), "0new d, 0copy_to d"},
		{"copy c d", cp("c", "d", false), ""},
		{"copy c d replace", cp("c", "d", true), "0new d, 0copy_to d"},
		{"set e", set("e", "1", SetOptions{}), "0new e, 0set e"},
		{"move e 1", func(t *Txn) { _, _ = t.Move(b("e"), 1) }, "1new e, 0move_from e, 1move_to e"},
		{"append z", func(t *Txn) { _, _ = t.Append(b("z"), b("abc")) }, "0new z, 0append z"},
		{"append z", func(t *Txn) { _, _ = t.Append(b("z"), b("d")) }, "0append z"},
		{"setrange z", func(t *Txn) { _, _ = t.SetRange(b("z"), 2, b("x")) }, "0setrange z"},
		{"setrange y", func(t *Txn) { _, _ = t.SetRange(b("y"), 2, b("x")) }, "0new y, 0setrange y"},
		{"setrange y, empty", func(t *Txn) { _, _ = t.SetRange(b("y"), 2, nil) }, ""},
		{"incr i", func(t *Txn) { _, _ = t.IncrBy(b("i"), 1) }, "0new i, 0incrby i"},
		{"incr i", func(t *Txn) { _, _ = t.IncrBy(b("i"), 1) }, "0incrby i"},
		{"incr z", func(t *Txn) { _, _ = t.IncrBy(b("z"), 1) }, ""},
		{"incrbyfloat i", func(t *Txn) {
			_, _ = t.IncrByFloat(nil, b("i"), func(dst, _ []byte) ([]byte, error) { return append(dst, "2.5"...), nil })
		}, "0incrbyfloat i"},
		{"expire i", func(t *Txn) { t.ExpireAt(b("i"), now+1000, 0) }, "0expire i"},
		{"expire i nx", func(t *Txn) { t.ExpireAt(b("i"), now+1000, ExpireNX) }, ""},
		{"expire i -1", func(t *Txn) { t.ExpireAt(b("i"), now-1, 0) }, "0del i"},
		{"set q", set("q", "1", SetOptions{}), "0new q, 0set q"},
		{"getex q ex", func(t *Txn) { _, _, _ = t.GetEx(nil, b("q"), nil, GetExOptions{ExpireAtMs: now + 1000}) }, "0expire q"},
		{"getex q", func(t *Txn) { _, _, _ = t.GetEx(nil, b("q"), nil, GetExOptions{}) }, ""},
		{"getex q persist", func(t *Txn) { _, _, _ = t.GetEx(nil, b("q"), nil, GetExOptions{Persist: true}) }, "0persist q"},
		{"getex q persist", func(t *Txn) { _, _, _ = t.GetEx(nil, b("q"), nil, GetExOptions{Persist: true}) }, ""},
		{"getex q pxat 1", func(t *Txn) { _, _, _ = t.GetEx(nil, b("q"), nil, GetExOptions{ExpireAtMs: 1}) }, "0del q"},
		{"set q", set("q", "1", SetOptions{}), "0new q, 0set q"},
		{"getdel q", func(t *Txn) { _, _, _ = t.GetDel(nil, b("q"), nil) }, "0del q"},
		{"mset", func(t *Txn) {
			p := bs("m1", "1", "m2", "2", "m1", "3")
			t.LockKeys(p, 0, 5, 2)
			_ = t.MSet(p)
		}, "0new m1, 0set m1, 0new m2, 0set m2, 0set m1"},
		{"msetnx", func(t *Txn) {
			p := bs("m3", "1", "m4", "1")
			t.LockKeys(p, 0, 3, 2)
			_, _ = t.MSetNX(p)
		}, "0new m3, 0set m3, 0new m4, 0set m4"},
		{"msetnx", func(t *Txn) {
			p := bs("m4", "1", "m5", "1")
			t.LockKeys(p, 0, 3, 2)
			_, _ = t.MSetNX(p)
		}, ""},
		{"del m1", func(t *Txn) { t.Delete(b("m1")) }, "0del m1"},
		{"del m2", func(t *Txn) { t.Delete(b("m2")) }, "0del m2"},
		{"del nokey", func(t *Txn) { t.Delete(b("nokey")) }, ""},
		{"setex s", set("s", "1", SetOptions{ExpireAtMs: now + 50}), "0new s, 0set s, 0expire s"},
		{"time passes", pass, ""},
		{"set s nx", set("s", "2", SetOptions{NX: true}), "0expired s, 0new s, 0set s"},
		{"setex s", set("s", "1", SetOptions{ExpireAtMs: now + 150}), "0set s, 0expire s"},
		{"time passes", pass, ""},
		{"del s", func(t *Txn) { t.Delete(b("s")) }, "0expired s"},
		{"persist c", func(t *Txn) { t.Persist(b("c")) }, "0persist c"},
		{"persist c", func(t *Txn) { t.Persist(b("c")) }, ""},
		{"setbit", func(t *Txn) { _, _ = t.SetBit(b("sb"), 1, 1) }, "0new sb, 0setbit sb"},
		{"swapdb", func(t *Txn) { _ = t.SwapDB(0, 1) }, ""},
		{"flushdb", func(t *Txn) { t.FlushDB(false) }, ""},
		{"set w", set("w", "1", SetOptions{ExpireAtMs: now + 250}), "0new w, 0set w, 0expire w"},
		{"time passes", pass, ""},
		{"maintain", func(t *Txn) {
			keeper := e.NewLane()
			defer keeper.Close()
			for home := range e.Homes() {
				e.Maintain(keeper, home, time.Second)
			}
		}, "0expired w"},
	} {
		txn := l.Begin(0)
		c.do(txn)
		txn.End()
		if got := rec.takeEvents(); got != c.want {
			t.Errorf("%d, %s: raises %q, want %q", i, c.name, got, c.want)
		}
	}
}

func TestEventNames(t *testing.T) {
	seen := map[string]Event{}
	for ev := EventNew; int(ev) < len(events); ev++ {
		name := ev.String()
		if name == "" || strings.ToLower(name) != name || seen[name] != EventNone || bits.OnesCount16(uint16(ev.Class()&AllClasses)) != 1 {
			t.Errorf("event %d is %q of class %#x", ev, ev, ev.Class())
		}
		seen[name] = ev
	}
}

// TestEventClasses: only events of chosen classes are raised, misses of reads
// among them.
func TestEventClasses(t *testing.T) {
	rec := new(recorder)
	e, _ := openTest(t, Options{Shards: 4, Events: rec})
	l := e.NewLane()
	defer l.Close()
	play := func() string {
		txn := l.Begin(0)
		defer txn.End()
		_, _ = txn.Set(b("k"), b("1"), SetOptions{ExpireAtMs: txn.Now() + 1000})
		_, _, _ = txn.Get(nil, b("k"), nil)
		_, _, _ = txn.Get(nil, b("nokey"), nil)
		txn.Delete(b("k"))
		return rec.takeEvents()
	}
	for _, c := range []struct {
		classes EventClass
		want    string
	}{
		{AllClasses, "0new k, 0set k, 0expire k, 0keymiss nokey, 0del k"},
		{ClassString | ClassKeyMiss, "0set k, 0keymiss nokey"},
		{ClassGeneric, "0expire k, 0del k"},
		{0, ""},
	} {
		e.SetEventClasses(c.classes)
		if got := play(); got != c.want {
			t.Errorf("classes %b: raises %q, want %q", c.classes, got, c.want)
		}
	}
}

// contents returns everything an engine holds, expired or not.
func contents(e *Engine) map[string]string {
	all := map[string]string{}
	for _, s := range e.shards {
		for db := range s.dbs {
			if ks := s.dbs[db].Load(); ks != nil {
				s.walk(ks, func(ref alloc.Ref) {
					rec := s.recordAt(ref)
					hdr := rec.Header()
					n := entry{rec: rec, hdr: hdr, ref: ref}
					form := hdr.Form()
					if isString(hdr) && hdr.ValueLen > embstrMax {
						form = record.FormRaw // nothing tells them apart
					}
					name := fmt.Sprintf("%d/%q", db, rec.Key(hdr))
					if isString(hdr) {
						all[name] = fmt.Sprintf("%d %d %q", form, n.expireAt(), rec.Value(hdr))
					} else {
						all[name] = fmt.Sprintf("%d %d %s", hdr.Type(), n.expireAt(), elements(e, db, bytes.Clone(rec.Key(hdr)), typeOf(hdr.Type())))
					}
				})
			}
		}
	}
	return all
}

// elements returns what a collection holds, in whatever form.
func elements(e *Engine, db int, key []byte, typ Type) string {
	l := e.NewLane()
	defer l.Close()
	l.SetNow(1) // nothing has expired
	t := l.Begin(db)
	defer t.End()
	var all []string
	var err error
	switch typ {
	case TypeSet:
		err = t.SMembers(key, func(int) {}, func(m []byte) { all = append(all, string(m)) })
	case TypeHash:
		var fields [][]byte
		err = t.HGetAll(key, func(int) {}, func(f, v []byte) {
			fields = append(fields, bytes.Clone(f))
			all = append(all, fmt.Sprintf("%q %q", f, v))
		})
		_ = t.HExpireTime(key, fields, func(at int64) {
			all[len(all)-len(fields)] += fmt.Sprint(" ", at)
			fields = fields[1:]
		})
	case TypeZSet:
		err = t.ZRange(key, &ZRange{By: ByRank, Stop: -1}, func(int) {}, func(m []byte, score float64) { all = append(all, fmt.Sprint(score, " ", string(m))) })
	case TypeList:
		err = t.ListRange(key, 0, -1, func(int) {}, func(v ListValue) { all = append(all, string(v.Append(nil))) })
		return fmt.Sprintf("%d %q %v", len(all), all, err)
	default:
		panic("no reader for a " + typ.String())
	}
	slices.Sort(all)
	return fmt.Sprintf("%d %q %v", len(all), all, err)
}

// replay loads recorded effects, journalled by an engine of count shards, into
// another engine, on several goroutines. Keys must be in the shards they are
// said to be in.
func replay(t *testing.T, e *Engine, effects []recorded, count int) {
	t.Helper()
	const loaders = 3
	shift := uint(64 - bits.TrailingZeros(uint(count)))
	var wg sync.WaitGroup
	for i := range loaders {
		l := e.NewLoader()
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer l.Close()
			several := 0
			for _, r := range effects {
				if r.shard%loaders != i {
					continue
				}
				if r.ef.Key != nil && int(hashKey(r.ef.Key)>>shift) != r.shard && count > 1 {
					t.Errorf("effect on key %q in the journal of shard %d", r.ef.Key, r.shard)
				}
				err := l.Take(r.shard, r.payload)
				if several++; err == nil && several%5 == 0 {
					_, err = l.Apply()
				}
				if err != nil {
					t.Errorf("%s: %v", &r.ef, err)
				}
			}
			if _, err := l.Apply(); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
}

// sameContents compares two engines.
func sameContents(t *testing.T, got, want *Engine) {
	t.Helper()
	w, g := contents(want), contents(got)
	for k, v := range w {
		if g[k] != v {
			t.Errorf("key %s: %.60s, want %.60s", k, g[k], v)
		}
	}
	if len(g) != len(w) || len(w) == 0 {
		t.Errorf("%d keys, want %d", len(g), len(w))
	}
	if err := got.Check(); err != nil {
		t.Error(err)
	}
}

// TestJournalReplay plays at random and replays the journal into a second
// engine, which must hold the same.
func TestJournalReplay(t *testing.T) {
	seed := testSeed(t)
	rec := new(recorder)
	e, clock := openTest(t, Options{Shards: 4, Databases: 3, Journal: rec})
	p := &player{t: t, r: rand.New(rand.NewPCG(seed, 1)), e: e, clock: clock, l: e.NewLane()}
	defer p.l.Close()
	for i := range p.m.dbs {
		p.m.dbs[i] = map[string]modelValue{}
	}
	for i := range 20000 {
		p.step()
		if i%1000 == 0 {
			for home := range e.Homes() {
				e.Maintain(p.l, home, time.Millisecond)
			}
		}
	}
	last := map[int]uint64{}
	for _, r := range rec.effects {
		if r.seq != last[r.shard]+1 {
			t.Fatalf("shard %d: effect number %d after %d", r.shard, r.seq, last[r.shard])
		}
		last[r.shard] = r.seq
	}
	// Whatever the number of shards; with little memory; with time gone on.
	for _, shards := range []int{4, 1, 2, 16} {
		twin, clock := openTest(t, Options{Shards: shards, Databases: 3, MaxMemoryBytes: 1, OrderedIndex: shards == 2})
		clock.Advance(1000 * time.Hour)
		replay(t, twin, rec.effects, 4)
		sameContents(t, twin, e)
	}
}

// TestJournalTransactions: effects that belong together carry one id, which
// nobody else has.
func TestJournalTransactions(t *testing.T) {
	rec := new(recorder)
	e, _ := openTest(t, Options{Shards: 8, Databases: 2, Journal: rec})
	l := e.NewLane()
	defer l.Close()
	last := uint64(0)
	for _, c := range []struct {
		name    string
		do      func(t *Txn)
		effects int
		alone   bool
	}{
		{"set", func(t *Txn) { _, _ = t.Set(b("a"), b("1"), SetOptions{}) }, 1, true},
		{"move", func(t *Txn) { _, _ = t.Move(b("a"), 1) }, 1, true},
		{"mset", func(t *Txn) {
			p := bs("m1", "1", "m2", "2", "m3", "3", "m4", "4")
			t.LockKeys(p, 0, len(p)-1, 2)
			_ = t.MSet(p)
		}, 4, false},
		{"rename", func(t *Txn) {
			t.LockKeys(bs("m1", "m9"), 0, 1, 1)
			_, _ = t.Rename(b("m1"), b("m9"), false)
		}, 2, false},
		{"incr", func(t *Txn) { _, _ = t.IncrBy(b("i"), 1) }, 1, true},
		{"swapdb", func(t *Txn) { _ = t.SwapDB(0, 1) }, 8, false},
	} {
		rec.effects = nil
		txn := l.Begin(0)
		c.do(txn)
		txn.End()
		if len(rec.effects) != c.effects {
			t.Errorf("%s: %d effects, want %d", c.name, len(rec.effects), c.effects)
			continue
		}
		id := rec.effects[0].txn
		if c.alone && id != 0 || !c.alone && id <= last {
			t.Errorf("%s: transaction %d after %d", c.name, id, last)
		}
		for _, r := range rec.effects {
			if r.txn != id {
				t.Errorf("%s: effects of transactions %d and %d", c.name, id, r.txn)
			}
		}
		last = max(last, id)
	}
}
