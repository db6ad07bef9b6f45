package command

import "encoding/binary"

// index maps lower-case names to rows. Open addressing with linear probing on
// a table at most a quarter full; a slot holds the first and the last eight
// bytes of the name, so that a name of up to 16 bytes is compared without
// touching the row. Immutable once built.
type index struct {
	slots []slot
	shift uint8
	mul   uint64
}

type slot struct {
	head, tail uint64
	n          int
	row        *Row
}

// newIndex builds the index; names must be distinct and lower case. Of a few
// multipliers it keeps the one that displaces the fewest names: with four or
// more slots a name almost every look-up then ends in the first slot.
func newIndex(rows []*Row) *index {
	shift := uint8(64 - 3)
	for 1<<(64-shift) < 4*len(rows) {
		shift--
	}
	var best *index
	bestCost := -1
	mul := uint64(0x9E3779B97F4A7C15)
	for range 64 {
		x := &index{slots: make([]slot, 1<<(64-shift)), shift: shift, mul: mul | 1}
		cost := 0
		for _, r := range rows {
			cost += x.insert(r)
		}
		if best == nil || cost < bestCost {
			best, bestCost = x, cost
		}
		mul = mul*6364136223846793005 + 1442695040888963407
	}
	return best
}

// insert returns how many slots it had to pass.
func (x *index) insert(r *Row) (passed int) {
	head, tail := words([]byte(r.Name))
	i := x.home(head, tail, len(r.Name))
	for x.slots[i].row != nil {
		i = (i + 1) & uint64(len(x.slots)-1)
		passed++
	}
	x.slots[i] = slot{head, tail, len(r.Name), r}
	return passed
}

func (x *index) home(head, tail uint64, n int) uint64 {
	return (head ^ tail>>7 ^ uint64(n)<<56) * x.mul >> x.shift
}

// find returns the row with that name, ignoring ASCII case, or nil.
func (x *index) find(name []byte) *Row {
	head, tail := words(name)
	mask := uint64(len(x.slots) - 1)
	for i := x.home(head, tail, len(name)) & mask; ; i = (i + 1) & mask {
		s := &x.slots[i]
		if s.row == nil {
			return nil
		}
		if s.head == head && s.tail == tail && s.n == len(name) &&
			(len(name) <= 16 || equalLower(name, s.row.Name)) {
			return s.row
		}
	}
}

// words returns the first and last eight bytes of the name in lower case;
// they overlap in a name shorter than 16 bytes, and are made of fewer bytes in
// one shorter than 8. Together with the length they determine a name of up to
// 16 bytes.
func words(b []byte) (head, tail uint64) {
	n := len(b)
	switch {
	case n >= 8:
		head = binary.LittleEndian.Uint64(b)
		tail = lower8(binary.LittleEndian.Uint64(b[n-8:]))
	case n >= 4:
		head = uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<32
	case n > 0:
		head = uint64(b[0]) | uint64(b[n>>1])<<8 | uint64(b[n-1])<<16
	}
	return lower8(head), tail
}

// lower8 lower-cases the ASCII letters among eight bytes at once and leaves
// every other byte, also those above 127, alone.
func lower8(x uint64) uint64 {
	const ones = 0x0101010101010101
	low := x &^ (ones * 0x80)
	upper := (low + ones*(0x80-'A')) &^ (low + ones*(0x80-'Z'-1)) &^ x & (ones * 0x80)
	return x | upper>>2
}

// equalLower reports whether name equals the lower-case want, ignoring case.
func equalLower(name []byte, want string) bool {
	if len(name) != len(want) {
		return false
	}
	for i, c := range name {
		if lowerByte(c) != want[i] {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}
