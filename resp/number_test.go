package resp

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func TestParseInt64(t *testing.T) {
	f := func(s string, want int64, wantOK bool) {
		t.Helper()
		if n, ok := ParseInt64([]byte(s)); ok != wantOK || ok && n != want {
			t.Errorf("%q: %d, %v", s, n, ok)
		}
	}
	for _, n := range []int64{0, 1, -1, 9, 10, -10, 123456789, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1, 1e18} {
		f(strconv.FormatInt(n, 10), n, true)
	}
	for _, s := range []string{"", "-", "+1", " 1", "1 ", "01", "-0", "-01", "00", "1a", "a", "/", ":", "-:", "9223372036854775808", "-9223372036854775809",
		"9999999999999999999", "18446744073709551616", "18446744073709551617", "92233720368547758070", "1\x00", "\x00", "0x1", "1e3", "--1", "1.0"} {
		f(s, 0, false)
	}
}

func TestParseUint64(t *testing.T) {
	f := func(s string, want uint64, wantOK bool) {
		t.Helper()
		if n, ok := ParseUint64([]byte(s)); ok != wantOK || ok && n != want {
			t.Errorf("%q: %d, %v", s, n, ok)
		}
	}
	f("0", 0, true)
	f("007", 7, true)
	f("18446744073709551615", math.MaxUint64, true)
	f("18446744073709551616", 0, false)
	f("99999999999999999999", 0, false)
	f("", 0, false)
	f("-1", 0, false)
	f("+1", 0, false)
	f("1x", 0, false)
}

// integerTexts, floatTexts: what clients might send for numbers, good and bad.
var (
	integerTexts = []string{"", "0", "1", "-1", "+1", "01", "-0", " 1", "1 ", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
		"-9223372036854775809", "18446744073709551615", "1e3", "0x10", "1.0", "a", "-", "1\x00", "--1", "99999999999999999999999"}
	cursorTexts = []string{"", "0", "5", "+5", "-5", "007", " 5", "5 ", "\t5", "5x", "-", "+", "--5", "+-5", "18446744073709551615", "18446744073709551616",
		"-18446744073709551615", "-18446744073709551616", "99999999999999999999999", "0x10", "5\x00x", "\x005", "-\x00"}
	floatTexts = []string{"", "0", "-0", "+0", "1", "+1", "-1", "1.", ".5", ".", "-.", "+.5", "1e5", "1E5", "1e+5", "1e-5", "1e", "1e+", "e5", "1e5.5", "1e5e5",
		" 1", "1 ", "\t1", "1\x00", "\x00", "1_000", "1,5", "0x", "0x1", "0X1F", "0x.8", "0x1.8p3", "0x1p", "0x1p-3", "0x1p+3", "0x1e5", "0xg", "0x1_0", "0b1", "0o7", "010", "00",
		"inf", "-inf", "+inf", "INF", "Infinity", "-infinity", "infinit", "nan", "NaN", "-nan", "nan(1)", "--1", "+-1", "1-", "1e400", "-1e400", "1e-400", "0e-400", "0e400", "-0e400",
		"4.9e-324", "2e-324", "1e-323", "1.7976931348623157e308", "1.7976931348623159e308", "0x1p1023", "0x1p1024", "0x1p-1074", "0x1p-1075", "0x1p-1076", "1e99999999999999999999", "1e-99999999999999999999",
		"0e99999999999999999999", "0x0p99999999999999999999", strings.Repeat("9", 400), "0." + strings.Repeat("0", 400) + "1", "0." + strings.Repeat("0", 400), strings.Repeat("0", 500) + "1", "3.0e0", "1f", "1d", "१"}
)

