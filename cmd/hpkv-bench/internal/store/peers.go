package store

import (
	"bytes"
	"strings"
	"sync"

	"github.com/maypok86/otter/v2"
)

// syncMap is the standard library's concurrent map. Values are replaced, never
// changed: readers hold no lock.
type syncMap struct{ m sync.Map }

func openSyncMap(int) (Store, error) { return &syncMap{}, nil }

func (s *syncMap) Get(dst []byte, key Key) ([]byte, bool) {
	value, ok := s.m.Load(key.Text)
	if !ok {
		return dst, false
	}
	return append(dst, value.([]byte)...), true
}

func (s *syncMap) Set(key Key, value []byte) {
	s.m.Store(strings.Clone(key.Text), bytes.Clone(value))
}

func (s *syncMap) Delete(key Key) bool {
	_, ok := s.m.LoadAndDelete(key.Text)
	return ok
}

func (s *syncMap) NewMany() Many { return &loop{store: s} }

func (s *syncMap) Len() int {
	n := 0
	s.m.Range(func(any, any) bool { n++; return true })
	return n
}

func (s *syncMap) Close() error { return nil }

// otterCache is a bounded cache with room for twice the keys, so that it
// evicts nothing.
type otterCache struct{ c *otter.Cache[string, []byte] }

func openOtter(n int) (Store, error) {
	c, err := otter.New(&otter.Options[string, []byte]{MaximumSize: 2 * n, InitialCapacity: n})
	if err != nil {
		return nil, err
	}
	return &otterCache{c}, nil
}

func (s *otterCache) Get(dst []byte, key Key) ([]byte, bool) {
	value, ok := s.c.GetIfPresent(key.Text)
	return append(dst, value...), ok
}

func (s *otterCache) Set(key Key, value []byte) {
	s.c.Set(strings.Clone(key.Text), bytes.Clone(value))
}

func (s *otterCache) Delete(key Key) bool {
	_, ok := s.c.Invalidate(key.Text)
	return ok
}

func (s *otterCache) NewMany() Many { return &loop{store: s} }

func (s *otterCache) Len() int {
	s.c.CleanUp()
	return s.c.EstimatedSize()
}

func (s *otterCache) Close() error {
	s.c.InvalidateAll()
	s.c.StopAllGoroutines()
	return nil
}
