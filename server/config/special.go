package config

import "sync/atomic"

// Client classes of client-output-buffer-limit.
const (
	ClassNormal = iota
	ClassReplica
	ClassPubsub
	classes
)

// BufferLimit bounds the unsent output of one client class. A client is closed
// at once above Hard bytes, or after more than SoftSeconds above Soft bytes; 0 means no limit.
type BufferLimit struct {
	Hard, Soft  int64
	SoftSeconds int64
}

// BufferLimits is client-output-buffer-limit, indexed by Class….
type BufferLimits struct {
	p atomic.Pointer[[classes]BufferLimit]
}

// Load returns the limits of one class.
func (x *BufferLimits) Load(class int) BufferLimit {
	if p := x.p.Load(); p != nil {
		return p[class]
	}
	return BufferLimit{}
}

// SavePoint asks for a snapshot once Changes writes happened within Seconds.
type SavePoint struct{ Seconds, Changes int64 }

// SavePoints is the save setting.
type SavePoints struct{ p atomic.Pointer[[]SavePoint] }

// Load returns the current list. The caller must not change it.
func (x *SavePoints) Load() []SavePoint {
	if p := x.p.Load(); p != nil {
		return *p
	}
	return nil
}

// Percentiles is latency-tracking-info-percentiles.
type Percentiles struct{ p atomic.Pointer[[]float64] }

// Load returns the current list. The caller must not change it.
func (x *Percentiles) Load() []float64 {
	if p := x.p.Load(); p != nil {
		return *p
	}
	return nil
}

// Event is a set of keyspace event classes and the two kinds of channel.
type Event uint32

// Events is notify-keyspace-events.
type Events struct{ v atomic.Uint32 }

// Load returns the current set.
func (x *Events) Load() Event { return Event(x.v.Load()) }

// Event classes, named by their letter in the setting.
const (
	EventKeyspace Event = 1 << iota // K
	EventKeyevent                   // E
	EventGeneric                    // g
	EventString                     // $
	EventList                       // l
	EventSet                        // s
	EventHash                       // h
	EventZset                       // z
	EventExpired                    // x
	EventEvicted                    // e
	EventStream                     // t
	EventKeyMiss                    // m
	EventModule                     // d
	EventNew                        // n
)
