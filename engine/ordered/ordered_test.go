package ordered

import (
	"bytes"
	"math/rand/v2"
	"sort"
	"testing"
)

// store hands out references to keys, as an owner's memory would.
type store struct{ keys [][]byte }

func (s *store) add(key []byte) uint64 {
	s.keys = append(s.keys, bytes.Clone(key))
	return uint64(len(s.keys) - 1)
}

func (s *store) at(ref uint64) []byte { return s.keys[ref] }

func randomKey(r *rand.Rand) []byte {
	key := make([]byte, r.IntN(12))
	for i := range key {
		key[i] = "\x00ab\xff"[r.IntN(4)]
	}
	return key
}

func TestModel(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	var s store
	x := New(s.at)
	model := map[string]uint64{}
	type snapshot struct {
		it   *Iter
		want []string
	}
	var open []snapshot
	for op := range 20000 {
		key := randomKey(r)
		switch r.IntN(10) {
		case 0, 1, 2:
			x.Delete(key)
			delete(model, string(key))
		case 3:
			if op%7 == 0 {
				open = append(open, snapshot{x.Seek(key), sortedFrom(model, key)})
			}
		default:
			ref := s.add(key)
			x.Put(key, ref)
			model[string(key)] = ref
		}
	}
	if err := x.Check(); err != nil {
		t.Fatal(err)
	}
	if x.Len() != len(model) {
		t.Fatalf("%d keys, want %d", x.Len(), len(model))
	}
	for _, sn := range open {
		for _, want := range sn.want {
			ref, ok := sn.it.Ref()
			if !ok || string(s.at(ref)) != want {
				t.Fatalf("snapshot has %q (%v), want %q", s.at(ref), ok, want)
			}
			sn.it.Next()
		}
		if ref, ok := sn.it.Ref(); ok {
			t.Fatalf("snapshot goes on with %q", s.at(ref))
		}
	}
}

func sortedFrom(model map[string]uint64, start []byte) []string {
	var keys []string
	for k := range model {
		if k >= string(start) {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	return keys
}

func BenchmarkPut(b *testing.B) {
	var s store
	x := New(s.at)
	key := make([]byte, 16)
	r := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		for i := range key {
			key[i] = byte(r.Uint32())
		}
		x.Put(key, s.add(key))
	}
}
