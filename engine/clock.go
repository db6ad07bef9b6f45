package engine

import (
	"sync/atomic"
	"time"
)

// Clock tells the time to an engine. Implementations are safe for concurrent
// use.
type Clock interface {
	// NowMs returns Unix time in milliseconds.
	NowMs() int64
}

// SystemClock is the machine's wall clock.
type SystemClock struct{}

// NowMs implements Clock.
func (SystemClock) NowMs() int64 { return time.Now().UnixMilli() }

// ManualClock moves only when told to. For tests.
type ManualClock struct{ ms atomic.Int64 }

// NewManualClock returns a clock that stands at ms.
func NewManualClock(ms int64) *ManualClock {
	c := new(ManualClock)
	c.ms.Store(ms)
	return c
}

// NowMs implements Clock.
func (c *ManualClock) NowMs() int64 { return c.ms.Load() }

// Advance moves the clock by d, whole milliseconds.
func (c *ManualClock) Advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// stampOf turns a time into an access stamp: seconds, modulo 2^32.
func stampOf(ms int64) uint32 { return uint32(ms / 1000) }
