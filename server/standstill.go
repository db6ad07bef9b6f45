package server

import (
	"context"
	"sync"
)

// standstill stops whatever executes commands, as Redis' only thread is stopped
// by a command that takes long. One at a time.
type standstill struct{ turn sync.Mutex }

// standStill keeps every client waiting until goOn is called, which must be.
// REQUIRES: s.stands.turn is held; goOn releases it.
//
// What is being executed goes on to its end. settle waits for that, but not for
// the commands of deferredCall.patient, of which the caller should be one. It
// fails when ctx ends; it can only succeed for a caller that holds no shard and
// is on no event loop.
func (s *Server) standStill() (settle func(ctx context.Context) error, goOn func()) {
	until := make(chan struct{})
	still := []<-chan struct{}{s.driver.halt(until)}
	if s.side != nil {
		still = append(still, s.side.halt(until))
	}
	settle = func(ctx context.Context) error {
		// First the event loops: one that has not stopped may need an executor.
		for _, c := range still {
			select {
			case <-c:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return s.executors.shut(ctx, until)
	}
	return settle, func() {
		close(until)
		s.executors.open()
		s.stands.turn.Unlock()
	}
}

// executorPool lends executors to goroutines that serve clients.
type executorPool struct {
	mu     sync.Mutex
	free   []*executor
	closed bool
	gate   <-chan struct{} // nobody is lent one until it is closed; nil: everybody is
	busy   int             // executors lent to those whom shut waits for
	idle   chan struct{}   // closed when busy falls to 0; made by shut
}

// shut has everybody who asks for an executor wait until the channel is closed,
// and waits for those who have one.
func (p *executorPool) shut(ctx context.Context, until <-chan struct{}) error {
	p.mu.Lock()
	p.gate = until
	if p.busy == 0 {
		p.mu.Unlock()
		return nil
	}
	idle := make(chan struct{})
	p.idle = idle
	p.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// open ends what shut began. The gate is closed already.
func (p *executorPool) open() {
	p.mu.Lock()
	p.gate, p.idle = nil, nil
	p.mu.Unlock()
}

// take returns an executor that was used before, or nil.
func (p *executorPool) take(patient bool) (x *executor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.gate != nil {
		gate := p.gate
		p.mu.Unlock()
		<-gate
		p.mu.Lock()
		if p.gate == gate {
			p.gate = nil // whoever closed it is about to say so
		}
	}
	if n := len(p.free); n > 0 {
		x, p.free = p.free[n-1], p.free[:n-1]
	}
	if !patient {
		p.busy++
	}
	return x
}

// borrowExecutor lends an executor, at the present time. It must be given back,
// and soon: nothing may be waited for meanwhile.
func (s *Server) borrowExecutor() *executor { return s.lendExecutor(false) }

// lendExecutor is borrowExecutor, also for somebody patient: who may wait while
// they have it, and must not change data.
func (s *Server) lendExecutor(patient bool) *executor {
	x := s.executors.take(patient)
	if x == nil {
		x = s.newExecutor()
	}
	x.patient = patient
	x.nowMs = s.clock.NowMs()
	x.lane.SetNow(x.nowMs)
	return x
}

func (s *Server) returnExecutor(x *executor) {
	if x.outlet != nil {
		x.deliver()
		x.flushPushes()
		x.outlet = nil
	}
	x.publish()
	if cap(x.w.Buffer()) > keepBytes {
		x.buffers.dropped += int64(cap(x.w.Buffer()))
		x.w.SetBuffer(nil)
	} else {
		x.w.SetBuffer(x.w.Buffer()[:0])
	}
	x.letGo()
	if !s.executors.put(x) {
		x.lane.Close()
	}
}

// put takes an executor back; false if nobody will need it again.
func (p *executorPool) put(x *executor) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leftLocked(x)
	if p.closed {
		return false
	}
	p.free = append(p.free, x)
	return true
}

// lose notes that an executor will not come back.
func (p *executorPool) lose(x *executor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leftLocked(x)
}

func (p *executorPool) leftLocked(x *executor) {
	if x.patient {
		return
	}
	if p.busy--; p.busy == 0 && p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
}

func (p *executorPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, x := range p.free {
		x.lane.Close()
	}
	p.free = nil
}
