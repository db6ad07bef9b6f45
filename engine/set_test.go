package engine

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"hpkv/engine/alloc"
)

// setPlayer plays random operations on sets of an engine and on Go maps.
type setPlayer struct {
	t     *testing.T
	r     *rand.Rand
	e     *Engine
	l     *Lane
	model [2]map[string]map[string]bool
}

func (p *setPlayer) key() []byte { return fmt.Appendf(nil, "k%d", p.r.IntN(6)) }

func (p *setPlayer) member() []byte {
	switch p.r.IntN(8) {
	case 0:
		return bytes.Repeat([]byte("x"), p.r.IntN(300))
	case 1:
		return fmt.Appendf(nil, "m%d", p.r.IntN(300))
	case 2:
		return strconv.AppendInt(nil, int64(p.r.Uint64()>>p.r.IntN(64)), 10)
	}
	return strconv.AppendInt(nil, p.r.Int64N(400)-200, 10)
}

func (p *setPlayer) members() [][]byte {
	n := 1 + p.r.IntN(4)
	if p.r.IntN(30) == 0 {
		n = 150 + p.r.IntN(500)
	}
	ms := make([][]byte, n)
	for i := range ms {
		ms[i] = p.member()
	}
	return ms
}

func (p *setPlayer) sorted(db int, key []byte) []string {
	return slices.Sorted(maps.Keys(p.model[db][string(key)]))
}

func (p *setPlayer) got(db int, key []byte) []string {
	t := p.l.Begin(db)
	defer t.End()
	var all []string
	n := -1
	if err := t.SMembers(key, func(k int) { n = k }, func(m []byte) { all = append(all, string(m)) }); err != nil {
		p.t.Fatal(err)
	}
	if len(all) != n {
		p.t.Fatalf("%q has %d members and gives %d", key, n, len(all))
	}
	slices.Sort(all)
	return all
}

func (p *setPlayer) step() {
	db := p.r.IntN(2)
	t := p.l.Begin(db)
	defer t.End()
	key, ms := p.key(), p.members()
	set := p.model[db][string(key)]
	switch p.r.IntN(13) {
	case 0, 1, 2, 3:
		want := int64(0)
		if set == nil {
			set = map[string]bool{}
			p.model[db][string(key)] = set
		}
		for _, m := range ms {
			if !set[string(m)] {
				set[string(m)] = true
				want++
			}
		}
		if n, err := t.SAdd(key, ms); err != nil || n != want {
			p.t.Fatalf("sadd: %d, %v; want %d", n, err, want)
		}
	case 4, 5, 6:
		want := int64(0)
		for _, m := range ms {
			if set[string(m)] {
				delete(set, string(m))
				want++
			}
		}
		if len(set) == 0 {
			delete(p.model[db], string(key))
		}
		if n, err := t.SRem(key, ms); err != nil || n != want {
			p.t.Fatalf("srem: %d, %v; want %d", n, err, want)
		}
	case 12:
		n := p.r.IntN(4)
		if p.r.IntN(10) == 0 { // few stay, or none
			n = max(0, len(set)-p.r.IntN(80))
		}
		popped, told := 0, -1
		err := t.SPopMany(key, int64(n), func(n int) { told = n }, func(m []byte) {
			if !set[string(m)] {
				p.t.Fatalf("spop: %q is not in the set", m)
			}
			delete(set, string(m))
			popped++
		})
		if err != nil || popped != told || popped != min(n, popped+len(set)) {
			p.t.Fatalf("spop %d: %d, %d were told, %d stay, %v", n, popped, told, len(set), err)
		}
		if len(set) == 0 {
			delete(p.model[db], string(key))
		}
	case 7:
		i := 0
		err := t.SIsMember(key, ms, func(is bool) {
			if is != set[string(ms[i])] {
				p.t.Fatalf("sismember %q: %v", ms[i], is)
			}
			i++
		})
		if n, err2 := t.SCard(key); err != nil || err2 != nil || n != int64(len(set)) {
			p.t.Fatalf("scard: %d, %v, %v; want %d", n, err, err2, len(set))
		}
	case 8:
		if got := t.Delete(key); got != (set != nil) {
			p.t.Fatalf("delete: %v", got)
		}
		delete(p.model[db], string(key))
	case 9:
		dst := p.key()
		t.LockKeys([][]byte{key, dst}, 0, 1, 1)
		if p.r.IntN(2) == 0 {
			dstDB := p.r.IntN(2)
			ok, err := t.Copy(key, dst, dstDB, true)
			if same := dstDB == db && string(dst) == string(key); same != (err == ErrSameKey) || ok != (set != nil && !same) {
				p.t.Fatalf("copy: %v, %v", ok, err)
			}
			if set != nil {
				p.model[dstDB][string(dst)] = maps.Clone(set)
			}
		} else if _, err := t.Rename(key, dst, false); (err == ErrNoSuchKey) != (set == nil) {
			p.t.Fatalf("rename: %v", err)
		} else if set != nil {
			delete(p.model[db], string(key))
			p.model[db][string(dst)] = set
		}
	case 10:
		other := 1 - db
		ok, err := t.Move(key, other)
		if _, there := p.model[other][string(key)]; err != nil || ok != (set != nil && !there) {
			p.t.Fatalf("move: %v, %v", ok, err)
		}
		if ok {
			delete(p.model[db], string(key))
			p.model[other][string(key)] = set
		}
	case 11:
		switch p.r.IntN(60) {
		case 0:
			t.FlushDB(p.r.IntN(2) == 0)
			p.model[db] = map[string]map[string]bool{}
		case 1:
			if err := t.SwapDB(0, 1); err != nil {
				p.t.Fatal(err)
			}
			p.model[0], p.model[1] = p.model[1], p.model[0]
		case 2, 3, 4:
			at := int64(0)
			if p.r.IntN(2) == 0 {
				at = 1_800_000_000_000
				t.ExpireAt(key, at, 0)
			} else {
				t.Persist(key)
			}
		case 5, 6:
			if _, err := t.Set(key, []byte("string"), SetOptions{}); err != nil {
				p.t.Fatal(err)
			}
			if _, err := t.SAdd(key, ms); err != ErrWrongType {
				p.t.Fatalf("sadd to a string: %v", err)
			}
			if _, _, err := t.Get(nil, key, nil); err != nil {
				p.t.Fatal(err)
			}
			t.Delete(key)
			delete(p.model[db], string(key))
		}
	}
}

