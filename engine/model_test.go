package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
)

// openTest opens an engine on a clock that stands still.
func openTest(t testing.TB, o Options) (*Engine, *ManualClock) {
	t.Helper()
	clock := NewManualClock(1_700_000_000_000)
	if o.Clock == nil {
		o.Clock = clock
	}
	if o.ReserveBytes == 0 {
		o.ReserveBytes = 8 << 30
	}
	e, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, clock
}

// modelValue is what the model knows of a key.
type modelValue struct {
	val      string
	expireAt int64
}

// model is the reference: plain maps.
type model struct {
	dbs [3]map[string]modelValue
}

func (m *model) get(db int, key string, now int64) (modelValue, bool) {
	v, ok := m.dbs[db][key]
	if ok && v.expireAt != 0 && v.expireAt <= now {
		delete(m.dbs[db], key)
		return modelValue{}, false
	}
	return v, ok
}

// player plays random operations on an engine and the model.
type player struct {
	t     *testing.T
	r     *rand.Rand
	e     *Engine
	l     *Lane
	clock *ManualClock
	m     model
	log   []string
	db    int
	keys  int // how many; 0: some hundreds
}

func (p *player) fail(format string, args ...any) {
	p.t.Helper()
	from := max(0, len(p.log)-30)
	p.t.Fatalf("%s\nlast operations:\n%s", fmt.Sprintf(format, args...), strings.Join(p.log[from:], "\n"))
}

func (p *player) note(format string, args ...any) {
	p.log = append(p.log, fmt.Sprintf(format, args...))
	if len(p.log) > 1000 {
		p.log = p.log[500:]
	}
}

func (p *player) key() []byte {
	switch p.r.IntN(20) {
	case 0:
		return []byte{}
	case 1:
		return bytes.Repeat([]byte("k"), 255+p.r.IntN(3))
	}
	n := p.keys
	if n == 0 {
		n = 300
	}
	return fmt.Appendf(nil, "key:%d", p.r.IntN(n))
}

func (p *player) val() []byte {
	switch p.r.IntN(12) {
	case 0:
		return strconv.AppendInt(nil, p.r.Int64N(1000)-500, 10)
	case 1:
		return bytes.Repeat([]byte{byte(p.r.Uint32())}, 65530+p.r.IntN(12))
	case 2:
		return []byte{}
	}
	return bytes.Repeat([]byte{byte('a' + p.r.IntN(26))}, p.r.IntN(300))
}

