package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"hpkv/engine/bits"
)

func openForBits(t testing.TB, o Options) *Engine {
	t.Helper()
	e, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Check(); err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// bitModel holds the values a run of operations must leave.
type bitModel struct {
	t      *testing.T
	rnd    *rand.Rand
	lane   *Lane
	values map[string][]byte // an absent key is nil
}

var bitKeys = []string{"a", "b", "c"}

func (m *bitModel) key() string { return bitKeys[m.rnd.IntN(len(bitKeys))] }

func (m *bitModel) grow(key string, n int64) []byte {
	if v := m.values[key]; int64(len(v)) >= n {
		return v
	}
	v := make([]byte, n)
	copy(v, m.values[key])
	m.values[key] = v
	return v
}

// TestBitmapModel runs random bitmap operations beside plain byte slices.
func TestBitmapModel(t *testing.T) {
	seed := rand.Uint64()
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	e := openForBits(t, Options{Shards: 4})
	m := &bitModel{t: t, rnd: rand.New(rand.NewPCG(seed, 0)), lane: e.NewLane(), values: map[string][]byte{}}
	defer m.lane.Close()
	steps := []func(){m.setBit, m.setBit, m.count, m.pos, m.op, m.fields, m.fields, m.remove}
	for range 20000 {
		steps[m.rnd.IntN(len(steps))]()
		if t.Failed() {
			return
		}
	}
}

func (m *bitModel) setBit() {
	key, off, bit := m.key(), m.rnd.Int64N(600), m.rnd.IntN(2)
	want := bits.Set(m.grow(key, off>>3+1), off, bit)
	txn := m.lane.Begin(0)
	defer txn.End()
	if got, err := txn.SetBit([]byte(key), off, bit); err != nil || got != want {
		m.t.Errorf("SetBit(%s, %d, %d) = %d, %v; want %d", key, off, bit, got, err, want)
	}
	if got, err := txn.GetBit([]byte(key), off); err != nil || got != bit {
		m.t.Errorf("GetBit(%s, %d) = %d, %v", key, off, got, err)
	}
	m.same(txn, key)
}

func (m *bitModel) same(txn *Txn, key string) {
	got, found, err := txn.Get(nil, []byte(key), nil)
	if want := m.values[key]; err != nil || found != (want != nil) || !bytes.Equal(got, want) {
		m.t.Errorf("%s is %x, %v, %v; want %x", key, got, found, err, want)
	}
}

func (m *bitModel) bitRange() BitRange {
	return BitRange{
		Start: m.rnd.Int64N(200) - 100, End: m.rnd.Int64N(200) - 100,
		Open: m.rnd.IntN(4) == 0, Bits: m.rnd.IntN(2) == 0,
	}
}

// within lists the bits of a range one by one.
func (m *bitModel) within(key string, r BitRange) (list []int64) {
	n, unit := int64(len(m.values[key])), int64(8)
	if r.Bits {
		n, unit = n*8, 1
	}
	clamp := func(i int64) int64 {
		if i < 0 {
			i = max(i+n, 0)
		}
		return i
	}
	start, end := clamp(r.Start), clamp(r.End)
	if r.Open {
		end = n - 1
	}
	for i := start; i <= end && i < n; i++ {
		for j := range unit {
			list = append(list, i*unit+j)
		}
	}
	return list
}

func (m *bitModel) count() {
	key, r := m.key(), m.bitRange()
	want := int64(0)
	if r.Open || r.Start >= 0 || r.End >= 0 || r.Start <= r.End {
		for _, i := range m.within(key, r) {
			want += int64(bits.Get(m.values[key], i))
		}
	}
	txn := m.lane.Begin(0)
	defer txn.End()
	if got, err := txn.BitCount([]byte(key), r); err != nil || got != want {
		m.t.Errorf("BitCount(%s, %+v) = %d, %v; want %d of %x", key, r, got, err, want, m.values[key])
	}
}

func (m *bitModel) pos() {
	key, r, bit := m.key(), m.bitRange(), m.rnd.IntN(2)
	list := m.within(key, r)
	want := int64(-1)
	for _, i := range list {
		if bits.Get(m.values[key], i) == bit {
			want = i
			break
		}
	}
	if v := m.values[key]; want < 0 && bit == 0 && (v == nil || r.Open && len(list) > 0) {
		want = int64(len(v)) * 8
	}
	txn := m.lane.Begin(0)
	defer txn.End()
	if got, err := txn.BitPos([]byte(key), bit, r); err != nil || got != want {
		m.t.Errorf("BitPos(%s, %d, %+v) = %d, %v; want %d in %x", key, bit, r, got, err, want, m.values[key])
	}
}

func (m *bitModel) op() {
	op, dst := bits.Op(m.rnd.IntN(4)), m.key()
	keys := [][]byte{[]byte(dst)}
	var vals [][]byte
	longest := 0
	for i := 0; i == 0 || op != bits.Not && i < 3; i++ {
		src := m.key()
		keys, vals = append(keys, []byte(src)), append(vals, m.values[src])
		longest = max(longest, len(m.values[src]))
	}
	want := make([]byte, longest)
	bits.Combine(want, op, vals...)
	m.values[dst] = want
	if longest == 0 {
		delete(m.values, dst)
	}
	txn := m.lane.Begin(0)
	defer txn.End()
	txn.LockKeys(keys, 0, len(keys)-1, 1)
	if n, err := txn.BitOp(op, keys[0], keys[1:]); err != nil || n != int64(longest) {
		m.t.Errorf("BitOp = %d, %v; want %d", n, err, longest)
	}
	m.same(txn, dst)
}

func (m *bitModel) fields() {
	key := m.key()
	ops := make([]FieldOp, 1+m.rnd.IntN(4))
	end := int64(0)
	for i := range ops {
		f := bits.Field{Signed: m.rnd.IntN(2) == 0, Width: uint8(1 + m.rnd.IntN(63))}
		ops[i] = FieldOp{
			Kind: FieldOpKind(m.rnd.IntN(3)), Field: f, Offset: m.rnd.Int64N(500),
			Value: int64(m.rnd.Uint64()) >> m.rnd.IntN(64), Overflow: bits.Overflow(m.rnd.IntN(3)),
		}
		if ops[i].Kind != FieldGet {
			end = max(end, ops[i].last()>>3+1)
		}
	}
	if end > 0 {
		m.grow(key, end)
	}
	want := make([]FieldOp, len(ops))
	for i, o := range ops {
		want[i] = m.runField(key, o)
	}
	txn := m.lane.Begin(0)
	defer txn.End()
	if err := txn.BitField([]byte(key), ops); err != nil {
		m.t.Error(err)
	}
	for i := range ops {
		if ops[i].Done != want[i].Done || ops[i].Done && ops[i].Result != want[i].Result {
			m.t.Errorf("step %d of BitField(%s): %+v, want %+v", i, key, ops[i], want[i])
		}
	}
	m.same(txn, key)
}

func (m *bitModel) runField(key string, o FieldOp) FieldOp {
	v := m.values[key]
	old := o.Field.Get(v, o.Offset)
	o.Result, o.Done = old, true
	switch o.Kind {
	case FieldSet:
		var fit int64
		if fit, o.Done = o.Field.Fit(o.Value, o.Overflow); o.Done {
			o.Field.Put(v, o.Offset, fit)
		}
	case FieldIncr:
		if o.Result, o.Done = o.Field.Add(old, o.Value, o.Overflow); o.Done {
			o.Field.Put(v, o.Offset, o.Result)
		}
	}
	return o
}

func (m *bitModel) remove() {
	key := m.key()
	_, had := m.values[key]
	delete(m.values, key)
	txn := m.lane.Begin(0)
	defer txn.End()
	if txn.Delete([]byte(key)) != had {
		m.t.Errorf("Delete(%s) is not %v", key, had)
	}
}

func TestBitmapErrors(t *testing.T) {
	e := openForBits(t, Options{MaxValueBytes: 100})
	l := e.NewLane()
	defer l.Close()
	txn := l.Begin(0)
	defer txn.End()
	f := func(got, want error) {
		t.Helper()
		if got != want {
			t.Errorf("error %v, want %v", got, want)
		}
	}
	_, err := txn.SetBit([]byte("k"), 800, 1)
	f(err, ErrOffset)
	_, err = txn.SetBit([]byte("k"), -1, 1)
	f(err, ErrOffset)
	_, err = txn.SetBit([]byte("k"), 799, 1)
	f(err, nil)
	_, err = txn.GetBit([]byte("k"), -1)
	f(err, ErrOffset)
	u8 := bits.Field{Width: 8}
	f(txn.BitField([]byte("k"), []FieldOp{{Kind: FieldSet, Field: u8, Offset: 793}}), ErrOffset)
	f(txn.BitField([]byte("k"), []FieldOp{{Kind: FieldSet, Field: u8, Offset: 792}}), nil)
	f(txn.BitField([]byte("k"), []FieldOp{{Field: u8, Offset: -1}}), ErrOffset)
	f(txn.BitField([]byte("k"), []FieldOp{{Field: u8, Offset: 1<<63 - 1}}), ErrOffset)
}

// A BITFIELD that writes two far fields is seen whole by readers without a
// lock, also while other operations resize the value.
func TestBitFieldIsAtomic(t *testing.T) {
	e := openForBits(t, Options{})
	key, u32 := []byte("k"), bits.Field{Width: 32}
	const far = 900 * 8
	var stop atomic.Bool
	var readers, writers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			l := e.NewLane()
			defer l.Close()
			for !stop.Load() {
				ops := []FieldOp{{Field: u32}, {Field: u32, Offset: far}}
				txn := l.Begin(0)
				err := txn.BitField(key, ops)
				txn.End()
				if err != nil || ops[0].Result != ops[1].Result {
					t.Errorf("read %d and %d, %v", ops[0].Result, ops[1].Result, err)
					return
				}
			}
		})
	}
	writers.Go(func() {
		l := e.NewLane()
		defer l.Close()
		for i := range int64(20000) {
			txn := l.Begin(0)
			err := txn.BitField(key, []FieldOp{
				{Kind: FieldSet, Field: u32, Value: i}, {Kind: FieldSet, Field: u32, Offset: far, Value: i},
			})
			if err == nil && i%7 == 0 {
				_, err = txn.Append(key, bytes.Repeat([]byte("x"), 100))
			}
			if i%101 == 0 {
				txn.Delete(key)
			}
			txn.End()
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	writers.Wait()
	stop.Store(true)
	readers.Wait()
}

func BenchmarkBitCount(b *testing.B) {
	e := openForBits(b, Options{})
	l := e.NewLane()
	defer l.Close()
	for _, size := range []int{16, 4096} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			txn := l.Begin(0)
			defer txn.End()
			if _, err := txn.Set([]byte("k"), make([]byte, size), SetOptions{}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := txn.BitCount([]byte("k"), WholeValue); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
