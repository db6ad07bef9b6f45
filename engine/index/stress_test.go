package index

import (
	"flag"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"hpkv/engine/alloc"
	"hpkv/engine/epoch"
)

var stressFor = flag.Duration("stress", 2*time.Second, "how long TestStress runs")

// The stress test's records prove their own integrity:
//
//	0   access stamp, written by readers at any time
//	4   words of payload
//	8   hash
//	16  number of the operation that wrote it
//	24  payload: each word follows from hash, number and place
const (
	stressKeys   = 40
	stressWords  = 120
	historyDepth = 1 << 14
)

// history tells which states of a key a reader may see: operations are
// numbered, begun is the last that has started, ended the last that is over.
type history struct {
	begun, ended atomic.Uint64
	absent       [historyDepth]atomic.Bool // after operation i
}

type stress struct {
	t       *testing.T
	arena   *alloc.Arena
	heap    *alloc.Heap
	table   *Table
	readers *epoch.Domain
	keys    [stressKeys]history
	stop    atomic.Bool
	hits    atomic.Int64
	misses  atomic.Int64
	retries atomic.Int64

	mu     sync.Mutex // the shard's lock
	filler []uint64
	next   uint64
	shrink bool // the filler is going down, else up
}

func (s *stress) word(ref alloc.Ref, off int) *uint64 {
	return (*uint64)(unsafe.Add(s.arena.Ptr(ref), off))
}

func (s *stress) hashOf(ref alloc.Ref) uint64 { return *s.word(ref, 8) }

// stressHash gives every fourth key one and the same tag, so that readers meet
// other keys' records as candidates.
func stressHash(k uint64) uint64 {
	h := mix(k)
	if k%4 == 0 {
		h &^= 1<<tagBits - 1
	}
	return h
}

func payloadWord(h, version uint64, i int) uint64 { return mix(h ^ version<<20 ^ uint64(i)) }

// sometimes gives the processor away at a moment when it hurts: with few cores
// little would happen between two steps of a reader or writer otherwise.
func sometimes(r *rand.Rand) {
	if r.IntN(16) == 0 {
		runtime.Gosched()
	}
}

func (s *stress) fill(r *rand.Rand, ref alloc.Ref, h, version uint64, words int) {
	*(*uint32)(unsafe.Add(s.arena.Ptr(ref), 4)) = uint32(words)
	*s.word(ref, 8) = h
	*s.word(ref, 16) = version
	for i := range words {
		if i == words/2 {
			sometimes(r)
		}
		*s.word(ref, 24+8*i) = payloadWord(h, version, i)
	}
}

func (s *stress) record(r *rand.Rand, h, version uint64, words int) alloc.Ref {
	ref, err := s.heap.Alloc(24+8*words, alloc.Records)
	if err != nil {
		panic(err)
	}
	s.fill(r, ref, h, version, words)
	return ref
}

func (s *stress) find(h uint64) (Slot, bool) {
	var slot Slot
	ok := s.table.Seek(h, &slot)
	for ok && s.hashOf(slot.Ref()) != h {
		ok = slot.Next()
	}
	return slot, ok
}

// begin and end bracket an operation that leaves the key absent or not.
func (s *stress) begin(k int, absent bool) (version uint64) {
	y := &s.keys[k]
	v := y.begun.Load() + 1
	y.absent[v%historyDepth].Store(absent)
	y.begun.Store(v)
	return v
}

func (s *stress) end(k int) { s.keys[k].ended.Store(s.keys[k].begun.Load()) }

// write does one random operation under the lock.
func (s *stress) write(r *rand.Rand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := r.IntN(stressKeys)
	h := stressHash(uint64(k))
	slot, exists := s.find(h)
	switch op := r.IntN(1000); {
	case op < 400: // set
		v := s.begin(k, false)
		ref := s.record(r, h, v, r.IntN(stressWords))
		if exists {
			old := slot.Ref()
			s.table.Replace(&slot, ref)
			s.heap.Free(old)
		} else if err := s.table.Insert(h, ref); err != nil {
			panic(err)
		}
		s.end(k)
	case op < 650 && exists: // change in place
		ref := slot.Ref()
		most := min(s.heap.Capacity(ref)-24, 8*stressWords) / 8
		v := s.begin(k, false)
		s.table.Lock(&slot)
		s.fill(r, ref, h, v, r.IntN(most+1))
		s.table.Unlock(&slot)
		s.end(k)
	case op < 850 && exists: // delete
		s.begin(k, true)
		ref := slot.Ref()
		s.table.Delete(&slot)
		s.heap.Free(ref)
		s.end(k)
	case op < 950 && !s.shrink: // grow
		s.shrink = len(s.filler) > 3000
		for range r.IntN(50) {
			s.next++
			h := stressHash(1<<40 + s.next)
			if err := s.table.Insert(h, s.record(r, h, 1, r.IntN(8))); err != nil {
				panic(err)
			}
			s.filler = append(s.filler, h)
		}
	case op < 950: // shrink
		n := r.IntN(50)
		s.shrink = len(s.filler) > n
		for ; n > 0 && len(s.filler) > 0; n-- {
			i := r.IntN(len(s.filler))
			slot, _ := s.find(s.filler[i])
			ref := slot.Ref()
			s.table.Delete(&slot)
			s.heap.Free(ref)
			s.filler[i] = s.filler[len(s.filler)-1]
			s.filler = s.filler[:len(s.filler)-1]
		}
	case op < 970: // evacuate records
		if pg, ok := s.heap.Sparse(alloc.Records, false); ok {
			s.heap.Evacuate(pg, 50, func(old alloc.Ref) bool {
				slot, ok := s.table.FindRef(s.hashOf(old), old)
				if !ok {
					return false // left by Clear for Drain
				}
				n := s.heap.Capacity(old)
				ref, err := s.heap.Alloc(n, alloc.Records)
				if err != nil {
					panic(err)
				}
				copy(s.arena.Bytes(ref, 0, n), s.arena.Bytes(old, 0, n))
				s.table.Replace(&slot, ref)
				s.heap.Free(old)
				return true
			})
		}
	case op < 985: // move a segment
		if exists {
			s.table.Relocate(slot.seg.ref())
		}
	case op == 999 && r.IntN(20) == 0:
		for k := range s.keys {
			s.begin(k, true)
		}
		s.table.Clear()
		for k := range s.keys {
			s.end(k)
		}
		s.filler = s.filler[:0]
	default:
		s.table.Drain(100, s.heap.Free)
		s.heap.Trim()
	}
}