func (p *player) step() {
	now := p.clock.NowMs()
	t := p.l.Begin(p.db)
	defer t.End()
	key, db := p.key(), p.db
	k := string(key)
	old, had := p.m.get(db, k, now)
	switch op := p.r.IntN(22); op {
	case 0, 1, 2:
		got, ok, err := t.Get(nil, key, nil)
		p.note("get %q", k)
		if err != nil || ok != had || string(got) != old.val {
			p.fail("get %q: %d bytes, %v, %v; want %d, %v", k, len(got), ok, err, len(old.val), had)
		}
	case 3, 4, 5, 6:
		val := p.val()
		o := SetOptions{NX: p.r.IntN(6) == 0, KeepTTL: p.r.IntN(4) == 0, Get: p.r.IntN(4) == 0}
		o.XX = !o.NX && p.r.IntN(6) == 0
		if !o.KeepTTL && p.r.IntN(3) == 0 {
			o.ExpireAtMs = now + p.r.Int64N(5000) - 100
		}
		p.note("set %q %d bytes %+v", k, len(val), o)
		res, err := t.Set(key, val, o)
		want := !(o.NX && had || o.XX && !had)
		if err != nil || res.Set != want || o.Get && (res.HadPrev != had || string(res.Prev) != old.val) {
			p.fail("set %q: %+v, %v; want %v", k, res, err, want)
		}
		if want {
			at := o.ExpireAtMs
			if o.KeepTTL {
				at = old.expireAt
			}
			p.m.dbs[db][k] = modelValue{string(val), at}
		}
	case 7, 8:
		p.note("delete %q", k)
		if got := t.Delete(key); got != had {
			p.fail("delete %q: %v", k, got)
		}
		delete(p.m.dbs[db], k)
	case 9:
		val := p.val()
		p.note("append %q %d bytes", k, len(val))
		n, err := t.Append(key, val)
		old.val += string(val)
		if err != nil || n != int64(len(old.val)) {
			p.fail("append: %d, %v", n, err)
		}
		p.m.dbs[db][k] = old
	case 10:
		off, val := p.r.IntN(400), p.val()
		p.note("setrange %q %d %d bytes", k, off, len(val))
		n, err := t.SetRange(key, int64(off), val)
		if len(val) > 0 {
			b := []byte(old.val)
			if need := off + len(val); need > len(b) {
				b = append(b, make([]byte, need-len(b))...)
			}
			copy(b[off:], val)
			old.val = string(b)
			p.m.dbs[db][k] = old
		}
		if err != nil || n != int64(len(old.val)) {
			p.fail("setrange: %d, %v; want %d", n, err, len(old.val))
		}
	case 11:
		delta := p.r.Int64N(100) - 50
		p.note("incrby %q %d", k, delta)
		n, err := t.IncrBy(key, delta)
		was, perr := strconv.ParseInt(old.val, 10, 64)
		isInt := !had || perr == nil && strconv.FormatInt(was, 10) == old.val
		switch {
		case !isInt && err != ErrNotInteger, isInt && (err != nil || n != was+delta):
			p.fail("incrby on %q: %d, %v", old.val, n, err)
		case isInt:
			old.val = strconv.FormatInt(was+delta, 10)
			p.m.dbs[db][k] = old
		}
	case 12:
		at := now + p.r.Int64N(20000) - 200
		p.note("expireat %q %+d", k, at-now)
		if got := t.ExpireAt(key, at, 0); got != had {
			p.fail("expireat: %v", got)
		}
		if had {
			old.expireAt = at
			p.m.dbs[db][k] = old
		}
	case 13:
		p.note("persist %q", k)
		if got := t.Persist(key); got != (had && old.expireAt != 0) {
			p.fail("persist: %v", got)
		}
		if had {
			old.expireAt = 0
			p.m.dbs[db][k] = old
		}
	case 14:
		at, st := t.ExpireTime(key)
		if st == Volatile && at != old.expireAt || (st == Missing) == had {
			p.fail("expiretime %q: %d, %v; want %d, %v", k, at, st, old.expireAt, had)
		}
	case 15:
		dst := p.key()
		nx := p.r.IntN(3) == 0
		p.note("rename %q %q nx=%v", k, dst, nx)
		t.LockKeys([][]byte{key, dst}, 0, 1, 1)
		ok, err := t.Rename(key, dst, nx)
		_, exists := p.m.get(db, string(dst), now)
		switch {
		case !had:
			if err != ErrNoSuchKey {
				p.fail("rename: %v, %v", ok, err)
			}
		case nx && exists:
			if ok {
				p.fail("renamenx over an existing key")
			}
		default:
			if !ok {
				p.fail("rename: %v, %v", ok, err)
			}
			delete(p.m.dbs[db], k)
			p.m.dbs[db][string(dst)] = old
		}
	case 16:
		dst, dstDB := p.key(), p.r.IntN(len(p.m.dbs))
		replace := p.r.IntN(2) == 0
		p.note("copy %q to %q in %d replace=%v", k, dst, dstDB, replace)
		t.LockKeys([][]byte{key, dst}, 0, 1, 1)
		ok, err := t.Copy(key, dst, dstDB, replace)
		_, exists := p.m.get(dstDB, string(dst), now)
		if db == dstDB && k == string(dst) {
			if err != ErrSameKey {
				p.fail("copy onto itself: %v, %v", ok, err)
			}
		} else if want := had && (replace || !exists); err != nil || ok != want {
			p.fail("copy: %v, %v; want %v", ok, err, want)
		} else if want {
			p.m.dbs[dstDB][string(dst)] = old
		}
	case 17:
		dstDB := (db + 1) % len(p.m.dbs)
		p.note("move %q to %d", k, dstDB)
		_, exists := p.m.get(dstDB, k, now)
		ok, err := t.Move(key, dstDB)
		if err != nil || ok != (had && !exists) {
			p.fail("move: %v, %v", ok, err)
		}
		if ok {
			delete(p.m.dbs[db], k)
			p.m.dbs[dstDB][k] = old
		}
	case 18:
		keys := [][]byte{p.key(), p.key(), p.key(), key}
		t.MGet(keys, func(i int, val []byte, ok bool) {
			if want, had := p.m.get(db, string(keys[i]), now); ok != had || string(val) != want.val {
				p.fail("mget %q: %d bytes, %v; want %d, %v", keys[i], len(val), ok, len(want.val), had)
			}
		})
	case 19:
		start, end := int64(p.r.IntN(100)-50), int64(p.r.IntN(100)-50)
		got, _, err := t.GetRange(nil, key, start, end, nil)
		if want := sliceOf(old.val, start, end); err != nil || string(got) != want {
			p.fail("getrange %q %d %d: %q, want %q", old.val, start, end, got, want)
		}
	case 20:
		p.clock.Advance(time.Duration(p.r.IntN(300)) * time.Millisecond)
		p.note("time passes")
	case 21:
		switch p.r.IntN(40) {
		case 0:
			p.note("flushdb")
			t.FlushDB(p.r.IntN(2) == 0)
			p.m.dbs[db] = map[string]modelValue{}
		case 1, 2:
			other := p.r.IntN(len(p.m.dbs))
			p.note("swapdb %d %d", db, other)
			if err := t.SwapDB(db, other); err != nil {
				p.fail("swapdb: %v", err)
			}
			p.m.dbs[db], p.m.dbs[other] = p.m.dbs[other], p.m.dbs[db]
		case 3, 4, 5:
			p.db = p.r.IntN(len(p.m.dbs))
			p.note("select %d", p.db)
		}
	}
}

