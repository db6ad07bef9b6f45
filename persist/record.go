package persist

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"
)

// The layout of a record and of a round mark: FORMAT.md, "Records" and "Round
// marks".
const (
	recordHead = 20 // checksum, length, type, flags, shard, seq
	txnField   = 8  // txn, if there is one
	// RecordOverhead is what a record takes beside its payload, at most.
	RecordOverhead = recordHead + txnField

	typeRecord = 1
	typeMark   = 2

	flagTxn = 1 << 0 // a txn follows the head

	// Of barriers, which are read and not written: FORMAT.md, "Barriers".
	flagBarrier  = 1 << 1 // the barrier's number follows, after the txn
	flagEcho     = 1 << 2 // the barrier's record proper is in another stream
	barrierField = 8

	markMagic = "HPKVMARK"
	markFixed = 8 + 8 + 8 + 8 + 4 + 2 // magic, ms, synced, start, records, participants
	maxMark   = recordHead + markFixed + 2*MaxStreams
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Errors of the decoders; errShort means that the bytes may be the beginning
// of something valid.
var (
	errShort    = errors.New("the record is longer than the bytes there are")
	errChecksum = errors.New("the checksum does not match")
	errForm     = errors.New("the record has no valid form")
)

// seedOf is what the checksums of a segment start from, so that what an earlier
// segment left in a reused file never verifies.
func seedOf(uid uint64) uint32 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uid)
	return crc32.Checksum(b[:], castagnoli)
}

// entry is a decoded record or mark.
type entry struct {
	Record
	kind    uint8
	flags   uint8
	barrier uint64 // the barrier's number; 0: it is none
	size    int    // on disk
}

// appendRecord appends what putRecord encodes.
func appendRecord(b []byte, r *Record) []byte {
	at := len(b)
	b = slices.Grow(b, RecordOverhead+len(r.Payload))
	return b[:at+putRecord(b[at:cap(b)], r)]
}

// putRecord encodes r to where b begins, without its checksum, which sealRecords
// adds once the segment is known, and returns the size.
func putRecord(b []byte, r *Record) (size int) {
	if r.Txn == 0 {
		putHead(b, 0, r.Shard, r.Seq, len(r.Payload))
		return recordHead + copy(b[recordHead:], r.Payload)
	}
	putHead(b, flagTxn, r.Shard, r.Seq, len(r.Payload))
	binary.LittleEndian.PutUint64(b[recordHead:], r.Txn)
	return recordHead + txnField + copy(b[recordHead+txnField:], r.Payload)
}

// putHead writes the head of a record whose payload has so many bytes, without a
// checksum, to where b begins.
func putHead(b []byte, flags uint8, shard uint16, seq uint64, payload int) {
	if uint(payload) > MaxPayload {
		panic("persist: payload above MaxPayload")
	}
	h := (*[recordHead]byte)(b)
	binary.LittleEndian.PutUint32(h[:], 0)
	binary.LittleEndian.PutUint32(h[4:], uint32(payload))
	binary.LittleEndian.PutUint32(h[8:], typeRecord|uint32(flags)<<8|uint32(shard)<<16)
	binary.LittleEndian.PutUint64(h[12:], seq)
}

// sizeOf returns the size of the record whose head b begins with.
func sizeOf(b []byte) int {
	n := recordHead + int(binary.LittleEndian.Uint32(b[4:]))
	if b[9]&flagTxn != 0 {
		n += txnField
	}
	if b[9]&flagBarrier != 0 {
		n += barrierField
	}
	return n
}

// sealEach is sealRecords, record by record.
func sealEach(b []byte, seed uint32) (count int) {
	for len(b) > 0 {
		n := sizeOf(b)
		binary.LittleEndian.PutUint32(b, sum(seed, b[4:n]))
		b = b[n:]
		count++
	}
	return count
}

