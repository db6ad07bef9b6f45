package engine

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hpkv/engine/alloc"
)

// Bounds of background work under one hold of a shard's lock, each some 50 us
// at most. Nobody has to wait for as long: the steps are done in units of a
// microsecond or two, and end when somebody waits for the shard.
const (
	expireStep  = 128
	expireUnit  = 4
	reclaimStep = 256
	reclaimUnit = 16
	defragStep  = 64
	defragUnit  = 1
	indexStep   = 64
	indexUnit   = 4

	// retireUnit is how many retired pages go back to the arena between two looks at
	// the clock: some 3 us each, and those of a large collection become empty all at
	// the same time, when the last of its elements are freed.
	retireUnit = 8
	// retireShare is the part of all retired pages that go back nevertheless, so that
	// they do not pile up for ever where operations free more than a round gives back.
	retireShare = 256
	// leavingBytes of large objects are enough to give everything back, however long it
	// takes: each may be a gigabyte, and they become free one by one.
	leavingBytes = 8 << 20
)

// quietMs is how long a shard must have been left alone before more is done to make
// its memory smaller than is worth while beside other work.
const quietMs = 100

// Maintenance pauses when there is nothing to do.
const (
	idlePause  = 100 * time.Millisecond
	expirePace = 10 * time.Millisecond // with keys that expire: a wheel's tick and a bit
)

// Maintain does the background work of one home's shards: expiry, memory given
// back, defragmentation, ordered indexes being built. It runs for about budget
// and returns how long it may be left alone: 0 if work is left. One goroutine
// at a time may call it for a home; l is that goroutine's lane.
func (e *Engine) Maintain(l *Lane, home int, budget time.Duration) (next time.Duration) {
	if e.loaders.Load() > 0 {
		return expirePace
	}
	start := time.Now()
	now := e.clock.NowMs()
	e.stamp.Store(e.stampAt(now))
	l.SetNow(now)
	defer l.SetNow(0)
	next = idlePause
	for _, s := range e.homes[home] {
		for {
			again, volatile := s.maintain(l.Begin(0), now)
			if volatile {
				next = min(next, expirePace)
			}
			if !again {
				break
			}
			if time.Since(start) > budget {
				next = 0
				break
			}
		}
	}
	for e.Evicting() && e.excess() > 0 && l.Begin(0).Evict() {
		if time.Since(start) > budget {
			next = 0
			break
		}
	}
	for e.readers.Pending() > 0 {
		next = min(next, expirePace)
		most := max(retireUnit, e.readers.Pending()/retireShare)
		if e.arena.Leaving() >= leavingBytes {
			most = math.MaxInt
		}
		if e.readers.Collect(most) < most {
			break
		}
		if time.Since(start) > budget {
			next = 0
			break
		}
	}
	return next
}

// maintain does one bounded step of each kind of work, giving the shard to
// others in between.
func (s *shard) maintain(t *Txn, now int64) (again, volatile bool) {
	for db := range s.dbs {
		if s.dbs[db].Load() != nil {
			more, expires := s.maintainDatabase(t, db, now)
			again, volatile = again || more, volatile || expires
		}
	}
	s.mu.giveWay()
	t.enter(s)
	defer t.leave(s)
	more, fields := s.tend(t, now)
	return again || more, volatile || fields
}

// tend is the part of maintain that concerns the whole shard: one hold of it.
// REQUIRES: s is locked by enter.
func (s *shard) tend(t *Txn, now int64) (again, volatile bool) {
	if len(s.timed) > 0 {
		begun := time.Now()
		again, volatile = t.expireHashes(s, now)
		s.stats.expiring += time.Since(begun)
	}
	again = s.mu.slices(reclaimStep, reclaimUnit, s.reclaim) || again
	begun := time.Now()
	moved := s.defragment(defragStep, s.quiet(now))
	moved = s.defragmentParts(now) || moved
	if moved {
		s.stats.defragmenting += time.Since(begun)
	}
	again = again || moved
	if second := now / 1000; !again && second != s.trimmed {
		s.trimmed = second
		s.heap.Trim()
	}
	return again, volatile
}