// sliceOf is GetRange in words.
func sliceOf(s string, start, end int64) string {
	n := int64(len(s))
	if start < 0 && end < 0 && start > end {
		return ""
	}
	if start < 0 {
		start = max(start+n, 0)
	}
	if end < 0 {
		end = max(end+n, 0) // as Redis: an end before the value is its first byte
	}
	end = min(end, n-1)
	if start > end || n == 0 {
		return ""
	}
	return s[start : end+1]
}

// verify compares everything.
func (p *player) verify() {
	now := p.clock.NowMs()
	for db := range p.m.dbs {
		t := p.l.Begin(db)
		seen := map[string]bool{}
		t.Keys(func(key []byte) { seen[string(key)] = true })
		want := 0
		var keys []string
		for k := range p.m.dbs[db] {
			if v, ok := p.m.get(db, k, now); ok {
				want++
				keys = append(keys, k)
				if got, ok, err := t.Get(nil, []byte(k), nil); !ok || err != nil || string(got) != v.val {
					p.fail("database %d: key %q has %d bytes, %v, want %d", db, k, len(got), ok, len(v.val))
				}
				if !seen[k] {
					p.fail("database %d: scan misses key %q", db, k)
				}
			}
		}
		if len(seen) != want {
			p.fail("database %d: scan finds %d keys, want %d", db, len(seen), want)
		}
		if key, ok := t.RandomKey(nil); ok != (want > 0) || ok && !seen[string(key)] {
			p.fail("randomkey %q %v of %d keys", key, ok, want)
		}
		t.End()
		sort.Strings(keys)
		if p.r.IntN(3) == 0 {
			p.verifyRange(db, keys)
		}
	}
	if err := p.e.Check(); err != nil {
		p.fail("check: %v", err)
	}
}

func (p *player) verifyRange(db int, keys []string) {
	r := p.l.Begin(db).Range(nil, nil)
	defer r.Close()
	for i, k := range keys {
		if !r.Next() || string(r.Key()) != k || string(r.Value()) != p.m.dbs[db][k].val {
			p.fail("range of database %d: key %d is %q, want %q", db, i, r.Key(), k)
		}
	}
	if r.Next() {
		p.fail("range of database %d goes on with %q", db, r.Key())
	}
}

func TestModel(t *testing.T) {
	for _, shards := range []int{1, 4, 64} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			e, clock := openTest(t, Options{Shards: shards, Databases: 3})
			p := &player{t: t, r: rand.New(rand.NewPCG(seed, 1)), e: e, clock: clock, l: e.NewLane()}
			defer p.l.Close()
			for i := range p.m.dbs {
				p.m.dbs[i] = map[string]modelValue{}
			}
			keeper := e.NewLane()
			defer keeper.Close()
			for i := range 60000 {
				p.step()
				if i%500 == 0 {
					for home := range e.Homes() {
						e.Maintain(keeper, home, time.Millisecond)
					}
				}
				if i%4000 == 0 {
					p.verify()
				}
			}
			p.verify()
		})
	}
}
