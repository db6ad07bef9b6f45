package server

import (
	"sync"

	"github.com/cespare/xxhash/v2"

	"hpkv/engine"
)

// writeTimes are the timestamps under which RIOC clients wrote the records of
// database 0, for rioc-timestamps newest-wins. A record has one as long as it is
// what that write made of it: any other change takes it away, whoever makes it,
// and a record without one takes a write of any time. They are not kept over a
// restart: clients count from the start of their machine.
//
// All methods but the changes' own are called with the key's shard locked.
type writeTimes struct {
	parts [writeTimeParts]struct {
		sync.Mutex
		at map[keyDigest]uint64 // without pointers: the collector does not walk it
		_  [48]byte
	}
}

const writeTimeParts = 64

// keyDigest stands for a key. Two of as many keys as fit into memory have the
// same with a probability that need not concern anybody.
type keyDigest [2]uint64

func digestOf(key []byte) keyDigest {
	const other = 0x9e3779b97f4a7c15
	d := xxhash.NewWithSeed(other)
	_, _ = d.Write(key) // cannot fail
	return keyDigest{xxhash.Sum64(key), d.Sum64()}
}

// stale reports whether the record under key was written under a later
// timestamp. One that is as late goes by the order of arrival.
func (w *writeTimes) stale(key []byte, at uint64) bool {
	d := digestOf(key)
	p := &w.parts[d[0]%writeTimeParts]
	p.Lock()
	defer p.Unlock()
	return at < p.at[d]
}

// note gives the record under key a timestamp.
func (w *writeTimes) note(key []byte, at uint64) {
	d := digestOf(key)
	p := &w.parts[d[0]%writeTimeParts]
	p.Lock()
	defer p.Unlock()
	if p.at == nil {
		p.at = make(map[keyDigest]uint64)
	}
	p.at[d] = at
}

// KeyChanged implements engine.Changes.
func (w *writeTimes) KeyChanged(db int, key []byte, _ engine.Type, _ []byte) {
	if db != 0 {
		return
	}
	d := digestOf(key)
	p := &w.parts[d[0]%writeTimeParts]
	p.Lock()
	defer p.Unlock()
	delete(p.at, d)
}

// ManyChanged implements engine.Changes. The other shards' parts of the database
// are about to change in the same step.
func (w *writeTimes) ManyChanged(db int, _ engine.Many) {
	if db != 0 {
		return
	}
	for i := range w.parts {
		p := &w.parts[i]
		p.Lock()
		p.at = nil
		p.Unlock()
	}
}

// len is the number of timestamps.
func (w *writeTimes) len() (n int) {
	for i := range w.parts {
		p := &w.parts[i]
		p.Lock()
		n += len(p.at)
		p.Unlock()
	}
	return n
}

// changesTo tells several of every change.
type changesTo []engine.Changes

// KeyChanged implements engine.Changes.
func (list changesTo) KeyChanged(db int, key []byte, typ engine.Type, val []byte) {
	for _, c := range list {
		c.KeyChanged(db, key, typ, val)
	}
}

// ManyChanged implements engine.Changes.
func (list changesTo) ManyChanged(db int, m engine.Many) {
	for _, c := range list {
		c.ManyChanged(db, m)
	}
}
