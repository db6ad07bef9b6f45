package engine

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hpkv/engine/zset"
)

// zsetPlayer plays random operations on sorted sets of an engine and on Go maps.
type zsetPlayer struct {
	t     *testing.T
	r     *rand.Rand
	l     *Lane
	model [2]map[string]map[string]float64
}

var testScores = []float64{0, 1, -1, 2, 2, 2.5, -0.125, math.Inf(1), math.Inf(-1), 1 << 53, 1e300, -3, 7, 7, 7, 1<<47 - 1, -1 << 47, 1 << 47}

func (p *zsetPlayer) key() []byte    { return fmt.Appendf(nil, "k%d", p.r.IntN(6)) }
func (p *zsetPlayer) score() float64 { return testScores[p.r.IntN(len(testScores))] }

func (p *zsetPlayer) member() []byte {
	switch p.r.IntN(10) {
	case 0:
		return bytes.Repeat([]byte("x"), p.r.IntN(300))
	case 1:
		return fmt.Appendf(nil, "%d", p.r.IntN(50)-25)
	}
	n := p.r.IntN(400)
	return fmt.Appendf(nil, "m%0*d", n%20, n) // of some lengths a score's form decides the class
}

// order returns the model's members in order.
func order(m map[string]float64) []ZMember {
	var all []ZMember
	for name, score := range m {
		all = append(all, ZMember{[]byte(name), score})
	}
	slices.SortFunc(all, func(a, b ZMember) int {
		return cmp.Or(cmp.Compare(a.Score, b.Score), bytes.Compare(a.Member, b.Member))
	})
	return all
}

func sameMembers(a, b []ZMember) bool {
	return slices.EqualFunc(a, b, func(x, y ZMember) bool { return x.Score == y.Score && bytes.Equal(x.Member, y.Member) })
}

func (p *zsetPlayer) collect(into *[]ZMember) (begin func(int), visit func([]byte, float64)) {
	n := -1
	return func(k int) { n = k }, func(m []byte, score float64) {
		*into = append(*into, ZMember{bytes.Clone(m), score})
		if len(*into) > n {
			p.t.Fatalf("more members than the %d announced", n)
		}
	}
}

// randomRange returns a range and the model's members in it.
func (p *zsetPlayer) randomRange(m map[string]float64) (r ZRange, want []ZMember) {
	all := order(m)
	r.Reverse = p.r.IntN(2) == 0
	switch p.r.IntN(2) {
	case 0:
		r.By, r.Start, r.Stop = ByRank, int64(p.r.IntN(40)-20), int64(p.r.IntN(40)-20)
		if r.Reverse {
			slices.Reverse(all)
		}
		n := int64(len(all))
		for i, x := range all {
			start, stop := r.Start, r.Stop
			if start < 0 {
				start += n
			}
			if stop < 0 {
				stop += n
			}
			if int64(i) >= start && int64(i) <= stop {
				want = append(want, x)
			}
		}
	case 1:
		r.By, r.Score = ByScore, zset.ScoreRange{Min: p.score(), Max: p.score(), MinEx: p.r.IntN(2) == 0, MaxEx: p.r.IntN(2) == 0}
		for _, x := range all {
			s := r.Score
			if (x.Score > s.Min || x.Score == s.Min && !s.MinEx) && (x.Score < s.Max || x.Score == s.Max && !s.MaxEx) {
				want = append(want, x)
			}
		}
		if r.Reverse {
			slices.Reverse(want)
		}
		if r.Limited = p.r.IntN(2) == 0; r.Limited {
			r.Offset, r.Count = int64(p.r.IntN(12)-2), int64(p.r.IntN(12)-2)
			if r.Offset < 0 || int(r.Offset) >= len(want) {
				want = nil
			} else if want = want[r.Offset:]; r.Count >= 0 {
				want = want[:min(len(want), int(r.Count))]
			}
		}
	}
	return r, want
}

func (p *zsetPlayer) add(t *Txn, db int, key []byte) {
	n := 1 + p.r.IntN(4)
	if p.r.IntN(20) == 0 {
		n = 100 + p.r.IntN(300)
	}
	o := ZAddOptions{NX: p.r.IntN(6) == 0, Incr: p.r.IntN(6) == 0}
	if !o.NX {
		o.XX, o.GT = p.r.IntN(6) == 0, p.r.IntN(6) == 0
		o.LT = !o.GT && p.r.IntN(6) == 0
	}
	if o.Incr {
		n = 1
	}
	m := p.model[db][string(key)]
	if m == nil {
		m = map[string]float64{}
	}
	var scores []float64
	var args [][]byte
	var want ZAddResult
	nan := false
	for range n {
		name, score := p.member(), p.score()
		scores, args = append(scores, score), append(args, nil, name)
		old, has := m[string(name)]
		if o.Incr {
			score += old
			if nan = score != score; nan {
				break
			}
			want.Score = score
		}
		if o.NX && has || o.XX && !has || has && o.GT && score <= old || has && o.LT && score >= old {
			continue
		}
		want.Done++
		if !has {
			want.Added++
		}
		if !has || score != old {
			want.Changed++
		}
		m[string(name)] = score
	}
	if len(m) > 0 {
		p.model[db][string(key)] = m
	}
	got, err := t.ZAdd(key, scores, args, o)
	if nan != (err == ErrNaN) || !nan && (err != nil || got != want) {
		p.t.Fatalf("zadd %q %+v: %+v, %v; want %+v", args, o, got, err, want)
	}
}

