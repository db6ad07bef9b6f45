package engine

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// hashPlayer plays random operations on hashes of an engine and on Go maps.
type hashPlayer struct {
	t     *testing.T
	r     *rand.Rand
	l     *Lane
	model map[string]map[string]string
}

func (p *hashPlayer) text() []byte {
	switch p.r.IntN(8) {
	case 0:
		return bytes.Repeat([]byte("v"), p.r.IntN(100))
	case 1:
		return strconv.AppendInt(nil, int64(p.r.Uint64()>>p.r.IntN(64)), 10)
	}
	return fmt.Appendf(nil, "%d", p.r.IntN(300))
}

func (p *hashPlayer) texts(n int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = p.text()
	}
	return list
}

func (p *hashPlayer) step() {
	t := p.l.Begin(0)
	defer t.End()
	key := fmt.Appendf(nil, "h%d", p.r.IntN(8))
	h := p.model[string(key)]
	field := p.text()
	old, had := h[string(field)]
	set := func(f, v string) {
		if h == nil {
			h = map[string]string{}
			p.model[string(key)] = h
		}
		h[f] = v
	}
	switch p.r.IntN(12) {
	case 0, 1, 2:
		n := 1 + p.r.IntN(5)
		if p.r.IntN(20) == 0 {
			n = p.r.IntN(600) + 1
		}
		pairs, before := p.texts(2*n), len(h)
		got, err := t.HSet(key, pairs)
		for i := 0; i < len(pairs); i += 2 {
			set(string(pairs[i]), string(pairs[i+1]))
		}
		if err != nil || got != int64(len(h)-before) {
			p.t.Fatalf("hset: %d, %v; want %d", got, err, len(h)-before)
		}
	case 3:
		val := p.text()
		if ok, err := t.HSetNX(key, field, val); err != nil || ok == had {
			p.t.Fatalf("hsetnx: %v, %v; had %v", ok, err, had)
		} else if ok {
			set(string(field), string(val))
		}
	case 4, 5, 6:
		fields, want := p.texts(1+p.r.IntN(12)), int64(0)
		for _, f := range fields {
			if _, ok := h[string(f)]; ok {
				delete(h, string(f))
				want++
			}
		}
		if h != nil && len(h) == 0 {
			delete(p.model, string(key))
		}
		if got, err := t.HDel(key, fields); err != nil || got != want {
			p.t.Fatalf("hdel: %d, %v; want %d", got, err, want)
		}
	case 7:
		got, ok, err := t.HGet(nil, key, field, nil)
		if err != nil || ok != had || string(got) != old {
			p.t.Fatalf("hget: %q, %v, %v; want %q, %v", got, ok, err, old, had)
		}
		n, exists, err := t.HStrLen(key, field)
		if err != nil || exists != had || n != int64(len(old)) {
			p.t.Fatalf("hstrlen: %d, %v, %v", n, exists, err)
		}
	case 8:
		delta := p.r.Int64N(100) - 50
		was, isInt := parseInt([]byte(old))
		got, err := t.HIncrBy(key, field, delta)
		switch {
		case had && !isInt:
			if err != ErrHashNotInteger {
				p.t.Fatalf("hincrby of %q: %v", old, err)
			}
		case addOverflows(was, delta):
			if err != ErrOverflow {
				p.t.Fatalf("hincrby of %q: %v", old, err)
			}
		case err != nil || got != was+delta:
			p.t.Fatalf("hincrby of %q by %d: %d, %v", old, delta, got, err)
		default:
			set(string(field), strconv.FormatInt(got, 10))
		}
	case 9:
		got := map[string]string{}
		for cursor, more := uint64(0), true; more; more = cursor != 0 {
			var err error
			if cursor, err = t.HScan(key, cursor, 10, func(f, v []byte) { got[string(f)] = string(v) }); err != nil {
				p.t.Fatal(err)
			}
		}
		if !maps.Equal(got, h) {
			p.t.Fatalf("hscan of %q: %d fields, want %d", key, len(got), len(h))
		}
	case 10:
		count, picked, calls := int64(p.r.IntN(2*len(h)+4)-len(h)), map[string]bool{}, -1
		err := t.HRandField(key, count, func(n int) { calls = n }, func(f, v []byte) {
			if want, ok := h[string(f)]; !ok || want != string(v) {
				p.t.Fatalf("hrandfield gives %q=%q", f, v)
			}
			picked[string(f)] = true
			calls--
		})
		if err != nil || calls != 0 || count >= 0 && int64(len(picked)) != min(count, int64(len(h))) {
			p.t.Fatalf("hrandfield %d of %d: %d different, %d missing, %v", count, len(h), len(picked), calls, err)
		}
	case 11:
		if p.r.IntN(20) == 0 {
			t.Delete(key)
			delete(p.model, string(key))
		} else if dst := fmt.Appendf(nil, "h%d", p.r.IntN(8)); h != nil && string(dst) != string(key) {
			t.LockKeys([][]byte{key, dst}, 0, 1, 1)
			if ok, err := t.Copy(key, dst, 0, true); err != nil || !ok {
				p.t.Fatalf("copy: %v, %v", ok, err)
			}
			p.model[string(dst)] = maps.Clone(h)
		}
	}
}

