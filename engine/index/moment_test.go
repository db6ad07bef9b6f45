package index

import (
	"sync/atomic"
	"testing"
	"time"

	"hpkv/engine/alloc"
)

// TestOneMoment holds several probes against the promise that they can be
// validated as one: once anybody has seen a change, no earlier probe of the
// entry is valid any more, however far the writer has come. Otherwise a reader
// of two keys could believe the old value of the first beside a value of the
// second that was written by somebody who had seen the new one.
func TestOneMoment(t *testing.T) {
	r := newRig(t)
	// Eight entries of one bucket: the last lives in the next bucket.
	h := uint64(0)
	for i := range uint64(8) {
		h = 5 + i
		r.insert(t, h)
	}
	other := r.record(h)
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !stop.Load() {
			s, _ := r.find(h)
			ref := s.Ref()
			r.table.Replace(&s, other)
			other = ref
			s, _ = r.find(h)
			r.table.Delete(&s)
			if err := r.table.Insert(h, ref); err != nil {
				t.Error(err)
			}
		}
	}()
	look := func(p *Probe) alloc.Ref {
		p.Start(r.table, h)
		for ref, ok := p.Next(); ok; ref, ok = p.Next() {
			if r.hashOf(ref) == h {
				return ref
			}
		}
		return 0
	}
	var before, after Probe
	tried := 0
	defer func() {
		stop.Store(true)
		<-done
		t.Logf("%d changes seen", tried)
	}()
	for end := time.Now().Add(*stressFor); time.Now().Before(end); {
		for range 1000 {
			a := look(&before)
			b := look(&after)
			if a != b && after.Valid() {
				if tried++; before.Valid() {
					t.Fatalf("a probe that found %d was valid after another had found %d", a, b)
				}
			}
		}
	}
}