// read looks up one key without the lock and checks what it sees.
func (s *stress) read(r *rand.Rand, slot *epoch.Slot) {
	k := r.IntN(stressKeys)
	h, y := stressHash(uint64(k)), &s.keys[k]
	var p Probe
	var payload [stressWords]uint64
	slot.Enter()
	defer slot.Exit()
	for {
		ended := y.ended.Load()
		var version uint64
		var words int
		hit := false
		p.Start(s.table, h)
		sometimes(r)
		for ref, ok := p.Next(); ok; ref, ok = p.Next() {
			if *s.word(ref, 8) != h {
				continue
			}
			words = min(int(*(*uint32)(unsafe.Add(s.arena.Ptr(ref), 4))), stressWords, (s.arena.Readable(ref)-24)/8)
			version = *s.word(ref, 16)
			for i := range words {
				if i == words/2 {
					sometimes(r)
				}
				payload[i] = *s.word(ref, 24+8*i)
			}
			sometimes(r)
			*(*uint32)(s.arena.Ptr(ref)) = r.Uint32() // the one shared write
			hit = true
			break
		}
		if !p.Valid() {
			s.retries.Add(1)
			runtime.Gosched()
			continue
		}
		begun := y.begun.Load()
		if hit {
			s.hits.Add(1)
			if version < ended || version > begun {
				s.fail("key %d: read version %d, which was current outside of [%d,%d]", k, version, ended, begun)
			}
			for i := range words {
				if payload[i] != payloadWord(h, version, i) {
					s.fail("key %d version %d: payload word %d of %d is torn", k, version, i, words)
					return
				}
			}
			return
		}
		s.misses.Add(1)
		if begun-ended >= historyDepth {
			return // too long ago to tell
		}
		for v := ended; v <= begun; v++ {
			if v == 0 || y.absent[v%historyDepth].Load() {
				return
			}
		}
		s.fail("key %d: missed while versions [%d,%d] were all there", k, ended, begun)
		return
	}
}

func (s *stress) fail(format string, args ...any) {
	s.t.Errorf(format, args...)
	s.stop.Store(true)
}

// TestStress: readers without locks against everything a writer can do.
func TestStress(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	s := &stress{t: t, readers: epoch.New(alloc.ProcessBarrier())}
	arena, err := alloc.NewArena(alloc.Options{ReserveBytes: 8 << 30, Retire: s.readers.Retire})
	if err != nil {
		t.Fatal(err)
	}
	defer arena.Close()
	s.arena, s.heap = arena, arena.NewHeap(0)
	s.table = New(s.heap, arena, alloc.Index, s.hashOf)
	timer := time.AfterFunc(*stressFor, func() { s.stop.Store(true) })
	defer timer.Stop()

	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			slot := s.readers.Register()
			defer s.readers.Unregister(slot)
			for !s.stop.Load() {
				s.read(r, slot)
			}
		})
	}
	ops := 0
	for i := range 2 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 100+uint64(i)))
			for n := 0; !s.stop.Load(); n++ {
				s.write(r)
				if n%64 == 0 {
					s.readers.Collect(1 << 30)
				}
				if i == 0 {
					ops++
				}
				if n%20000 == 0 {
					s.mu.Lock()
					if err := s.table.Check(); err != nil {
						s.fail("%v", err)
					}
					if err := s.heap.Check(); err != nil {
						s.fail("%v", err)
					}
					s.mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if err := s.table.Check(); err != nil {
		t.Error(err)
	}
	t.Logf("%d operations by one writer, %d hits, %d misses, %d retries; %+v", ops, s.hits.Load(), s.misses.Load(), s.retries.Load(), s.table.Stats())
}
