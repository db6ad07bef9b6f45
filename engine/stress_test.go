package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The stress test for lock-free reads. Each writer drives one chronicle: keys
// that go through numbered states, one atomic step at a time. Readers know
// which states were reached before a read began and which had begun when it
// ended; whatever they saw must be one of those, and never an earlier one than
// they saw before. Values say what they are, so a torn or foreign one is found
// by itself.

// place is where values of a chronicle are seen.
type place struct {
	db  int
	key []byte
}

// chronicle is a set of places whose contents go through numbered states, 1
// and on; state 0 is before everything.
type chronicle struct {
	id     uint32
	name   string
	places []place
	// state returns the content of places[i] in state n, 0 if it is absent.
	state func(n uint64, i int) uint64
	// step changes the engine from state n-1 to n.
	step func(w *stressWriter, n uint64) error

	begun atomic.Uint64 // the last state that anybody may see
	done  atomic.Uint64 // the last state that everybody must see
}

// stressWriter is the one goroutine that drives a chronicle.
type stressWriter struct {
	c   *chronicle
	e   *Engine
	l   *Lane
	r   *rand.Rand
	buf []byte

	expireAt int64
}

// value returns the value of a content number, valid until the next.
func (w *stressWriter) value(content uint64) []byte {
	w.buf = appendStress(w.buf[:0], w.c.id, content)
	return w.buf
}

func (w *stressWriter) run(stop *atomic.Bool) error {
	for n := uint64(1); !stop.Load(); n++ {
		if w.c.begun.Load() < n {
			w.c.begun.Store(n)
		}
		if err := w.c.step(w, n); err != nil {
			return fmt.Errorf("writer of %s, state %d: %w", w.c.name, n, err)
		}
		w.c.done.Store(n)
		if w.r.IntN(2) == 0 {
			runtime.Gosched()
		}
	}
	return nil
}

// witness is what one reader knows of a chronicle.
type witness struct {
	c    *chronicle
	seen uint64 // the earliest state that explains all it saw
	low  uint64
}

// look must be called before a read begins.
func (w *witness) look() { w.low = max(w.seen, w.c.done.Load()) }

// saw explains what a read that began at look saw by a state.
func (w *witness) saw(what string, matches func(n uint64) bool) error {
	high := w.c.begun.Load()
	for n := w.low; n <= high; n++ {
		if matches(n) {
			w.seen = n
			return nil
		}
	}
	return fmt.Errorf("%s of %s: no state from %d (acknowledged or seen before) to %d (begun) has it", what, w.c.name, w.low, high)
}

// stressReader reads all chronicles in every way there is.
type stressReader struct {
	e         *Engine
	l         *Lane
	r         *rand.Rand
	witnesses []witness
	batch     Batch
	buf       []byte
	reads     int
}

func (rd *stressReader) run(stop *atomic.Bool) error {
	for !stop.Load() {
		w := &rd.witnesses[rd.r.IntN(len(rd.witnesses))]
		var err error
		switch k := rd.r.IntN(64); {
		case k < 20:
			err = rd.one(w, rd.r.IntN(len(w.c.places)))
		case k < 28:
			for range w.c.places {
				err = errors.Join(err, rd.one(w, rd.r.IntN(len(w.c.places))))
			}
		case k < 50:
			err = rd.many(w, k%2 == 0)
		case k < 56:
			err = rd.locked(w)
		case k < 62:
			err = rd.facts(w, rd.r.IntN(len(w.c.places)))
		default:
			err = rd.ranged(w)
		}
		if err != nil {
			return err
		}
		rd.reads++
		if rd.r.IntN(64) == 0 {
			runtime.Gosched()
		}
	}
	return nil
}

// one reads a single place.
func (rd *stressReader) one(w *witness, i int) error {
	p := w.c.places[i]
	w.look()
	t := rd.l.Begin(p.db)
	var val []byte
	var ok bool
	var err error
	told := false
	how := rd.r.IntN(8)
	if how < 4 {
		val, ok, told = rd.e.Peek(p.db, rd.buf[:0], p.key)
	}
	switch {
	case told:
	case how == 7:
		val, ok, err = t.GetRange(rd.buf[:0], p.key, 0, -1, nil)
	default:
		val, ok, err = t.Get(rd.buf[:0], p.key, nil)
	}
	t.End()
	rd.buf = val
	if err != nil {
		return err
	}
	var content uint64
	if ok {
		if content, err = readStress(val, w.c.id); err != nil {
			return fmt.Errorf("get %s of %s: %w", p.key[:min(20, len(p.key))], w.c.name, err)
		}
	}
	return w.saw(fmt.Sprintf("get: content %d at place %d", content, i), func(n uint64) bool { return w.c.state(n, i) == content })
}