func (p *hashPlayer) verify(e *Engine) {
	p.t.Helper()
	t := p.l.Begin(0)
	defer t.End()
	for i := range 8 {
		key := fmt.Appendf(nil, "h%d", i)
		got := map[string]string{}
		if err := t.HGetAll(key, func(int) {}, func(f, v []byte) { got[string(f)] = string(v) }); err != nil {
			p.t.Fatal(err)
		}
		want := p.model[string(key)]
		if n, err := t.HLen(key); err != nil || !maps.Equal(got, want) || n != int64(len(want)) {
			p.t.Fatalf("%q: %d fields, %d counted, want %d", key, len(got), n, len(want))
		}
	}
	if err := e.Check(); err != nil {
		p.t.Fatal(err)
	}
}

func TestHashModel(t *testing.T) {
	for _, limit := range []int64{512, 20, 0} {
		seed := testSeed(t)
		e, _ := openTest(t, Options{Shards: 4})
		e.Limits().HashEntries.Store(limit)
		p := &hashPlayer{t: t, r: rand.New(rand.NewPCG(seed, 1)), l: e.NewLane(), model: map[string]map[string]string{}}
		keeper := e.NewLane()
		for i := range 8000 {
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
		keeper.Close()
		p.l.Close()
	}
}

// TestDeleteLarge: the memory of a large set is given back in steps, none of
// which frees much more than its share.
func TestDeleteLarge(t *testing.T) {
	const members = 200_000
	e, _ := openTest(t, Options{Shards: 1})
	l := e.NewLane()
	defer l.Close()
	txn := l.Begin(0)
	batch := make([][]byte, 1000)
	for i := 0; i < members; i += len(batch) {
		for k := range batch {
			batch[k] = fmt.Appendf(nil, "member:%d", i+k)
		}
		if _, err := txn.SAdd([]byte("s"), batch); err != nil {
			t.Fatal(err)
		}
	}
	txn.Delete([]byte("s"))
	s := e.shards[0]
	steps := 0
	for before := live(e); before > 0; steps++ {
		s.mu.lock()
		more := s.reclaim(reclaimStep)
		s.mu.unlock()
		now := live(e)
		if freed := before - now; freed > 2*reclaimStep {
			t.Fatalf("a step frees %d objects", freed)
		}
		if before = now; !more && now > 0 {
			t.Fatalf("%d objects are left", now)
		}
	}
	if steps < members/reclaimStep/4 {
		t.Errorf("only %d steps", steps)
	}
	// Its pages have become empty together, and go back a few at a time.
	pages := e.readers.Pending()
	e.Maintain(l, 0, 0)
	if gone := pages - e.readers.Pending(); pages < 8*retireUnit || gone <= 0 || gone > 2*retireUnit {
		t.Errorf("%d of %d pages go back at once", gone, pages)
	}
	if err := e.Check(); err != nil {
		t.Error(err)
	}
}
