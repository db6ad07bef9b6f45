package index

import "sync/atomic"

// store writes a word that readers load without a lock, after everything the
// caller wrote before.
func store(p *uint64, v uint64) { atomic.StoreUint64(p, v) }

// storeFenced is store, with everything the caller writes later after it: a
// store-release alone lets later stores pass.
func storeFenced(p *uint64, v uint64) {
	atomic.StoreUint64(p, v)
	storeBarrier()
}

func load(p *uint64) uint64 { return atomic.LoadUint64(p) }

// loadBarrier orders what was loaded before against what is loaded after: a
// load-acquire alone lets earlier loads pass it.
func loadBarrier()

// storeBarrier orders what was stored before against what is stored after.
func storeBarrier()

// pause tells the processor that this is a spin loop.
func pause()

// prefetch asks for the cache line at p. Any p is allowed.
//
//go:noescape
func prefetch(p *bucket)