// TestReferenceNumbers asks redis-server which texts are numbers.
func TestReferenceNumbers(t *testing.T) {
	c := dialReference(t, reference(t))
	do := func(args ...any) Value {
		t.Helper()
		v, err := c.Do(args...)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, s := range integerTexts {
		do("SET", "n", 0)
		v := do("INCRBY", "n", s)
		n, ok := ParseInt64([]byte(s))
		if ok == v.IsError() || ok && n != v.Int {
			t.Errorf("integer %q: ours %d, %v; redis-server %v", s, n, ok, v)
		}
	}
	for _, s := range cursorTexts {
		_, ok := ParseCursor([]byte(s))
		if v := do("SCAN", s); ok == v.IsError() {
			t.Errorf("cursor %q: ours %v; redis-server %v", s, ok, v)
		}
	}
	for _, s := range floatTexts {
		f, ok := ParseFloat([]byte(s))
		if v := do("ZADD", "z", s, "m"); ok == v.IsError() {
			t.Errorf("float %q: ours %v, %v; redis-server %v", s, f, ok, v)
			continue
		}
		if ok {
			// 7.0 prints %.17g, which we read back; 7.2 prints it as AppendDouble does.
			v := do("ZSCORE", "z", "m")
			if back, err := strconv.ParseFloat(string(v.Str), 64); err != nil || back != f {
				t.Errorf("float %q: ours %v; redis-server %v", s, f, v)
			}
		}
	}
	for _, s := range floatTexts {
		do("SET", "n", 0)
		v := do("INCRBYFLOAT", "n", s)
		ours := "" // refused
		if f, ok := ParseLongDouble([]byte(s)); ok {
			ours = ErrNaN
			if zero, _ := ParseLongDouble([]byte("0")); !f.IsInf() {
				sum, _ := AddLongDouble(zero, f)
				ours = string(AppendLongDouble(nil, sum))
			}
		}
		if theirs := string(v.Str); theirs != ours && !(theirs == ErrNotFloat && ours == "") {
			t.Errorf("long double %q: ours %.60q; redis-server %.60v", s, ours, v)
		}
	}
}

// TestReferenceLongDouble compares sums of random numbers with INCRBYFLOAT.
func TestReferenceLongDouble(t *testing.T) {
	c := dialReference(t, reference(t))
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	number := func() string {
		switch rnd.IntN(8) {
		case 0:
			return strconv.FormatInt(rnd.Int64()>>rnd.IntN(64), 10)
		case 1:
			return strconv.FormatFloat(rnd.NormFloat64(), 'g', -1, 64)
		case 2:
			return strconv.FormatFloat(math.Float64frombits(rnd.Uint64()&^(1<<62)), 'g', -1, 64) // below 2: short
		case 3:
			return fmt.Sprintf("%d.%0*d", rnd.IntN(1000)-500, 1+rnd.IntN(20), rnd.IntN(10))
		case 4:
			return fmt.Sprintf("%de%d", rnd.Int64(), rnd.IntN(9900)-5000)
		case 5:
			return fmt.Sprintf("-0x%x.%xp%d", rnd.Uint64(), rnd.Uint64(), rnd.IntN(200)-100)
		case 6:
			return fmt.Sprintf("%d.5", int64(1)<<rnd.IntN(63))
		}
		return fmt.Sprintf("%d.%020de-%d", rnd.IntN(10), rnd.Uint64(), rnd.IntN(12))
	}
	edges := []string{"1e4932", "1.18973149535723176502e4932", "1.18973149535723176509e4932", "1.2e4932", "1e-4950", "3.6e-4951", "1.8e-4951", "1.82e-4951", "1.9e-4951", "1e-4952", "1e-5100", "1e5100",
		"0x1p16383", "0x1p16384", "0x0.ffffffffffffffffp16384", "0x0.ffffffffffffffff8p16384", "0x1p-16445", "0x1p-16446", "0x1.8p-16446", "0x1p-16447", "0.1", "0.2", "-0.1", "3", "10.5", "5e3", "9007199254740993", "18446744073709551615", "18446744073709551617"}
	const rounds = 4000
	type sum struct{ a, b string }
	var sums []sum
	for i := range rounds {
		s := sum{number(), number()}
		if i < 4*len(edges) {
			s = sum{edges[i/4], []string{"0", number(), edges[rnd.IntN(len(edges))], "-" + strings.TrimPrefix(edges[i/4], "-")}[i%4]}
		}
		sums = append(sums, s)
		c.Send("SET", "n", s.a)
		c.Send("INCRBYFLOAT", "n", s.b)
	}
	go c.Flush() // the replies are read at the same time: neither side may wait for the other
	for _, s := range sums {
		if v, err := c.Receive(); err != nil || v.IsError() {
			t.Fatal(v, err)
		}
		v, err := c.Receive()
		if err != nil {
			t.Fatal(err)
		}
		ours := ErrNotFloat
		a, okA := ParseLongDouble([]byte(s.a))
		b, okB := ParseLongDouble([]byte(s.b))
		if okA && okB {
			ours = ErrNaN
			if r, ok := AddLongDouble(a, b); ok {
				ours = string(AppendLongDouble(nil, r))
			}
		}
		if string(v.Str) != ours {
			t.Errorf("seed %d: %s + %s: ours %.80s; redis-server %.80s", seed, s.a, s.b, ours, v.Str)
		}
	}
}

func TestAppendDouble(t *testing.T) {
	f := func(v float64, want string) {
		t.Helper()
		if got := string(AppendDouble(nil, v)); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	f(0, "0")
	f(math.Copysign(0, -1), "-0")
	f(1, "1")
	f(-3, "-3")
	f(1.5, "1.5")
	f(0.1, "0.1")
	f(-0.25, "-0.25")
	f(3.1415926535897931, "3.141592653589793")
	f(1e15, "1000000000000000")
	f(1e18, "1000000000000000000")
	f(1<<62, "4611686018427387904")
	f(1e19, "1e+19")
	f(12345678901234567890, "12345678901234567000")
	f(1e21, "1e+21")
	f(1.5e300, "1.5e+300")
	f(-1.5e-300, "-1.5e-300")
	f(1e-5, "0.00001")
	f(1e-6, "0.000001")
	f(1e-7, "1e-7")
	f(1.5e-6, "1.5e-6")
	f(0.00015, "0.00015")
	f(0.000123456789, "1.23456789e-4")
	f(0.00123456789, "0.00123456789")
	f(123456.789, "123456.789")
	f(5e-324, "5e-324")
	f(math.MaxFloat64, "1.7976931348623157e+308")
	f(math.Inf(1), "inf")
	f(math.Inf(-1), "-inf")
	f(math.NaN(), "nan")
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 20000 {
		v := math.Float64frombits(rnd.Uint64())
		if rnd.IntN(2) == 0 {
			v = math.Round(rnd.NormFloat64()*1e6) / math.Pow(10, float64(rnd.IntN(12)))
		}
		text := AppendDouble([]byte("x"), v)[1:]
		if back, err := strconv.ParseFloat(string(text), 64); err != nil || back != v && v == v {
			t.Fatalf("seed %d: %v is printed %s", seed, v, text)
		}
	}
}

// FuzzFloat: whatever is read is read alike by ParseFloat and ParseLongDouble,
// and what AppendDouble prints reads back.
func FuzzFloat(f *testing.F) {
	for _, s := range floatTexts {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		keep := bytes.Clone(b)
		d, ok := ParseFloat(b)
		long, okLong := ParseLongDouble(b)
		if !bytes.Equal(b, keep) {
			t.Fatalf("%q was changed to %q", keep, b)
		}
		if ok && len(b) < 5000 {
			if !okLong {
				t.Fatalf("%q is a double but no long double", b)
			}
			if near, _ := long.Float64(); near != d && math.Abs(near-d) > math.Abs(d)*1e-15 {
				t.Fatalf("%q: double %v, long double %v", b, d, near)
			}
		}
		if ok {
			if back, ok := ParseFloat(AppendDouble(nil, d)); !ok || back != d {
				t.Fatalf("%q: %v reads back as %v", b, d, back)
			}
		}
		if okLong && !long.IsInf() {
			AppendLongDouble(nil, long)
		}
	})
}

func BenchmarkParseInt64(b *testing.B) {
	b.ReportAllocs()
	s := []byte("1234567890123")
	for range b.N {
		if _, ok := ParseInt64(s); !ok {
			b.Fatal()
		}
	}
}

func BenchmarkParseFloat(b *testing.B) {
	b.ReportAllocs()
	s := []byte("12345.6789")
	for range b.N {
		if _, ok := ParseFloat(s); !ok {
			b.Fatal()
		}
	}
}

func BenchmarkAddLongDouble(b *testing.B) {
	b.ReportAllocs()
	var dst []byte
	for range b.N {
		x, _ := ParseLongDouble([]byte("10.5"))
		y, _ := ParseLongDouble([]byte("0.1"))
		z, _ := AddLongDouble(x, y)
		dst = AppendLongDouble(dst[:0], z)
	}
}

// What printf of C prints for %.17g.
func TestAppendDouble17(t *testing.T) {
	for want, v := range map[string]float64{
		"0": 0, "-0": math.Copysign(0, -1), "1": 1, "-3": -3, "100": 100, "1.5": 1.5,
		"0.10000000000000001": 0.1, "0.29999999999999999": 0.3, "9.9999999999999995e-08": 1e-7,
		"0.0001": 1e-4, "1.0000000000000001e-05": 1e-5, "1e+17": 1e17, "10000000000000000": 1e16,
		"1.2345678901234568e+17": 123456789012345678, "4.9406564584124654e-324": 5e-324,
		"12345.678": 12345.678, "inf": math.Inf(1), "-inf": math.Inf(-1),
	} {
		if got := string(AppendDouble17(nil, v)); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