func (p *zsetPlayer) step() {
	db := p.r.IntN(2)
	t := p.l.Begin(db)
	defer t.End()
	key := p.key()
	m := p.model[db][string(key)]
	forget := func(gone []ZMember) {
		for _, x := range gone {
			delete(m, string(x.Member))
		}
		if len(m) == 0 {
			delete(p.model[db], string(key))
		}
	}
	switch p.r.IntN(14) {
	default:
		p.add(t, db, key)
	case 0, 1:
		var args [][]byte
		var gone []ZMember
		for range 1 + p.r.IntN(20) {
			args = append(args, p.member())
			if s, has := m[string(args[len(args)-1])]; has {
				gone = append(gone, ZMember{args[len(args)-1], s})
				delete(m, string(args[len(args)-1]))
			}
		}
		forget(nil)
		if n, err := t.ZRem(key, args); err != nil || n != int64(len(gone)) {
			p.t.Fatalf("zrem: %d, %v; want %d", n, err, len(gone))
		}
	case 2:
		r, want := p.randomRange(m)
		if p.r.IntN(8) > 0 && len(want) > 20 {
			return // keep some large
		}
		if n, err := t.ZRemRange(key, &r); err != nil || n != int64(len(want)) {
			p.t.Fatalf("zremrange %+v: %d, %v; want %d", r, n, err, len(want))
		}
		forget(want)
	case 3:
		k, most := p.r.IntN(6), p.r.IntN(2) == 0
		want := order(m)
		if most {
			slices.Reverse(want)
		}
		want = want[:min(k, len(want))]
		var got []ZMember
		begin, visit := p.collect(&got)
		if n, err := t.ZPop(key, int64(k), most, begin, visit); err != nil || n != int64(len(want)) || !sameMembers(got, want) {
			p.t.Fatalf("zpop %d %v: %d, %v", k, most, n, err)
		}
		forget(want)
	case 4, 5:
		r, want := p.randomRange(m)
		var got []ZMember
		begin, visit := p.collect(&got)
		if err := t.ZRange(key, &r, begin, visit); err != nil || !sameMembers(got, want) {
			p.t.Fatalf("zrange %+v: %v, %v; want %v", r, got, err, want)
		}
		if r.By == ByScore && !r.Limited {
			if n, err := t.ZCount(key, &r); err != nil || n != int64(len(want)) {
				p.t.Fatalf("zcount %+v: %d, %v; want %d", r, n, err, len(want))
			}
		}
	case 6:
		name, reverse := p.member(), p.r.IntN(2) == 0
		all := order(m)
		if reverse {
			slices.Reverse(all)
		}
		want := slices.IndexFunc(all, func(x ZMember) bool { return bytes.Equal(x.Member, name) })
		rank, score, ok, err := t.ZRank(key, name, reverse)
		if err != nil || ok != (want >= 0) || ok && (rank != int64(want) || score != all[want].Score) {
			p.t.Fatalf("zrank %q: %d %v %v, %v; want %d", name, rank, score, ok, err, want)
		}
		if n, err := t.ZCard(key); err != nil || n != int64(len(m)) {
			p.t.Fatalf("zcard: %d, %v; want %d", n, err, len(m))
		}
	case 7:
		dst := p.key()
		r, want := p.randomRange(m)
		if n, err := t.ZRangeStore(dst, key, &r); err != nil || n != int64(len(want)) {
			p.t.Fatalf("zrangestore %+v: %d, %v; want %d", r, n, err, len(want))
		}
		p.store(db, dst, want)
	case 8:
		p.combine(t, db)
	case 9:
		dst := p.key()
		t.LockKeys([][]byte{key, dst}, 0, 1, 1)
		if ok, err := t.Copy(key, dst, 1-db, true); err != nil || ok != (m != nil) {
			p.t.Fatalf("copy: %v, %v", ok, err)
		}
		if m != nil {
			p.model[1-db][string(dst)] = maps.Clone(m)
		}
	case 10:
		if got := t.Delete(key); got != (m != nil) {
			p.t.Fatalf("delete: %v", got)
		}
		delete(p.model[db], string(key))
	}
}

