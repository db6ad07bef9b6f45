package store

import (
	"bytes"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// shardCount is well above any number of threads that is measured, so that
// two of them rarely meet in a shard.
const shardCount = 256

// sharded is the cache every Go programmer writes first: maps behind
// read-write locks, chosen by hash. It is written to be fast: a value that
// fits is overwritten in place, without allocation.
type sharded struct {
	shards [shardCount]shard
}

type shard struct {
	mu     sync.RWMutex
	values map[string][]byte // guarded by mu, the bytes of the values too

	_ [64]byte // keeps neighbours' locks off this cache line
}

func openSharded(n int) (Store, error) {
	s := &sharded{}
	for i := range s.shards {
		s.shards[i].values = make(map[string][]byte, n/shardCount)
	}
	return s, nil
}

func (s *sharded) shard(key Key) *shard {
	return &s.shards[xxhash.Sum64String(key.Text)%shardCount]
}

func (s *sharded) Get(dst []byte, key Key) ([]byte, bool) {
	sh := s.shard(key)
	sh.mu.RLock()
	value, ok := sh.values[key.Text]
	dst = append(dst, value...)
	sh.mu.RUnlock()
	return dst, ok
}

func (s *sharded) Set(key Key, value []byte) {
	sh := s.shard(key)
	sh.mu.Lock()
	old, ok := sh.values[key.Text]
	switch {
	case ok && len(old) == len(value):
		copy(old, value)
	case ok:
		sh.values[key.Text] = append(old[:0], value...)
	default:
		sh.values[strings.Clone(key.Text)] = bytes.Clone(value)
	}
	sh.mu.Unlock()
}

func (s *sharded) Delete(key Key) bool {
	sh := s.shard(key)
	sh.mu.Lock()
	_, ok := sh.values[key.Text]
	delete(sh.values, key.Text)
	sh.mu.Unlock()
	return ok
}

func (s *sharded) NewMany() Many { return &loop{store: s} }

func (s *sharded) Len() int {
	n := 0
	for i := range s.shards {
		s.shards[i].mu.RLock()
		n += len(s.shards[i].values)
		s.shards[i].mu.RUnlock()
	}
	return n
}

func (s *sharded) Close() error { return nil }
