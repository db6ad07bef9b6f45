//go:build !amd64 && !arm64

package index

import "sync/atomic"

// Portable versions: every atomic operation of Go is sequentially consistent
// with the others, and the adds below are full barriers.

var fence atomic.Uint32

func store(p *uint64, v uint64) { atomic.StoreUint64(p, v) }

func storeFenced(p *uint64, v uint64) {
	atomic.StoreUint64(p, v)
	storeBarrier()
}

func load(p *uint64) uint64 { return atomic.LoadUint64(p) }
func loadBarrier()          { fence.Add(1) }
func storeBarrier()         { fence.Add(1) }
func pause()                {}
func prefetch(*bucket)      {}
