package bits

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestGetSet(t *testing.T) {
	b := make([]byte, 3)
	if old := Set(b, 7, 1); old != 0 || b[0] != 1 {
		t.Errorf("Set(7, 1) = %d, %x", old, b)
	}
	if old := Set(b, 8, 1); old != 0 || b[1] != 0x80 {
		t.Errorf("Set(8, 1) = %d, %x", old, b)
	}
	if old := Set(b, 8, 0); old != 1 || b[1] != 0 {
		t.Errorf("Set(8, 0) = %d, %x", old, b)
	}
	if Get(b, 7) != 1 || Get(b, 6) != 0 || Get(b, 24) != 0 || Get(nil, 0) != 0 {
		t.Errorf("Get of %x", b)
	}
}

// The references look at one bit at a time.

func countSlowly(b []byte, first, last int64) (n int64) {
	for i := first; i <= last; i++ {
		n += int64(Get(b, i))
	}
	return n
}

func posSlowly(b []byte, v int, first, last int64) int64 {
	for i := first; i <= last; i++ {
		if Get(b, i) == v {
			return i
		}
	}
	return -1
}

func FuzzRanges(f *testing.F) {
	f.Add([]byte("foobar"), int64(0), int64(47))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, int64(3), int64(87))
	f.Add(bytes.Repeat([]byte{0xFF}, 41), int64(1), int64(300))
	f.Add([]byte{0xFF}, int64(5), int64(2))
	f.Fuzz(func(t *testing.T, b []byte, first, last int64) {
		if len(b) == 0 {
			return
		}
		n := int64(len(b)) * 8
		first, last = ((first%n)+n)%n, ((last%n)+n)%n
		if got, want := CountRange(b, first, last), countSlowly(b, first, last); got != want {
			t.Errorf("CountRange(%x, %d, %d) = %d, want %d", b, first, last, got, want)
		}
		if got, want := Count(b), countSlowly(b, 0, n-1); got != want {
			t.Errorf("Count(%x) = %d, want %d", b, got, want)
		}
		for v := range 2 {
			if got, want := Pos(b, v, first, last), posSlowly(b, v, first, last); got != want {
				t.Errorf("Pos(%x, %d, %d, %d) = %d, want %d", b, v, first, last, got, want)
			}
		}
	})
}

func FuzzCombine(f *testing.F) {
	f.Add(uint8(0), []byte("abcdefghijk"), []byte("xyz"), []byte(""))
	f.Add(uint8(1), []byte(""), []byte("0123456789"), []byte("x"))
	f.Add(uint8(2), []byte("abc"), []byte("abc"), []byte("0123456789abcdef"))
	f.Add(uint8(3), []byte("0123456789"), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, op uint8, a, b, c []byte) {
		o := Op(op % 4)
		srcs := [][]byte{a, b, c}
		if o == Not {
			srcs = srcs[:1]
		}
		size := 0
		for _, s := range srcs {
			size = max(size, len(s))
		}
		got := bytes.Repeat([]byte{0xA5}, size)
		Combine(got, o, srcs...)
		for i := range got {
			if want := combineByte(o, srcs, i); got[i] != want {
				t.Fatalf("byte %d of op %d on %x is %x, want %x", i, o, srcs, got[i], want)
			}
		}
	})
}

func combineByte(op Op, srcs [][]byte, i int) byte {
	at := func(s []byte) byte {
		if i < len(s) {
			return s[i]
		}
		return 0
	}
	v := at(srcs[0])
	for _, s := range srcs[1:] {
		switch op {
		case And:
			v &= at(s)
		case Or:
			v |= at(s)
		case Xor:
			v ^= at(s)
		}
	}
	if op == Not {
		v = ^v
	}
	return v
}

func TestFieldValid(t *testing.T) {
	f := func(signed bool, width uint8, want bool) {
		t.Helper()
		if got := (Field{signed, width}).Valid(); got != want {
			t.Errorf("Valid(%v, %d) = %v", signed, width, got)
		}
	}
	f(true, 64, true)
	f(false, 64, false)
	f(false, 63, true)
	f(true, 65, false)
	f(true, 0, false)
	f(false, 1, true)
}

