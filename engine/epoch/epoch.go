package epoch

import (
	"sync"
	"sync/atomic"
)

// Domain is a set of participants and the retirements that wait for them.
type Domain struct {
	barrier func() // nil: participants announce with barriers of their own

	mu      sync.Mutex // never held for long: writers retire under locks of their own
	slots   []*Slot
	pending []func() // wait for a grace period to begin

	collecting sync.Mutex // taken before mu
	waiting    []func()   // wait for the present period to end
	insiders   []insider
	over       []func()     // may run: their period has ended
	unfinished atomic.Int64 // retirements not yet run
}

// insider is a participant that was inside when the grace period began.
type insider struct {
	slot *Slot
	seq  uint64
}

// Slot is one participant's announcement. It fills two cache lines so that
// announcing disturbs nobody, adjacent-line prefetch included.
type Slot struct {
	_     [64]byte
	seq   uint64 // odd: inside; written by the owner
	depth int32  // of nested Enters; the owner's
	plain bool   // immutable: the domain has a barrier
	_     [128 - 64 - 16]byte
}

// New returns a domain. barrier makes every running thread of the process pass
// a full memory barrier (alloc.ProcessBarrier); nil where there is none.
func New(barrier func()) *Domain { return &Domain{barrier: barrier} }

// Register adds a participant, outside at first.
func (d *Domain) Register() *Slot {
	s := &Slot{plain: d.barrier != nil}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slots = append(d.slots, s)
	return s
}

// Unregister removes a participant that is outside and stays so.
func (d *Domain) Unregister(s *Slot) {
	if s.depth != 0 {
		panic("epoch: participant leaves the domain while inside")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.slots {
		if d.slots[i] == s {
			d.slots[i] = d.slots[len(d.slots)-1]
			d.slots = d.slots[:len(d.slots)-1]
			return
		}
	}
}

// Enter announces that the owner reads. Nothing retired from now on is disposed
// of before the matching Exit.
func (s *Slot) Enter() {
	if s.depth++; s.depth == 1 {
		s.announce()
	}
}

// Exit ends what Enter began.
func (s *Slot) Exit() {
	if s.depth--; s.depth == 0 {
		s.announce()
	}
}

// Abandon leaves however often the owner has entered: for an owner whose read
// was cut short by a panic.
func (s *Slot) Abandon() {
	if s.depth > 0 {
		s.depth = 0
		s.announce()
	}
}

// Retire has fn run by a later Collect, once all participants that are inside
// now have left.
func (d *Domain) Retire(fn func()) {
	d.unfinished.Add(1)
	d.mu.Lock()
	d.pending = append(d.pending, fn)
	d.mu.Unlock()
}

// Collect runs retirements whose grace period is over, up to most of them, and
// returns their number. It begins a period if none is going on, so that with nobody
// inside calls until one does less than it might dispose of everything retired
// before. It never waits for participants.
func (d *Domain) Collect(most int) (ran int) {
	fns := d.ready(most)
	for _, fn := range fns {
		fn()
		ran++
	}
	clear(fns)
	d.unfinished.Add(int64(-ran))
	return ran
}

// ready takes out up to most retirements that may run.
func (d *Domain) ready(most int) []func() {
	d.collecting.Lock()
	defer d.collecting.Unlock()
	if len(d.over) == 0 && !d.elapsed() {
		return nil
	}
	fns := d.over[:min(most, len(d.over))]
	d.over = d.over[len(fns):]
	return fns
}

// elapsed looks whether the grace period, which it begins if there is none, is over.
func (d *Domain) elapsed() bool {
	if len(d.waiting) == 0 && !d.begin() {
		return false
	}
	left := d.insiders[:0]
	for _, in := range d.insiders {
		if atomic.LoadUint64(&in.slot.seq) == in.seq {
			left = append(left, in)
		}
	}
	if d.insiders = left; len(left) > 0 {
		return false
	}
	d.over, d.waiting = d.waiting, nil
	return true
}

// begin begins a grace period for what is pending, if anything is: it notes who is
// inside. The barrier takes long, and what is retired meanwhile waits for the next.
func (d *Domain) begin() bool {
	d.mu.Lock()
	d.waiting, d.pending = d.pending, nil
	d.mu.Unlock()
	if len(d.waiting) == 0 {
		return false
	}
	if d.barrier != nil {
		d.barrier()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.slots {
		if seq := atomic.LoadUint64(&s.seq); seq&1 != 0 {
			d.insiders = append(d.insiders, insider{s, seq})
		}
	}
	return true
}

// Pending returns the number of retirements not yet run.
func (d *Domain) Pending() int { return int(d.unfinished.Load()) }