func (s *shard) maintainDatabase(t *Txn, db int, now int64) (again, volatile bool) {
	s.mu.giveWay()
	t.enter(s)
	defer t.leave(s)
	ks := s.dbs[db].Load()
	if ks.wheel != nil && ks.wheel.count > 0 && !s.e.keepExpired.Load() {
		volatile = true
		t.db = db
		begun := time.Now()
		again = s.mu.slices(expireStep, expireUnit, func(unit int) bool {
			return ks.wheel.advance(s, now, unit, func(ref alloc.Ref) { t.expireRef(s, db, ref) })
		})
		s.stats.expiring += time.Since(begun)
	}
	if s.e.wanted[db].Load() {
		more := s.mu.slices(indexStep, indexUnit, func(unit int) bool { return s.buildOrdered(ks, unit) })
		again = again || more
	}
	return again, volatile
}

// reclaim frees a step's worth of large collections without a key, of records
// that ranges kept or that dropped databases held, and reports whether there is
// more. REQUIRES: s.mu.
func (s *shard) reclaim(budget int) (more bool) {
	if s.freeBuried(budget) {
		return true
	}
	if s.pins.reclaim(budget, s.heap.Free) {
		return true
	}
	for i, d := range s.dropped {
		if s.pins.shows(d.generation) {
			continue
		}
		if d.table.Drain(budget, s.discard) {
			s.dropped = slices.Delete(s.dropped, i, i+1)
			return len(s.buried) > 0 || len(s.dropped) > 0 && !s.pins.open()
		}
		return true
	}
	return false
}

// quiet reports whether nobody has changed anything for quietMs. REQUIRES: s.mu.
func (s *shard) quiet(now int64) bool {
	if s.changed.seq != s.seq {
		s.changed.seq, s.changed.ms = s.seq, now
	}
	return now-s.changed.ms >= quietMs
}

// defragment evacuates a step's worth of a sparse page and reports whether that
// did any good. It must not meet records that are on their way out. REQUIRES:
// s.mu.
func (s *shard) defragment(budget int, leisure bool) (more bool) {
	if s.pins.open() || s.pins.kept > 0 || len(s.dropped) > 0 {
		return false
	}
	return s.evacuate(alloc.Records, leisure, budget, s.relocate) ||
		s.evacuate(alloc.Index, leisure, budget, s.relocateSegment)
}

func (s *shard) evacuate(p alloc.Purpose, leisure bool, budget int, move func(old alloc.Ref) bool) (more bool) {
	moved := false
	more = s.mu.slices(budget, defragUnit, func(unit int) bool {
		page, ok := s.heap.Sparse(p, leisure)
		return ok && !s.heap.Evacuate(page, unit, func(old alloc.Ref) bool {
			ok := move(old)
			moved = moved || ok
			return ok
		})
	})
	return more || moved
}

// relocate moves a record to another place in memory.
func (s *shard) relocate(old alloc.Ref) bool {
	rec := s.recordAt(old)
	hdr := rec.Header()
	h := s.hashOf(old)
	for db := range s.dbs {
		ks := s.dbs[db].Load()
		if ks == nil {
			continue
		}
		slot, ok := ks.table.FindRef(h, old)
		if !ok {
			continue
		}
		// The whole object moves, slack included, so that a growing value
		// keeps its room.
		size := s.heap.Capacity(old)
		ref, err := s.heap.Alloc(size, alloc.Records)
		if err != nil {
			return false
		}
		copy(s.e.arena.Bytes(ref, 0, hdr.Size()), s.e.arena.Bytes(old, 0, hdr.Size()))
		if hdr.Volatile() {
			ks.wheel.relink(s, ref, s.recordAt(ref), hdr)
		}
		ks.table.Replace(&slot, ref)
		ks.ordered.replace(h, ref)
		s.heap.Free(old)
		s.stats.relocated++
		return true
	}
	return false
}

func (s *shard) relocateSegment(old alloc.Ref) bool {
	for db := range s.dbs {
		if ks := s.dbs[db].Load(); ks != nil && ks.table.Relocate(old) {
			return true
		}
	}
	return false
}

// startBackground has RunBackground run until Close.
func (e *Engine) startBackground() {
	e.background.stop, e.background.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(e.background.done)
		e.RunBackground(e.background.stop, nil)
	}()
}

