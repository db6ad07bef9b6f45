package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"hpkv/engine/record"
)

// The encoding of an effect: its kind, a bit for each field that is not zero,
// then these fields in the order of their bits. Numbers are varints, strings
// have their length before them. A new kind needs no code here; a new field
// takes the next bit. Kinds and bits that were written once keep their meaning
// for ever: logs hold them.
const (
	fieldKey = 1 << iota
	fieldValue
	fieldExpireAt
	fieldType // with the form, in one byte
	fieldDB
	fieldOffset
	fieldItems
	fieldOtherDB
	fieldEnd // the first bit without a meaning
)

// ErrEffect is returned for bytes that are no effect of this version.
var ErrEffect = errors.New("engine: not an effect, or one of a newer version")

const (
	formBits = 2
	formMask = 1<<formBits - 1
)

// AppendEffect appends the encoding of ef to dst. Equal effects have equal
// encodings.
func AppendEffect(dst []byte, ef *Effect) []byte {
	at := len(dst)
	dst = slices.Grow(dst, ef.Room())
	return dst[:at+PutEffect(dst[at:cap(dst)], ef)]
}

// PutEffect writes what AppendEffect appends to where p begins, and returns its size.
// REQUIRES: p has ef.Room() bytes or more.
func PutEffect(p []byte, ef *Effect) (size int) {
	k, v := len(ef.Key), len(ef.Value)
	if ef.Kind != EffectPut || uint(k-1) >= 0x7f || uint(v-1) >= 0x7f || ef.Type == 0 ||
		ef.ExpireAtMs|ef.Offset|int64(ef.DB)|int64(ef.OtherDB)|int64(len(ef.Items)) != 0 {
		return len(appendFields(p[:0], ef))
	}
	// The effect of most writes: a put of a short key and a short value that does
	// not expire, into the first database.
	size = k + v + 5
	p = p[:size]
	p[0], p[1], p[2] = byte(EffectPut), fieldKey|fieldValue|fieldType, byte(k)
	copy(p[3:], ef.Key)
	p[3+k] = byte(v)
	copy(p[4+k:], ef.Value)
	p[4+k+v] = byte(ef.Type)<<formBits | byte(ef.Form)&formMask
	return size
}

// appendFields is AppendEffect for any effect.
func appendFields(dst []byte, ef *Effect) []byte {
	fields := uint64(0)
	set := func(bit uint64, present bool) {
		if present {
			fields |= bit
		}
	}
	set(fieldKey, len(ef.Key) > 0)
	set(fieldValue, len(ef.Value) > 0)
	set(fieldExpireAt, ef.ExpireAtMs != 0)
	set(fieldType, ef.Type != 0 || ef.Form != 0)
	set(fieldDB, ef.DB != 0)
	set(fieldOffset, ef.Offset != 0)
	set(fieldItems, len(ef.Items) > 0)
	set(fieldOtherDB, ef.OtherDB != 0)
	dst = append(dst, byte(ef.Kind))
	dst = binary.AppendUvarint(dst, fields)
	if fields&fieldKey != 0 {
		dst = appendString(dst, ef.Key)
	}
	if fields&fieldValue != 0 {
		dst = appendString(dst, ef.Value)
	}
	if fields&fieldExpireAt != 0 {
		dst = binary.AppendVarint(dst, ef.ExpireAtMs)
	}
	if fields&fieldType != 0 {
		dst = append(dst, byte(ef.Type)<<formBits|byte(ef.Form)&formMask)
	}
	if fields&fieldDB != 0 {
		dst = binary.AppendUvarint(dst, uint64(ef.DB))
	}
	if fields&fieldOffset != 0 {
		dst = binary.AppendVarint(dst, ef.Offset)
	}
	if fields&fieldItems != 0 {
		dst = binary.AppendUvarint(dst, uint64(len(ef.Items)))
		for _, item := range ef.Items {
			dst = appendString(dst, item)
		}
	}
	if fields&fieldOtherDB != 0 {
		dst = binary.AppendUvarint(dst, uint64(ef.OtherDB))
	}
	return dst
}

// Room returns a number of bytes that the encoding of ef does not exceed, and comes
// near if ef is large.
func (ef *Effect) Room() int {
	const fixed = 2 + 7*binary.MaxVarintLen64 // kind, bits, type, and at most seven numbers
	n := fixed + len(ef.Key) + len(ef.Value)
	for _, item := range ef.Items {
		n += binary.MaxVarintLen64 + len(item)
	}
	return n
}

