package hll

import (
	"slices"
	"strconv"
)

const (
	maxZeros  = 64 // of the short form
	maxValues = 4  // registers of one run
	maxValue  = 32 // of a sparse register
)

// run is consecutive registers of one value.
type run struct {
	length int
	value  uint8
	bytes  int // of its encoding
}

func decode(b []byte, at int) (r run, ok bool) {
	if at >= len(b) {
		return run{}, false
	}
	switch c := b[at]; {
	case c >= 0x80:
		return run{int(c&3) + 1, c>>2&0x1f + 1, 1}, true
	case c < 0x40:
		return run{int(c) + 1, 0, 1}, true
	case at+1 < len(b):
		return run{int(c&0x3f)<<8 | int(b[at+1]) + 1, 0, 2}, true
	}
	return run{}, false
}

func appendZeros(dst []byte, n int) []byte {
	if n <= maxZeros {
		return append(dst, byte(n-1))
	}
	return append(dst, 0x40|byte((n-1)>>8), byte(n-1))
}

func valueRun(value uint8, n int) byte { return 0x80 | (value-1)<<2 | byte(n-1) }

// runs visits the runs of a sparse value. ErrCorrupt if they are not for
// exactly all registers; what was visited is within bounds.
func runs(b []byte, visit func(first int, r run)) error {
	first := 0
	for at := HeaderSize; at < len(b); {
		r, ok := decode(b, at)
		if !ok || first+r.length > Registers {
			return ErrCorrupt
		}
		visit(first, r)
		first += r.length
		at += r.bytes
	}
	if first != Registers {
		return ErrCorrupt
	}
	return nil
}

// place is a run with where it is.
type place struct {
	run
	first    int // register
	at, prev int // offsets of its encoding and of the one before, prev 0 if there is none
}

func findRun(b []byte, index int) (p place, ok bool) {
	p.at = HeaderSize
	for {
		if p.run, ok = decode(b, p.at); !ok {
			return p, false
		}
		if index < p.first+p.length {
			return p, true
		}
		p.prev = p.at
		p.at += p.bytes
		p.first += p.length
	}
}

// sparseRaise is Raise of a sparse value: the register's run becomes up to three.
func sparseRaise(b []byte, index int, value uint8, sparseMax int) (out []byte, changed bool, err error) {
	if value > maxValue {
		return promote(b, index, value)
	}
	p, ok := findRun(b, index)
	switch {
	case !ok:
		return b, false, ErrCorrupt
	case p.value >= value:
		return b, false, nil
	}
	var room [5]byte
	as := room[:0]
	part := func(n int) {
		switch {
		case n == 0:
		case p.value == 0:
			as = appendZeros(as, n)
		default:
			as = append(as, valueRun(p.value, n))
		}
	}
	part(index - p.first)
	as = append(as, valueRun(value, 1))
	part(p.first + p.length - 1 - index)
	if grow := len(as) - p.bytes; grow > 0 && len(b)+grow > sparseMax {
		return promote(b, index, value)
	}
	b = slices.Replace(b, p.at, p.at+p.bytes, as...)
	from := p.prev
	if from == 0 {
		from = HeaderSize
	}
	b = joinRuns(b, from)
	Invalidate(b)
	return b, true, nil
}

func promote(b []byte, index int, value uint8) (out []byte, changed bool, err error) {
	out, err = ToDense(b)
	if err != nil {
		return b, false, err
	}
	out, _, err = Raise(out, index, value, 0)
	return out, true, err
}

// joinRuns merges runs of one value that a change has made neighbours, within
// five runs from at on.
func joinRuns(b []byte, at int) []byte {
	for left := 5; left > 0 && at < len(b); left-- {
		r, _ := decode(b, at)
		if r.value > 0 && at+1 < len(b) && b[at+1] >= 0x80 {
			next, _ := decode(b, at+1)
			if sum := r.length + next.length; next.value == r.value && sum <= maxValues {
				b[at+1] = valueRun(r.value, sum)
				b = slices.Delete(b, at, at+1)
				continue
			}
		}
		at += max(r.bytes, 1)
	}
	return b
}

// Describe appends the runs of a sparse value in words: "z:n" and "Z:n" for n
// zero registers in the short and the long form, "v:x,n" for n registers of x.
func Describe(dst, b []byte) []byte {
	from := len(dst)
	for at := HeaderSize; ; {
		r, ok := decode(b, at)
		if !ok {
			return dst
		}
		if len(dst) > from {
			dst = append(dst, ' ')
		}
		switch {
		case r.value > 0:
			dst = strconv.AppendInt(append(dst, "v:"...), int64(r.value), 10)
			dst = append(dst, ',')
		case r.bytes == 1:
			dst = append(dst, "z:"...)
		default:
			dst = append(dst, "Z:"...)
		}
		dst = strconv.AppendInt(dst, int64(r.length), 10)
		at += r.bytes
	}
}
