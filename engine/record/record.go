package record

import (
	"math"
	"sync/atomic"
	"unsafe"
)

// Type is the kind of value a record holds. The zero Type is a string, so that
// strings, the common case, need no bits set.
type Type uint8

// MaxType is the largest Type a record can hold.
const MaxType Type = 15

const (
	metaType     = 0x0f
	metaVolatile = 0x10
	metaWide     = 0x20
	metaForm     = 0xc0
	formShift    = 6

	headerSize   = 8
	wideSize     = 8
	volatileSize = 24

	narrowKey   = math.MaxUint8
	narrowValue = math.MaxUint16
)

// Form is what OBJECT ENCODING may say of a string: values that were edited in
// place or computed as text are not reported as integers.
type Form uint8

const (
	FormAuto Form = iota // int if it reads as one, else embstr or raw by length
	FormText             // never int
	FormRaw              // always raw
)

// MinBytes is the least that a record takes.
const MinBytes = headerSize

// MaxLen is the largest key or value a record can hold, in bytes.
const MaxLen = math.MaxUint32

// Header is a decoded record header: where things are and how long. It has few
// enough fields for the compiler to keep it in registers.
type Header struct {
	meta     uint8 // as stored
	KeyLen   int
	ValueLen int
}

// Shape returns the header for a record of the given lengths.
func Shape(typ Type, form Form, keyLen, valueLen int, volatile bool) Header {
	meta := uint8(typ) | uint8(form)<<formShift
	if volatile {
		meta |= metaVolatile
	}
	if keyLen > narrowKey || valueLen > narrowValue {
		meta |= metaWide
	}
	return Header{meta, keyLen, valueLen}
}

// Type returns the kind of value.
func (h Header) Type() Type { return Type(h.meta & metaType) }

// Form returns the form of a string.
func (h Header) Form() Form { return Form(h.meta >> formShift) }

// Volatile reports whether the record carries an expiry and wheel links.
func (h Header) Volatile() bool { return h.meta&metaVolatile != 0 }

// Wide reports whether the record has 32-bit lengths.
func (h Header) Wide() bool { return h.meta&metaWide != 0 }

// WithExpiry returns the header of the same record with or without an expiry.
func (h Header) WithExpiry(volatile bool) Header {
	h.meta &^= metaVolatile
	if volatile {
		h.meta |= metaVolatile
	}
	return h
}

// KeyOffset returns where the key starts.
func (h Header) KeyOffset() int {
	n := headerSize
	if h.Wide() {
		n += wideSize
	}
	if h.Volatile() {
		n += volatileSize
	}
	return n
}

// ValueOffset returns where the value starts.
func (h Header) ValueOffset() int { return h.KeyOffset() + h.KeyLen }

// Size returns the bytes the record takes.
func (h Header) Size() int { return h.KeyOffset() + h.KeyLen + h.ValueLen }

// SameForm reports whether a record of shape h can be rewritten as o without
// moving its key.
func (h Header) SameForm(o Header) bool {
	return (h.meta^o.meta)&(metaVolatile|metaWide) == 0 && h.KeyLen == o.KeyLen
}

// Record is a view of one record. The zero Record is no record.
type Record struct{ p unsafe.Pointer }

// At returns the record at p, which must be 8-byte aligned off-heap memory.
func At(p unsafe.Pointer) Record { return Record{p} }

func (r Record) u32(off int) *uint32 { return (*uint32)(unsafe.Add(r.p, off)) }
func (r Record) u64(off int) *uint64 { return (*uint64)(unsafe.Add(r.p, off)) }

// Init writes the header, key and access stamp of a fresh record of shape h.
// Value bytes and, for a volatile record, expiry and links are the caller's to
// write.
func (r Record) Init(h Header, key []byte, stamp uint32) {
	*r.u32(0) = stamp
	r.SetHeader(h)
	copy(r.bytes(h.KeyOffset(), h.KeyLen), key)
}

// SetHeader rewrites the header in place. Key and value bytes stay where they
// are, so h must have the same form as the record has now, or the caller
// rewrites them.
func (r Record) SetHeader(h Header) {
	if h.Wide() {
		*r.u32(8) = uint32(h.KeyLen)
		*r.u32(12) = uint32(h.ValueLen)
		atomic.StoreUint32(r.u32(4), uint32(h.meta))
		return
	}
	atomic.StoreUint32(r.u32(4), uint32(h.meta)|uint32(h.KeyLen)<<8|uint32(h.ValueLen)<<16)
}

// Header reads the header. For a lock-free reader it may be nonsense until
// validated.
func (r Record) Header() Header {
	w := atomic.LoadUint32(r.u32(4))
	if w&metaWide != 0 {
		return r.wideHeader(uint8(w))
	}
	return Header{uint8(w), int(w >> 8 & 0xff), int(w >> 16)}
}