func (p *zsetPlayer) store(db int, key []byte, members []ZMember) {
	delete(p.model[db], string(key))
	if len(members) > 0 {
		m := map[string]float64{}
		for _, x := range members {
			m[string(x.Member)] = x.Score
		}
		p.model[db][string(key)] = m
	}
}

func (p *zsetPlayer) combine(t *Txn, db int) {
	c := ZCombination{Aggregate: ZAggregate(p.r.IntN(3))}
	for range 1 + p.r.IntN(3) {
		c.Keys = append(c.Keys, p.key())
	}
	if p.r.IntN(2) == 0 {
		for range c.Keys {
			c.Weights = append(c.Weights, float64(p.r.IntN(5)-2))
		}
	}
	kind := p.r.IntN(3)
	want := map[string]float64{}
	count := map[string]int{}
	for i, key := range c.Keys {
		w := 1.0
		if c.Weights != nil && kind < 2 {
			w = c.Weights[i]
		}
		for name, score := range p.model[db][string(key)] {
			score = orZero(score * w)
			if count[name]++; count[name] == 1 {
				want[name] = score
			} else if kind < 2 {
				want[name] = c.Aggregate.of(want[name], score)
			}
			if kind == 2 && i > 0 {
				count[name] = 100
			}
		}
	}
	for name := range want {
		if kind == 1 && count[name] != len(c.Keys) || kind == 2 && count[name] != 1 {
			delete(want, name)
		}
	}
	// Infinities of both signs cancel out in whichever order they meet.
	for _, key := range c.Keys {
		for _, s := range p.model[db][string(key)] {
			if math.IsInf(s, 0) || s == 1e300 {
				return
			}
		}
	}
	dst := p.key()
	t.Hold(append(c.Keys, dst)...)
	var got []ZMember
	var err error
	switch kind {
	case 0:
		got, err = t.ZUnion(&c)
	case 1:
		got, err = t.ZInter(&c)
		if n, err := t.ZInterCard(c.Keys, 5); err != nil || n != int64(min(5, len(want))) {
			p.t.Fatalf("zintercard: %d, %v; want %d", n, err, len(want))
		}
	default:
		got, err = t.ZDiff(c.Keys)
	}
	if err != nil || !sameMembers(got, order(want)) {
		p.t.Fatalf("%d of %+v: %v, %v; want %v", kind, c, got, err, order(want))
	}
	if _, err := t.ZStore(dst, got, EventNone); err != nil {
		p.t.Fatal(err)
	}
	p.store(db, dst, got)
}

// verifyZSets compares all sorted sets of an engine with the model.
func verifyZSets(t *testing.T, e *Engine, l *Lane, model [2]map[string]map[string]float64) {
	t.Helper()
	for db := range model {
		for i := range 6 {
			key := fmt.Appendf(nil, "k%d", i)
			tx := l.Begin(db)
			var got []ZMember
			err := tx.ZRange(key, &ZRange{Stop: -1}, func(int) {}, func(m []byte, s float64) {
				got = append(got, ZMember{bytes.Clone(m), s})
			})
			tx.End()
			if want := order(model[db][string(key)]); err != nil || !sameMembers(got, want) {
				t.Fatalf("database %d, %q: %d members, %v; want %d", db, key, len(got), err, len(want))
			}
		}
	}
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
}

// TestZSetModel plays under limits that make sets large sooner or later, and
// replays the journal into another engine.
func TestZSetModel(t *testing.T) {
	for _, limit := range []int64{128, 0, 10} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			seed := testSeed(t)
			rec := new(recorder)
			e, _ := openTest(t, Options{Shards: 4, Databases: 2, Journal: rec})
			e.Limits().ZSetEntries.Store(limit)
			p := &zsetPlayer{t: t, r: rand.New(rand.NewPCG(seed, 1)), l: e.NewLane()}
			p.model[0], p.model[1] = map[string]map[string]float64{}, map[string]map[string]float64{}
			keeper := e.NewLane()
			large := 0
			for i := range 5000 {
				p.step()
				if i%100 == 0 {
					for home := range e.Homes() {
						e.Maintain(keeper, home, time.Millisecond)
					}
					if enc, _ := p.l.Begin(0).Encoding(p.key()); enc == "skiplist" {
						large++
					}
				}
				if i%1000 == 999 {
					verifyZSets(t, e, p.l, p.model)
				}
			}
			verifyZSets(t, e, p.l, p.model)
			if large == 0 {
				t.Error("no set was ever seen large")
			}
			for _, shards := range []int{4, 1} {
				twin, _ := openTest(t, Options{Shards: shards, Databases: 2})
				replay(t, twin, rec.effects, 4)
				l := twin.NewLane()
				verifyZSets(t, twin, l, p.model)
				l.Close()
			}
			p.l.Begin(0).FlushAll(false)
			if e.Check() != nil || live(e) != 0 {
				t.Errorf("after FLUSHALL: %v, %d parts", e.Check(), live(e))
			}
			keeper.Close()
			p.l.Close()
		})
	}
}
