package engine

import (
	"bytes"
	"testing"

	"hpkv/engine/alloc"
)

// TestElementLayout: an element of any lengths is read as it was written, in no more
// room than it was given.
func TestElementLayout(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 1})
	s := e.shards[0]
	s.mu.lock()
	defer s.mu.unlock()
	lengths := []int{255, 256, 300, 65535, 65536, 70000}
	for n := range 70 {
		lengths = append(lengths, n)
	}
	filler := bytes.Repeat([]byte("0123456789abcdef"), 5000)
	for _, valued := range []bool{false, true} {
		d := s.newDict(valued)
		for _, key := range lengths {
			for _, val := range lengths {
				for _, at := range []int64{0, 1_700_000_000_123} {
					if !valued && val != 0 {
						continue
					}
					k, v := filler[:key], filler[1:1+val]
					ref, err := d.make(k, v, at)
					if err != nil {
						t.Fatal(err)
					}
					l := s.elemAt(ref)
					gotKey, gotVal := d.pair(ref)
					if !bytes.Equal(d.key(ref), k) || !bytes.Equal(gotKey, k) || !bytes.Equal(gotVal, v) || d.expireAt(ref) != at {
						t.Fatalf("key of %d, value of %d bytes, valued %v, expiry %d: read %q, %q, %d", key, val, valued, at, gotKey, gotVal, d.expireAt(ref))
					}
					if l != makeLayout(key, val, at != 0, valued) || s.heap.Capacity(ref) != alloc.ClassSize(l.size()) {
						t.Fatalf("key of %d, value of %d bytes: %+v in %d bytes", key, val, l, s.heap.Capacity(ref))
					}
					s.heap.Free(ref)
				}
			}
		}
	}
}