func FuzzField(f *testing.F) {
	f.Add(true, uint8(5), int64(100), int64(-3), int64(40))
	f.Add(false, uint8(63), int64(3), int64(-1), int64(1))
	f.Add(true, uint8(64), int64(7), int64(1<<63-1), int64(1))
	f.Add(true, uint8(64), int64(7), int64(-1<<63), int64(-1))
	f.Add(false, uint8(8), int64(1), int64(255), int64(-256))
	f.Fuzz(func(t *testing.T, signed bool, width uint8, off, v, incr int64) {
		fld := Field{signed, width%64 + 1}
		if !fld.Valid() {
			return
		}
		off = (off%99 + 99) % 99
		b := make([]byte, 24)
		rnd := rand.New(rand.NewPCG(uint64(v), uint64(incr)))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		before := bytes.Clone(b)
		fld.Put(b, off, v)
		old := fld.Get(b, off)
		checkWindow(t, before, b, off, int64(fld.Width))
		if want := wrapBig(fld, big.NewInt(v)); old != want {
			t.Errorf("%+v: Get(Put(%d)) = %d, want %d", fld, v, old, want)
		}
		for _, o := range []Overflow{Wrap, Saturate, Fail} {
			sum := new(big.Int).Add(big.NewInt(old), big.NewInt(incr))
			got, ok := fld.Add(old, incr, o)
			checkFit(t, fld, o, sum, got, ok)
			exact := big.NewInt(v)
			if !fld.Signed {
				exact.SetUint64(uint64(v))
			}
			got, ok = fld.Fit(v, o)
			checkFit(t, fld, o, exact, got, ok)
		}
	})
}

// checkWindow checks that nothing outside the written bits has changed.
func checkWindow(t *testing.T, before, after []byte, off, width int64) {
	t.Helper()
	for i := range int64(len(before)) * 8 {
		if (i < off || i >= off+width) && Get(before, i) != Get(after, i) {
			t.Fatalf("a write of %d bits at %d changed bit %d", width, off, i)
		}
	}
}

func wrapBig(f Field, v *big.Int) int64 {
	mod := new(big.Int).Lsh(big.NewInt(1), uint(f.Width))
	r := new(big.Int).Mod(v, mod)
	if f.Signed && r.Bit(int(f.Width)-1) == 1 {
		r.Sub(r, mod)
	}
	return r.Int64()
}

func checkFit(t *testing.T, f Field, o Overflow, exact *big.Int, got int64, ok bool) {
	t.Helper()
	lo, hi := f.bounds()
	below, above := exact.Cmp(big.NewInt(lo)) < 0, exact.Cmp(big.NewInt(hi)) > 0
	var want int64
	switch {
	case !below && !above:
		want = exact.Int64()
	case o == Fail:
		if ok {
			t.Errorf("%+v: %v fits", f, exact)
		}
		return
	case o == Wrap:
		want = wrapBig(f, exact)
	case below:
		want = lo
	default:
		want = hi
	}
	if !ok || got != want {
		t.Errorf("%+v overflow %d: %v became %d, %v; want %d", f, o, exact, got, ok, want)
	}
}

func BenchmarkCount(b *testing.B) {
	buf := bytes.Repeat([]byte{0x5A}, 64<<10)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		Count(buf)
	}
}

func BenchmarkPos(b *testing.B) {
	buf := make([]byte, 64<<10)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		Pos(buf, 1, 0, int64(len(buf))*8-1)
	}
}

func BenchmarkAnd(b *testing.B) {
	x, y, dst := make([]byte, 64<<10), make([]byte, 64<<10), make([]byte, 64<<10)
	b.SetBytes(int64(len(dst)))
	for b.Loop() {
		Combine(dst, And, x, y)
	}
}
