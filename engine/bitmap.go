package engine

import (
	"hpkv/engine/bits"
	"hpkv/engine/record"
)

// Bitmaps are strings seen as arrays of bits: bit 0 is the most significant
// bit of byte 0. Offsets count bits.

// SetBit makes bit off of key's value bit, 0 or 1, extending the value with
// zero bytes as needed, and returns what it was.
func (t *Txn) SetBit(key []byte, off int64, bit int) (old int, err error) {
	if off < 0 || off>>3 >= t.e.maxValue.Load() {
		return 0, ErrOffset
	}
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	c := t.scratch(1)
	c[0] = 0
	changes := true
	if n.found() {
		if !isString(n.hdr) {
			return 0, ErrWrongType
		}
		if val := n.value(); off>>3 < int64(len(val)) {
			c[0], changes = val[off>>3], false
		}
	}
	old = bits.Set(c, off&7, bit)
	return old, t.editBits(s, &n, key, off>>3, c, changes || old != bit, EventSetBit)
}

// editBits writes b into key's value. When that changes nothing, only the form
// may: Redis turns a string into an editable one before it looks at its bits,
// and OBJECT ENCODING tells. Nobody else is told, neither the journal nor who
// watches the key: the value is the same.
func (t *Txn) editBits(s *shard, n *entry, key []byte, off int64, b []byte, changes bool, ev Event) error {
	switch {
	case changes:
		return t.applySplice(s, n, key, off, b, ev)
	case n.hdr.Form() != record.FormRaw && n.hdr.ValueLen <= embstrMax:
		t.effect = Effect{Kind: EffectSplice, DB: t.db, Key: key, Value: b, Offset: off}
		return t.splice(s, n, &t.effect)
	}
	return nil
}

// GetBit returns bit off of key's value, 0 beyond its end.
func (t *Txn) GetBit(key []byte, off int64) (bit int, err error) {
	if off < 0 {
		return 0, ErrOffset
	}
	err = t.readString(key, func(val []byte) { bit = bits.Get(val, off) })
	return bit, err
}

// readString calls see with key's value, empty if it is absent, as lock-free
// reads do: see may run more than once and on bytes that are changing; what it
// computed last counts. It must not call the engine.
func (t *Txn) readString(key []byte, see func(val []byte)) error {
	for v := t.look(key); v.next(); {
		found, str := v.find(), false
		if found {
			if str = isString(v.hdr); str {
				see(v.rec.Value(v.hdr))
			}
			v.touch()
		}
		if !found {
			see(nil)
		}
		if v.done() {
			t.hit(key, found)
			if found && !str {
				return ErrWrongType
			}
			return nil
		}
	}
	return nil
}

// BitRange is a part of a value: positions from Start to End, inclusive,
// negative ones counted from the end.
type BitRange struct {
	Start, End int64
	Open       bool // there is no End: the range runs to the last bit
	Bits       bool // positions are those of bits, else of bytes
}

// WholeValue is the range of all bits.
var WholeValue = BitRange{Open: true}

// bounds returns the first and last bit meant in a value of n bytes; last <
// first if there are none.
func (r BitRange) bounds(n int64) (first, last int64) {
	unit := int64(8)
	if r.Bits {
		n, unit = n*8, 1
	}
	start, end := r.Start, r.End
	if r.Open {
		end = n - 1
	}
	if start < 0 {
		start = max(start+n, 0)
	}
	if end < 0 {
		end = max(end+n, 0)
	}
	end = min(end, n-1)
	if start > end {
		return 0, -1
	}
	return start * unit, end*unit + unit - 1
}

// BitCount returns the number of one bits in r of key's value.
func (t *Txn) BitCount(key []byte, r BitRange) (n int64, err error) {
	// Otherwise a range given backwards from the end of a short value would
	// be clamped to its first byte.
	backwards := !r.Open && r.Start < 0 && r.End < 0 && r.Start > r.End
	err = t.readString(key, func(val []byte) {
		n = 0
		if first, last := r.bounds(int64(len(val))); !backwards {
			n = bits.CountRange(val, first, last)
		}
	})
	return n, err
}

// BitPos returns the position of the first bit equal to bit in r of key's
// value, -1 if there is none. A value continues with zero bits where r is
// open; an absent key is all zero bits.
func (t *Txn) BitPos(key []byte, bit int, r BitRange) (pos int64, err error) {
	err = t.readString(key, func(val []byte) {
		n := int64(len(val))
		first, last := r.bounds(n)
		pos = bits.Pos(val, bit, first, last)
		if pos < 0 && bit == 0 && (val == nil || r.Open && first <= last) {
			pos = n * 8
		}
	})
	return pos, err
}

// BitOp stores op of the values of srcs under dst and returns its length.
// Absent keys are empty values; shorter values continue with zero bytes. An
// empty result removes dst. All keys' shards must be locked by LockKeys.
func (t *Txn) BitOp(op bits.Op, dst []byte, srcs [][]byte) (int64, error) {
	vals := make([][]byte, len(srcs))
	longest := 0
	for i, key := range srcs {
		val, err := t.heldString(key)
		if err != nil {
			return 0, err
		}
		vals[i] = val
		longest = max(longest, len(val))
	}
	// Values are read from their records while the result is built beside
	// them: nothing of srcs changes before it is complete.
	result := t.scratch(longest)
	bits.Combine(result, op, vals...)
	h := hashKey(dst)
	s := t.e.shardOf(h)
	t.enter(s)
	defer t.leave(s)
	var n entry
	t.locate(s, h, dst, &n)
	switch {
	case longest > 0:
		return int64(longest), t.applyPut(s, &n, dst, result, record.FormRaw, 0, EventSet)
	case n.found():
		t.applyRemove(s, &n, dst, EventDel)
	}
	return 0, nil
}

// heldString returns the value of a key whose shard is locked until End, nil
// if it is absent. The bytes are the record's: they last until the next change.
func (t *Txn) heldString(key []byte) ([]byte, error) {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	t.hit(key, n.found())
	switch {
	case !n.found():
		return nil, nil
	case !isString(n.hdr):
		return nil, ErrWrongType
	}
	return n.value(), nil
}

// keepScratch bounds the scratch memory a lane holds on to.
const keepScratch = 1 << 20

// scratch returns n bytes of any content, valid until the lane's next
// operation.
func (t *Txn) scratch(n int) []byte {
	if n > keepScratch {
		return make([]byte, n)
	}
	if cap(t.lane.buf) < n {
		t.lane.buf = make([]byte, n)
	}
	return t.lane.buf[:n]
}