func (p *setPlayer) verify(e *Engine) {
	p.t.Helper()
	for db := range p.model {
		for i := range 6 {
			key := fmt.Appendf(nil, "k%d", i)
			if got, want := p.got(db, key), p.sorted(db, key); !slices.Equal(got, want) {
				p.t.Fatalf("database %d, %q: %d members, want %d", db, key, len(got), len(want))
			}
		}
	}
	if err := e.Check(); err != nil {
		p.t.Fatal(err)
	}
}

func TestSetModel(t *testing.T) {
	for _, shards := range []int{1, 8} {
		seed := rand.Uint64()
		t.Logf("shards %d, seed %d", shards, seed)
		e, _ := openTest(t, Options{Shards: shards, Databases: 2})
		p := &setPlayer{t: t, r: rand.New(rand.NewPCG(seed, 1)), e: e, l: e.NewLane()}
		p.model[0], p.model[1] = map[string]map[string]bool{}, map[string]map[string]bool{}
		keeper := e.NewLane()
		for i := range 12000 {
			p.step()
			if i%100 == 0 {
				for home := range e.Homes() {
					e.Maintain(keeper, home, time.Millisecond)
				}
			}
			if i%1000 == 0 {
				p.verify(e)
			}
		}
		p.verify(e)
		p.l.Begin(0).FlushAll(false)
		if st := e.Stats().Memory.Purpose; e.Check() != nil || live(e) != 0 {
			t.Errorf("after FLUSHALL: %v, %d parts, %+v", e.Check(), live(e), st)
		}
		keeper.Close()
		p.l.Close()
	}
}

// live returns how many parts of large collections are in memory.
func live(e *Engine) (n int64) {
	for _, s := range e.shards {
		n += partsOf(s)
	}
	return n
}

func partsOf(s *shard) int64 {
	st := s.heap.Stats().Purpose
	return st[alloc.Collections].Objects + st[alloc.CollectionIndex].Objects
}
