package record

import (
	"bytes"
	"math"
	"testing"
	"unsafe"
)

// room returns aligned memory for a record, filled with a pattern.
func room(n int) (Record, []byte) {
	words := make([]uint64, (n+7)/8+1)
	for i := range words {
		words[i] = 0xa5a5a5a5a5a5a5a5
	}
	p := unsafe.Pointer(&words[0])
	return At(p), unsafe.Slice((*byte)(p), len(words)*8)
}

// TestLayout writes and reads records around the ends of the narrow form, and
// checks that no field touches another or what lies behind.
func TestLayout(t *testing.T) {
	for _, keyLen := range []int{0, 1, 7, 8, 9, 64, 65, 254, 255, 256, 1000} {
		for _, valueLen := range []int{0, 1, 100, 65534, 65535, 65536, 70000} {
			for _, volatile := range []bool{false, true} {
				for _, form := range []Form{FormAuto, FormText, FormRaw} {
					check(t, Shape(MaxType, form, keyLen, valueLen, volatile), keyLen, valueLen, volatile, form)
				}
			}
		}
	}
}

func check(t *testing.T, h Header, keyLen, valueLen int, volatile bool, form Form) {
	t.Helper()
	size := 8 + keyLen + valueLen
	if keyLen > 255 || valueLen > 65535 {
		size += 8
	}
	if volatile {
		size += 24
	}
	if h.Size() != size {
		t.Fatalf("key of %d, value of %d, volatile %v: %d bytes, want %d", keyLen, valueLen, volatile, h.Size(), size)
	}
	r, all := room(size)
	key, value := bytes.Repeat([]byte("k"), keyLen), bytes.Repeat([]byte("v"), valueLen)
	r.Init(h, key, 7)
	copy(r.Value(h), value)
	if volatile {
		r.SetExpireAt(h, math.MinInt64+1)
		r.SetNext(h, 1<<40-1, 1279)
		r.SetPrev(h, 1<<40-2)
	}
	got := r.Header()
	if got != h || got.Type() != MaxType || got.Form() != form || got.Volatile() != volatile {
		t.Fatalf("header %+v, want %+v", got, h)
	}
	if !bytes.Equal(r.Key(got), key) || !bytes.Equal(r.Value(got), value) || !r.KeyEqual(got, key) || r.Stamp() != 7 {
		t.Fatalf("key of %d, value of %d, volatile %v: read back otherwise", keyLen, valueLen, volatile)
	}
	if volatile {
		next, prev, list := r.Links(got)
		if r.ExpireAt(got) != math.MinInt64+1 || next != 1<<40-1 || prev != 1<<40-2 || list != 1279 {
			t.Fatalf("expiry %d, links %d %d %d", r.ExpireAt(got), next, prev, list)
		}
	}
	for i := range all[size:] {
		if all[size+i] != 0xa5 {
			t.Fatalf("key of %d, value of %d: byte %d behind the record was written", keyLen, valueLen, i)
		}
	}
}

func TestKeyEqual(t *testing.T) {
	for n := range 130 {
		key := make([]byte, n)
		for i := range key {
			key[i] = byte(i)
		}
		h := Shape(0, FormAuto, n, 3, false)
		r, _ := room(h.Size())
		r.Init(h, key, 0)
		for i := range key {
			other := bytes.Clone(key)
			other[i] ^= 0x80
			if r.KeyEqual(h, other) {
				t.Fatalf("keys of %d bytes that differ in byte %d are equal", n, i)
			}
		}
	}
}

func TestSameForm(t *testing.T) {
	narrow := Shape(0, FormAuto, 10, 10, false)
	for _, c := range []struct {
		h    Header
		want bool
	}{
		{Shape(0, FormRaw, 10, 60000, false), true},
		{Shape(0, FormAuto, 10, 70000, false), false}, // wide
		{Shape(0, FormAuto, 10, 10, true), false},     // has an expiry
		{Shape(0, FormAuto, 11, 10, false), false},    // another key
	} {
		if got := narrow.SameForm(c.h); got != c.want {
			t.Errorf("%+v: %v", c.h, got)
		}
	}
}
