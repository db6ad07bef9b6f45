package engine

import "sync/atomic"

// Limits say how large a collection may get and keep a compact form. They count
// from the next change of a collection on; what has outgrown its compact form
// never goes back. Any goroutine may change them at any time.
type Limits struct {
	HashEntries, HashValue atomic.Int64 // fields; bytes of the longest field or value
	SetInts                atomic.Int64 // members of a set of integers
	SetEntries, SetValue   atomic.Int64 // members of any other set; bytes of the longest
	ZSetEntries, ZSetValue atomic.Int64 // members; bytes of the longest
	ListSize               atomic.Int64 // elements; or -1 to -5 for 4, 8, 16, 32, 64 KB
}

// setDefaults sets Redis' defaults.
func (l *Limits) setDefaults() {
	l.HashEntries.Store(512)
	l.HashValue.Store(64)
	l.SetInts.Store(512)
	l.SetEntries.Store(128)
	l.SetValue.Store(64)
	l.ZSetEntries.Store(128)
	l.ZSetValue.Store(64)
	l.ListSize.Store(-2)
}

// Limits returns the engine's limits of compact forms.
func (e *Engine) Limits() *Limits { return &e.limits }