func appendString(dst, s []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// DecodeEffect reads what AppendEffect wrote, all of p, into ef, whose byte
// slices then lie in p; ef.Items keeps its capacity. ErrEffect if p is anything
// else.
func DecodeEffect(ef *Effect, p []byte) error {
	items := ef.Items[:0]
	*ef = Effect{}
	d := effectReader{p: p}
	ef.Kind = EffectKind(d.byte())
	fields := d.uvarint()
	if ef.Kind == 0 || ef.Kind >= effectKinds || fields >= fieldEnd {
		return ErrEffect
	}
	if fields&fieldKey != 0 {
		ef.Key = d.string()
	}
	if fields&fieldValue != 0 {
		ef.Value = d.string()
	}
	if fields&fieldExpireAt != 0 {
		ef.ExpireAtMs = d.varint()
	}
	if fields&fieldType != 0 {
		b := d.byte()
		ef.Type, ef.Form = Type(b>>formBits), record.Form(b&formMask)
		d.bad = d.bad || b == 0 || int(ef.Type) >= len(typeNames)
	}
	if fields&fieldDB != 0 {
		ef.DB = d.number()
	}
	if fields&fieldOffset != 0 {
		ef.Offset = d.varint()
		d.bad = d.bad || ef.Offset < 0
	}
	if fields&fieldItems != 0 {
		n := d.number()
		if n > len(d.p) { // each takes a byte at least
			return ErrEffect
		}
		for range n {
			items = append(items, d.stringOrEmpty())
		}
		ef.Items = items
	}
	if fields&fieldOtherDB != 0 {
		ef.OtherDB = d.number()
	}
	if d.bad || len(d.p) > 0 {
		return ErrEffect
	}
	return nil
}

// effectReader cuts fields from an encoded effect. A field that is present is
// not zero: every effect has one encoding only.
type effectReader struct {
	p   []byte
	bad bool
}

func (d *effectReader) byte() byte {
	if len(d.p) == 0 {
		d.bad = true
		return 0
	}
	b := d.p[0]
	d.p = d.p[1:]
	return b
}

func (d *effectReader) uvarint() uint64 {
	if len(d.p) > 0 && d.p[0] < 0x80 {
		v := d.p[0]
		d.p = d.p[1:]
		return uint64(v)
	}
	return d.long()
}

func (d *effectReader) long() uint64 {
	v, n := binary.Uvarint(d.p)
	if n <= 0 || n > 1 && d.p[n-1] == 0 { // cut off, too large, or padded
		d.bad, d.p = true, nil
		return 0
	}
	d.p = d.p[n:]
	return v
}

func (d *effectReader) varint() int64 {
	u := d.uvarint()
	d.bad = d.bad || u == 0
	return int64(u>>1) ^ -int64(u&1)
}

// number reads a small positive number.
func (d *effectReader) number() int {
	v := d.uvarint()
	if v == 0 || v > 1<<31 {
		d.bad = true
		return 0
	}
	return int(v)
}

func (d *effectReader) string() []byte {
	s := d.stringOrEmpty()
	d.bad = d.bad || len(s) == 0
	return s
}

func (d *effectReader) stringOrEmpty() []byte {
	n := d.uvarint()
	if n > uint64(len(d.p)) {
		d.bad, d.p = true, nil
		return nil
	}
	s := d.p[:n:n]
	d.p = d.p[n:]
	return s
}

// shownBytes is how much of a value String shows.
const shownBytes = 64

// String shows an effect on one line, for an operator: long values are cut.
func (ef *Effect) String() string {
	b := append([]byte(ef.Kind.String()), " db="...)
	b = strconv.AppendInt(b, int64(ef.DB), 10)
	switch ef.Kind {
	case EffectSwap:
		b = fmt.Appendf(b, " with db=%d", ef.OtherDB)
	case EffectRename:
		b = fmt.Appendf(b, " to db=%d", ef.OtherDB)
	}
	if ef.Key != nil {
		b = fmt.Appendf(b, " key=%q", ef.Key)
	}
	if ef.Type != TypeNone {
		b = fmt.Appendf(b, " type=%s", ef.Type)
	}
	if ef.Form != 0 {
		b = fmt.Appendf(b, " form=%d", ef.Form)
	}
	if ef.Offset != 0 {
		b = fmt.Appendf(b, " offset=%d", ef.Offset)
	}
	if ef.ExpireAtMs != 0 {
		b = fmt.Appendf(b, " expires=%d", ef.ExpireAtMs)
	}
	if len(ef.Value) > 0 {
		b = appendShown(append(b, " value="...), ef.Value)
	}
	for i, item := range ef.Items {
		if i == shownBytes/4 {
			b = fmt.Appendf(b, " ... (%d items)", len(ef.Items))
			break
		}
		b = appendShown(append(b, ' '), item)
	}
	return string(b)
}

func appendShown(b, value []byte) []byte {
	if len(value) <= shownBytes {
		return strconv.AppendQuote(b, string(value))
	}
	b = strconv.AppendQuote(b, string(value[:shownBytes]))
	return fmt.Appendf(b, "... (%d bytes)", len(value))
}