// many reads all places of one database as one.
func (rd *stressReader) many(w *witness, own bool) error {
	db := w.c.places[rd.r.IntN(len(w.c.places))].db
	keys, at := rd.choose(w, db)
	got := make([]uint64, len(keys))
	var err error
	visit := func(i int, val []byte, ok bool) {
		if ok {
			var bad error
			if got[i], bad = readStress(val, w.c.id); bad != nil {
				err = fmt.Errorf("mget of %s: %w", w.c.name, bad)
			}
		}
	}
	w.look()
	t := rd.l.Begin(db)
	if own {
		t.ReadMany(keys, &rd.batch)
		for i := range keys {
			val, ok := rd.batch.Value(i)
			visit(i, val, ok)
		}
	} else {
		t.MGet(keys, visit)
	}
	t.End()
	if err != nil {
		return err
	}
	return w.saw(fmt.Sprintf("mget: contents %d at places %d", got, at), func(n uint64) bool { return w.c.same(n, at, got) })
}

// choose returns the keys of the chronicle's places in db, in any order.
func (rd *stressReader) choose(w *witness, db int) (keys [][]byte, at []int) {
	for _, i := range rd.r.Perm(len(w.c.places)) {
		if p := w.c.places[i]; p.db == db {
			keys, at = append(keys, p.key), append(at, i)
		}
	}
	return keys, at
}

func (c *chronicle) same(n uint64, at []int, got []uint64) bool {
	for k, i := range at {
		if c.state(n, i) != got[k] {
			return false
		}
	}
	return true
}

// locked reads all places, of all databases, in one transaction.
func (rd *stressReader) locked(w *witness) error {
	var keys [][]byte
	at := make([]int, len(w.c.places))
	for i, p := range w.c.places {
		keys, at[i] = append(keys, p.key), i
	}
	got := make([]uint64, len(keys))
	w.look()
	t := rd.l.Begin(0)
	t.LockKeys(keys, 0, len(keys)-1, 1)
	defer t.End()
	for i, p := range w.c.places {
		t.SetDB(p.db)
		val, ok, err := t.Get(rd.buf[:0], p.key, nil)
		rd.buf = val
		if ok && err == nil {
			got[i], err = readStress(val, w.c.id)
		}
		if err != nil {
			return fmt.Errorf("locked get of %s: %w", w.c.name, err)
		}
	}
	return w.saw(fmt.Sprintf("transaction: contents %d", got), func(n uint64) bool { return w.c.same(n, at, got) })
}

// facts reads what is known of a place without its value.
func (rd *stressReader) facts(w *witness, i int) error {
	p := w.c.places[i]
	w.look()
	t := rd.l.Begin(p.db)
	defer t.End()
	switch rd.r.IntN(4) {
	case 0:
		found := t.Exists(p.key)
		return w.saw(fmt.Sprintf("exists %v at place %d", found, i), func(n uint64) bool { return (w.c.state(n, i) != 0) == found })
	case 1:
		_, st := t.ExpireTime(p.key)
		return w.saw(fmt.Sprintf("expiretime %v at place %d", st, i), func(n uint64) bool { return (w.c.state(n, i) != 0) == (st != Missing) })
	case 2:
		typ := t.Type(p.key)
		return w.saw(fmt.Sprintf("type %v at place %d", typ, i), func(n uint64) bool { return (w.c.state(n, i) != 0) == (typ == TypeString) })
	}
	size, err := t.StrLen(p.key)
	if err != nil {
		return err
	}
	return w.saw(fmt.Sprintf("strlen %d at place %d", size, i), func(n uint64) bool {
		if c := w.c.state(n, i); c != 0 {
			return int64(stressSize(w.c.id, c)) == size
		}
		return size == 0
	})
}

