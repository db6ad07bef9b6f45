package packed

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// elements are strings around every limit of the format.
func elements() [][]byte {
	var list [][]byte
	for _, n := range []int{0, 1, 62, 63, 126, 127, 128, 129, 254, 255, 256, 16380, 16384, 65535, 65536, 1<<21 + 3} {
		list = append(list, bytes.Repeat([]byte("x"), n))
	}
	for shift := range 64 {
		for d := int64(-2); d <= 2; d++ {
			list = append(list, strconv.AppendInt(nil, 1<<shift+d, 10), strconv.AppendInt(nil, -1<<shift+d, 10))
		}
	}
	for n := int64(100); n < 130; n++ {
		list = append(list, strconv.AppendInt(nil, n, 10))
	}
	for _, s := range []string{"-", "-0", "00", "01", "+1", " 1", "1 ", "1.0", "9223372036854775808", "-9223372036854775809", "99999999999999999999"} {
		list = append(list, []byte(s))
	}
	return list
}

func toList(t testing.TB, b []byte) [][]byte {
	t.Helper()
	list := [][]byte{}
	for off := Start; off < len(b); {
		v, next, ok := Next(b, off)
		if !ok {
			t.Fatalf("no element at %d of %d", off, len(b))
		}
		s := v.Append([]byte{})
		if v.Len() != len(s) {
			t.Fatalf("Len of %q is %d", s, v.Len())
		}
		list = append(list, s)
		off = next
	}
	return list
}

func equal(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

func TestElements(t *testing.T) {
	for _, e := range elements() {
		b := Append(nil, e)
		if len(b) != Start+Size(e) {
			t.Errorf("%.20q takes %d bytes, Size says %d", e, len(b)-Start, Size(e))
		}
		v, next, ok := Next(b, Start)
		if !ok || next != len(b) || !v.Equal(e) || string(v.Append(nil)) != string(e) || v.Len() != len(e) {
			t.Errorf("%.20q does not come back", e)
		}
		if p, at, ok := Prev(b, len(b)); !ok || at != Start || !p.Equal(e) {
			t.Errorf("%.20q does not come back backwards", e)
		}
		if want, err := strconv.ParseInt(string(e), 10, 64); err == nil && strconv.FormatInt(want, 10) == string(e) {
			if got, ok := v.Int(); !ok || got != want {
				t.Errorf("%q is kept as %d, %v", e, got, ok)
			}
			if string(AppendInt(nil, want)) != string(b) {
				t.Errorf("AppendInt and Append disagree over %d", want)
			}
		} else if _, ok := v.Int(); ok {
			t.Errorf("%q is kept as an integer", e)
		}
		if !Valid(b) {
			t.Errorf("%.20q is not valid", e)
		}
		if v.Equal(append(slices.Clone(e), 'x')) {
			t.Errorf("%.20q equals something longer", e)
		}
	}
}

func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	pool := elements()
	pool = slices.DeleteFunc(pool, func(e []byte) bool { return len(e) > 300 })
	var b []byte
	var model [][]byte
	offset := func(i int) int {
		if len(b) == 0 {
			return Start
		}
		off, ok := Skip(b, Start, i)
		if !ok {
			t.Fatalf("no element %d of %d", i, len(model))
		}
		return off
	}
	for step := range 20000 {
		e := pool[rng.IntN(len(pool))]
		n := len(model)
		switch rng.IntN(10) {
		case 0, 1:
			b, model = Append(b, e), append(model, e)
		case 2:
			b, model = Prepend(b, e), slices.Insert(model, 0, e)
		case 3:
			i := rng.IntN(n + 1)
			b, model = Insert(b, offset(i), e), slices.Insert(model, i, e)
		case 4:
			if n > 0 {
				i := rng.IntN(n)
				b = Replace(b, offset(i), e)
				model[i] = e
			}
		case 5, 6:
			if n > 0 {
				i, k := rng.IntN(n), 1+rng.IntN(3)
				b = Delete(b, offset(i), k)
				model = slices.Delete(model, i, min(i+k, n))
			}
		case 9:
			skip, most := rng.IntN(2), rng.IntN(3)
			want, gone := 0, 0
			model = slices.DeleteFunc(model, func(m []byte) bool {
				if !bytes.Equal(m, e) {
					return false
				}
				want++
				if want <= skip || gone >= most {
					return false
				}
				gone++
				return true
			})
			if got := Matches(b, e); got != want {
				t.Fatalf("step %d: %d matches, want %d", step, got, want)
			}
			var got int
			if b, got = Remove(b, e, skip, most); got != gone {
				t.Fatalf("step %d: removed %d, want %d", step, got, gone)
			}
		case 8:
			checkReads(t, rng, b, model, e)
		}
		if Count(b) != len(model) {
			t.Fatalf("step %d: %d elements, want %d", step, Count(b), len(model))
		}
		if (len(model) == 0) != (len(b) == 0) {
			t.Fatalf("step %d: %d bytes for %d elements", step, len(b), len(model))
		}
		if step%50 == 0 && (!Valid(b) || !equal(toList(t, b), model)) {
			t.Fatalf("step %d: contents differ", step)
		}
	}
}

