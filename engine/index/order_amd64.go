package index

import "sync/atomic"

// store writes a word that readers load without a lock, after everything the
// caller wrote before. It is a plain move, which is all amd64 needs (the
// exchange of an atomic store costs 5 ns more); being a call, it keeps the
// compiler from merging two stores to one head.
//
//go:noinline
func store(p *uint64, v uint64) { *p = v }

// storeFenced is store, with everything the caller writes later after it.
func storeFenced(p *uint64, v uint64) { store(p, v) }

func load(p *uint64) uint64 { return atomic.LoadUint64(p) }

// loadBarrier orders what was loaded before against what is loaded after.
func loadBarrier() {}

// storeBarrier orders what was stored before against what is stored after.
func storeBarrier() {}

// pause tells the processor that this is a spin loop.
func pause()

// prefetch asks for the cache line at p. Any p is allowed.
//
//go:noescape
func prefetch(p *bucket)