// ranged reads all places of one database from a snapshot and keeps that open
// for a while, during which it must not change.
func (rd *stressReader) ranged(w *witness) error {
	db := w.c.places[rd.r.IntN(len(w.c.places))].db
	got := make([]uint64, len(w.c.places))
	var at []int
	var aliases, copies [][]byte
	from := fmt.Appendf(nil, "c%04d/", w.c.id)
	to := fmt.Appendf(nil, "c%04d0", w.c.id)
	w.look()
	r := rd.l.Begin(db).Range(from, to)
	defer r.Close()
	last := ""
	for r.Next() {
		key := string(r.Key())
		if key <= last {
			return fmt.Errorf("range of %s: %q after %q", w.c.name, key, last)
		}
		last = key
		i := w.c.placeOf(db, key)
		if i < 0 {
			return fmt.Errorf("range of %s: key %q", w.c.name, key)
		}
		var err error
		if got[i], err = readStress(r.Value(), w.c.id); err != nil {
			return fmt.Errorf("range of %s: %w", w.c.name, err)
		}
		aliases, copies = append(aliases, r.Value()), append(copies, append([]byte(nil), r.Value()...))
	}
	for i, p := range w.c.places {
		if p.db == db {
			at = append(at, i)
		}
	}
	view := make([]uint64, len(at))
	for k, i := range at {
		view[k] = got[i]
	}
	if err := w.saw(fmt.Sprintf("range: contents %d at places %d", view, at), func(n uint64) bool { return w.c.same(n, at, view) }); err != nil {
		return err
	}
	for range rd.r.IntN(8) {
		if err := rd.one(w, rd.r.IntN(len(w.c.places))); err != nil {
			return err
		}
		runtime.Gosched()
	}
	for i := range aliases {
		if string(aliases[i]) != string(copies[i]) {
			return fmt.Errorf("range of %s: a value changed while the snapshot was open", w.c.name)
		}
	}
	return nil
}

func (c *chronicle) placeOf(db int, key string) int {
	for i, p := range c.places {
		if p.db == db && string(p.key) == key {
			return i
		}
	}
	return -1
}

// stressRun runs goroutines until the time is over or one fails.
type stressRun struct {
	t    *testing.T
	e    *Engine
	seed uint64
	stop atomic.Bool
	wg   sync.WaitGroup
	err  atomic.Pointer[error]
	n    uint64
}

func (sr *stressRun) spawn(run func(l *Lane, r *rand.Rand) error) {
	sr.n++
	l, r := sr.e.NewLane(), rand.New(rand.NewPCG(sr.seed, sr.n))
	sr.wg.Add(1)
	go func() {
		defer sr.wg.Done()
		defer l.Close()
		if err := run(l, r); err != nil {
			sr.err.CompareAndSwap(nil, &err)
			sr.stop.Store(true)
		}
	}()
}

// wait lets everything run for d, on a machine that is busy as long as it takes
// until enough was done, and fails the test if something went wrong.
func (sr *stressRun) wait(d time.Duration, enough func() bool) {
	sr.t.Helper()
	begun := time.Now()
	for took := time.Duration(0); (took < d || !enough() && took < d+time.Minute) && !sr.stop.Load(); took = time.Since(begun) {
		time.Sleep(10 * time.Millisecond)
	}
	sr.stop.Store(true)
	sr.wg.Wait()
	if err := sr.err.Load(); err != nil {
		sr.t.Fatalf("%v\nreproduce, with luck: HPKV_SEED=%d HPKV_STRESS=60s go test -run '%s' ./engine (GOMAXPROCS here: %d, shards: %d)",
			*err, sr.seed, sr.t.Name(), runtime.GOMAXPROCS(0), sr.e.Shards())
	}
}

// watch adds a writer for each chronicle and readers for all of them.
func (sr *stressRun) watch(cs []*chronicle, readers int) *atomic.Int64 {
	reads := new(atomic.Int64)
	for _, c := range cs {
		sr.spawn(func(l *Lane, r *rand.Rand) error {
			w := &stressWriter{c: c, e: sr.e, l: l, r: r}
			return w.run(&sr.stop)
		})
	}
	for range readers {
		sr.spawn(func(l *Lane, r *rand.Rand) error {
			rd := &stressReader{e: sr.e, l: l, r: r}
			for _, c := range cs {
				rd.witnesses = append(rd.witnesses, witness{c: c})
			}
			defer func() { reads.Add(int64(rd.reads)) }()
			return rd.run(&sr.stop)
		})
	}
	return reads
}