func checkReads(t *testing.T, rng *rand.Rand, b []byte, model [][]byte, e []byte) {
	t.Helper()
	n := len(model)
	i := rng.IntN(2*n+3) - n - 1
	v, ok := Get(b, i)
	at := i
	if at < 0 {
		at += n
	}
	if inside := at >= 0 && at < n; ok != inside || ok && !v.Equal(model[at]) {
		t.Fatalf("Get(%d) of %d: %v", i, n, ok)
	}
	off := len(b)
	for i := n - 1; i >= 0; i-- {
		v, at, ok := Prev(b, off)
		if !ok || !v.Equal(model[i]) {
			t.Fatalf("backwards, element %d differs", i)
		}
		off = at
	}
	if _, _, ok := Prev(b, off); ok {
		t.Fatal("an element before the first")
	}
	stride := 1 + rng.IntN(3)
	want := -1
	for i := 0; i < n; i += stride {
		if bytes.Equal(model[i], e) {
			want = i
			break
		}
	}
	at, ok = Find(b, Start, e, stride)
	if ok != (want >= 0) {
		t.Fatalf("Find(%.20q, %d): %v, want element %d", e, stride, ok, want)
	}
	if ok {
		if off, _ := Skip(b, Start, want); off != at {
			t.Fatalf("Find(%.20q, %d) at %d, want %d", e, stride, at, off)
		}
	}
}

// TestManyElements passes the header's limit in both directions.
func TestManyElements(t *testing.T) {
	var b []byte
	for range countMany - 3 {
		b = Append(b, []byte("1"))
	}
	for n := countMany - 3; n < countMany+5; n++ {
		if Count(b) != n || !Valid(b) {
			t.Fatalf("%d elements, want %d", Count(b), n)
		}
		b = Append(b, []byte("1"))
	}
	for n := countMany + 5; n > countMany-5; n-- {
		if Count(b) != n || !Valid(b) {
			t.Fatalf("going down: %d elements, want %d", Count(b), n)
		}
		b = Delete(b, Start, 1)
	}
}

func TestInPlace(t *testing.T) {
	buf := make([]byte, 0, 256)
	b := Append(buf, []byte("one"))
	b = Prepend(b, []byte("two"))
	b = Replace(b, Start, []byte("a longer one than before"))
	b = Delete(b, Start, 1)
	if &b[:1][0] != &buf[:1][0] {
		t.Error("moved although there was room")
	}
	if n := testing.AllocsPerRun(100, func() {
		b = Append(b, []byte("12345"))
		if _, ok := Find(b, Start, []byte("12345"), 1); !ok {
			t.Error("not found")
		}
		off, _ := Seek(b, -1)
		b = Delete(b, off, 1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzGarbage(f *testing.F) {
	f.Add([]byte{}, 0, []byte("x"))
	f.Add(Append(Append(nil, []byte("12")), []byte(strings.Repeat("y", 200))), 2, []byte("12"))
	f.Add([]byte{1, 0, 0xfa, 0xff, 0xff, 0xff, 0xff, 1}, 8, []byte(""))
	f.Add([]byte{1, 0, 0xf7, 1}, -1, []byte("300"))
	f.Add([]byte{1, 0, 4, 'a', 'b', 'c', 0, 0x84}, 8, []byte("")) // a size that begins in the element
	f.Fuzz(func(t *testing.T, b []byte, i int, e []byte) {
		_, _, _ = Next(b, i)
		_, _, _ = Prev(b, i)
		_, _ = Get(b, i%1000)
		_, _ = Skip(b, i, 3)
		for stride := 1; stride < 3; stride++ {
			if at, ok := Find(b, Start, e, stride); ok {
				if v, _, ok := Next(b, at); !ok || !v.Equal(e) {
					t.Fatal("found what is not there")
				}
			}
		}
		steps := 0
		for off := len(b); ; steps++ {
			_, at, ok := Prev(b, off)
			if !ok {
				break
			}
			off = at
		}
		if steps > len(b) {
			t.Fatal("went in circles")
		}
		if !Valid(b) {
			return
		}
		var again []byte
		for _, s := range toList(t, b) {
			again = Append(again, s)
		}
		if string(again) != string(b) {
			t.Fatal("a valid sequence that Append would not write")
		}
	})
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{8, 64, 512} {
		var p []byte
		for i := range n {
			p = Append(p, fmt.Appendf(nil, "field%d", i))
			p = Append(p, strconv.AppendInt(nil, int64(i*math.MaxInt16), 10))
		}
		last := fmt.Appendf(nil, "field%d", n-1)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := Find(p, Start, last, 2); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}

func BenchmarkWalk(b *testing.B) {
	var p []byte
	for i := range 100 {
		p = Append(p, fmt.Appendf(nil, "element:%04d", i))
	}
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		dst = dst[:0]
		for off := Start; ; {
			v, next, ok := Next(p, off)
			if !ok {
				break
			}
			dst = v.Append(dst)
			off = next
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	p := make([]byte, 0, 8192)
	e := []byte("element:0001")
	b.ReportAllocs()
	for b.Loop() {
		if len(p) > 8000 {
			p = p[:0]
		}
		p = Append(p, e)
	}
}