func (e *Engine) stopBackground() {
	if e.background.stop != nil {
		close(e.background.stop)
		<-e.background.done
	}
}

// RunBackground does the background work of all homes until stop is closed: it
// runs Maintain, and readies memory ahead of its use. worked, which may be nil, is
// told after each round for a home when that began, by several goroutines.
//
// One goroutine looks after all homes, as long as there is little to do: 64
// goroutines that wake ten times a second cost an idle process 0.4% of a core, one
// 0.09%. A home with more work than a round's gets a goroutine of its own until
// that is done, as long as fewer than half of the cores have background work: more
// would push each other, and those who wait for what they hold, off the cores.
func (e *Engine) RunBackground(stop <-chan struct{}, worked func(begun time.Time)) {
	var workers sync.WaitGroup
	defer workers.Wait()
	l := e.NewLane()
	defer l.Close()
	workers.Go(func() { e.readyMemory(stop) })
	timer := time.NewTimer(0)
	defer timer.Stop()
	busy := make([]atomic.Bool, len(e.homes)) // has a goroutine of its own
	spare := atomic.Int32{}                   // as many more may have one
	spare.Store(int32(len(e.homes)/2 - 1))
	trimmed := time.Now()
	for {
		select {
		case <-stop:
			return
		case <-timer.C:
		}
		next := idlePause
		for home := range e.homes {
			pause := expirePace // a busy home may be idle by then
			if !busy[home].Load() {
				pause = e.round(l, home, worked)
			}
			if pause == 0 && spare.Load() > 0 {
				busy[home].Store(true)
				spare.Add(-1)
				workers.Go(func() {
					e.workOff(home, stop, worked)
					spare.Add(1)
					busy[home].Store(false)
				})
				pause = expirePace
			}
			next = min(next, pause)
		}
		if time.Since(trimmed) > trimPause {
			if e.arena.Trim(trimPages) {
				next = 0
			} else {
				trimmed = time.Now()
			}
		}
		timer.Reset(max(next, roundPause))
	}
}

// readyMemory has memory ready ahead of its use until stop is closed. It takes
// milliseconds, so other background work does not wait for it.
func (e *Engine) readyMemory(stop <-chan struct{}) {
	var later <-chan time.Time
	for {
		select {
		case <-stop:
			return
		case <-e.wantsMemory:
			e.arena.Prepare()
			if later == nil {
				later = time.After(unitePause)
			}
		case <-later:
			later = nil
			if took, more := e.arena.Unite(); more {
				later = time.After(max(unitePause, uniteShare*took))
			}
		}
	}
}

// Between two calls of alloc.Arena.Unite are unitePause, and uniteShare times what the
// last took of a processor: a chunk a second where huge pages are dear, so that 0.5% of
// all requests may wait for that.
const (
	unitePause = 100 * time.Millisecond
	uniteShare = 200
)

// workOff does the work of a home that has much of it, until there is none left.
func (e *Engine) workOff(home int, stop <-chan struct{}, worked func(begun time.Time)) {
	l := e.NewLane()
	defer l.Close()
	tick := time.NewTicker(roundPause)
	defer tick.Stop()
	for e.round(l, home, worked) == 0 {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// round is Maintain for a round's time.
func (e *Engine) round(l *Lane, home int, worked func(begun time.Time)) (next time.Duration) {
	begun := time.Now()
	next = e.Maintain(l, home, maintainBudget)
	if worked != nil {
		worked(begun)
	}
	return next
}

// wantMemory has the background prepare memory soon.
func (e *Engine) wantMemory() {
	select {
	case e.wantsMemory <- struct{}{}:
	default:
	}
}

// maintainBudget is how long one round may work for a home before others get
// their turn, and roundPause what lies between two rounds at least: where an event
// loop has the same core, its clients wait for the one in each of the other.
const (
	maintainBudget = 250 * time.Microsecond
	roundPause     = time.Millisecond
)

// Free pages that nobody has needed for trimPause go back to the system, trimPages
// of them at once, which takes some 50 us.
const (
	trimPause = time.Second
	trimPages = 8
)