func (r Record) wideHeader(meta uint8) Header {
	return Header{meta, int(*r.u32(8)), int(*r.u32(12))}
}

func (r Record) bytes(off, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(r.p, off)), n)
}

// Key returns the key bytes in place.
func (r Record) Key(h Header) []byte { return r.bytes(h.KeyOffset(), h.KeyLen) }

// Value returns the value bytes in place.
func (r Record) Value(h Header) []byte { return r.bytes(h.ValueOffset(), h.ValueLen) }

// Tail returns n bytes that start where the value starts; n may exceed the
// value's length up to the capacity of the object.
func (r Record) Tail(h Header, n int) []byte { return r.bytes(h.ValueOffset(), n) }

// Plain returns the length of the value of a plain string whose key has keyLen
// bytes; ok is false if the record is none. It reads the first 8 bytes.
func (r Record) Plain(keyLen int) (valueLen int, ok bool) {
	w := atomic.LoadUint32(r.u32(4))
	return int(w >> 16), uint64(w&(narrowKey<<8|metaType|metaWide|metaVolatile)) == uint64(keyLen)<<8
}

// PlainValue is Value for a plain string with these lengths.
func (r Record) PlainValue(keyLen, valueLen int) []byte { return r.bytes(headerSize+keyLen, valueLen) }

// Stamp returns the access stamp.
func (r Record) Stamp() uint32 { return atomic.LoadUint32(r.u32(0)) }

// SetStamp writes the access stamp with a plain store.
func (r Record) SetStamp(s uint32) { *r.u32(0) = s }

func (h Header) expiryOffset() int {
	if h.Wide() {
		return headerSize + wideSize
	}
	return headerSize
}

// ExpireAt returns the expiry in Unix milliseconds. h must be volatile.
func (r Record) ExpireAt(h Header) int64 {
	return int64(atomic.LoadUint64(r.u64(h.expiryOffset())))
}

// SetExpireAt writes the expiry. h must be volatile.
func (r Record) SetExpireAt(h Header, ms int64) {
	atomic.StoreUint64(r.u64(h.expiryOffset()), uint64(ms))
}

// Links returns the record's neighbours in its wheel list and the list's
// number. h must be volatile.
func (r Record) Links(h Header) (next, prev uint64, list int) {
	n := *r.u64(h.expiryOffset() + 8)
	return n & linkMask, *r.u64(h.expiryOffset() + 16), int(n >> linkBits)
}

const (
	linkBits = 40
	linkMask = 1<<linkBits - 1
)

// SetNext writes the next neighbour and the list's number.
func (r Record) SetNext(h Header, next uint64, list int) {
	*r.u64(h.expiryOffset() + 8) = next | uint64(list)<<linkBits
}

// SetPrev writes the previous neighbour.
func (r Record) SetPrev(h Header, prev uint64) {
	*r.u64(h.expiryOffset() + 16) = prev
}

// KeyEqual reports whether the key bytes equal key; h.KeyLen must be len(key).
// Eight bytes at a time, the last ones overlapping those before: keys are short
// and a call to the runtime's comparison costs more than the comparison.
func (r Record) KeyEqual(h Header, key []byte) bool {
	p, q, n := unsafe.Add(r.p, h.KeyOffset()), unsafe.Pointer(unsafe.SliceData(key)), len(key)
	switch {
	case n > 64:
		return string(unsafe.Slice((*byte)(p), n)) == string(key)
	case n >= 8:
		for i := 0; i < n-8; i += 8 {
			if *(*uint64)(unsafe.Add(p, i)) != *(*uint64)(unsafe.Add(q, i)) {
				return false
			}
		}
		return *(*uint64)(unsafe.Add(p, n-8)) == *(*uint64)(unsafe.Add(q, n-8))
	case n >= 4:
		return *(*uint32)(p) == *(*uint32)(q) && *(*uint32)(unsafe.Add(p, n-4)) == *(*uint32)(unsafe.Add(q, n-4))
	}
	for i := range n {
		if *(*byte)(unsafe.Add(p, i)) != *(*byte)(unsafe.Add(q, i)) {
			return false
		}
	}
	return true
}

// PlainKeyEqual is KeyEqual for a plain string.
func (r Record) PlainKeyEqual(key []byte) bool {
	p, n := unsafe.Add(r.p, headerSize), len(key)
	if n < 8 {
		return string(unsafe.Slice((*byte)(p), n)) == string(key)
	}
	q := unsafe.Pointer(unsafe.SliceData(key))
	for i := 0; i < n-8; i += 8 {
		if *(*uint64)(unsafe.Add(p, i)) != *(*uint64)(unsafe.Add(q, i)) {
			return false
		}
	}
	return *(*uint64)(unsafe.Add(p, n-8)) == *(*uint64)(unsafe.Add(q, n-8))
}