// decode makes e what b begins with. The payload is part of b. With errShort, size
// says how many bytes are needed at least; room is how many there are in the
// segment. After another error e means nothing.
func (e *entry) decode(b []byte, seed uint32, room int64) error {
	if room < recordHead {
		return errForm
	}
	if len(b) < recordHead {
		e.size = recordHead
		return errShort
	}
	e.kind, e.flags = b[8], b[9]
	switch {
	case e.kind == typeRecord && e.flags&^(flagTxn|flagBarrier) == 0:
	case e.kind == typeRecord && e.flags == flagBarrier|flagEcho:
	case e.kind == typeMark && e.flags == 0:
	default:
		return errForm
	}
	if binary.LittleEndian.Uint32(b[4:]) > MaxPayload {
		return errForm
	}
	e.size = sizeOf(b)
	if int64(e.size) > room {
		return errForm
	}
	if len(b) < e.size {
		return errShort
	}
	if binary.LittleEndian.Uint32(b) != sum(seed, b[4:e.size]) {
		return errChecksum
	}
	e.Shard = binary.LittleEndian.Uint16(b[10:])
	e.Seq = binary.LittleEndian.Uint64(b[12:])
	e.Txn, e.barrier = 0, 0
	at := recordHead
	if e.flags&flagTxn != 0 {
		e.Txn = binary.LittleEndian.Uint64(b[at:])
		at += txnField
	}
	if e.flags&flagBarrier != 0 {
		e.barrier = binary.LittleEndian.Uint64(b[at:])
		at += barrierField
		if e.barrier == 0 || e.flags&flagEcho != 0 && at != e.size {
			return errForm
		}
	}
	e.Payload = b[at:e.size:e.size]
	return nil
}

// mark ends the part of a round that one stream holds.
type mark struct {
	round   uint64
	ms      int64  // Unix time in milliseconds, never less than the mark before
	synced  uint64 // the last round known to be synced when this was written
	start   int64  // where in the segment the round's records begin
	records uint32
	streams []uint16 // that have a part of the round, ascending
}

func markSize(streams int) int { return recordHead + markFixed + 2*streams }

// appendMark encodes m with its checksum.
func appendMark(b []byte, m *mark, seed uint32) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(markFixed+2*len(m.streams)))
	b = append(b, typeMark, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, m.round)
	b = append(b, markMagic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.ms))
	b = binary.LittleEndian.AppendUint64(b, m.synced)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.start))
	b = binary.LittleEndian.AppendUint32(b, m.records)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(m.streams)))
	for _, s := range m.streams {
		b = binary.LittleEndian.AppendUint16(b, s)
	}
	binary.LittleEndian.PutUint32(b[at:], sum(seed, b[at+4:]))
	return b
}

// decodeMark reads the mark in an entry. It reuses streams if they are the
// same.
func decodeMark(e *entry, streams []uint16) (m mark, err error) {
	p := e.Payload
	if e.kind != typeMark || len(p) < markFixed || string(p[:8]) != markMagic {
		return m, errForm
	}
	m = mark{
		round:   e.Seq,
		ms:      int64(binary.LittleEndian.Uint64(p[8:])),
		synced:  binary.LittleEndian.Uint64(p[16:]),
		records: binary.LittleEndian.Uint32(p[32:]),
	}
	start := binary.LittleEndian.Uint64(p[24:])
	n := int(binary.LittleEndian.Uint16(p[36:]))
	if n == 0 || n > MaxStreams || len(p) != markFixed+2*n || start > math.MaxInt64 || m.round == 0 || m.synced >= m.round {
		return m, errForm
	}
	m.start = int64(start)
	same := len(streams) == n
	for i := range n {
		s := binary.LittleEndian.Uint16(p[markFixed+2*i:])
		if i > 0 && s <= binary.LittleEndian.Uint16(p[markFixed+2*i-2:]) {
			return m, errForm
		}
		same = same && streams[i] == s
	}
	if !same {
		streams = make([]uint16, n)
		for i := range streams {
			streams[i] = binary.LittleEndian.Uint16(p[markFixed+2*i:])
		}
	}
	m.streams = streams
	return m, nil
}
