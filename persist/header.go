package persist

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The layout of a segment's header: FORMAT.md, "Segments".
const (
	segmentMagic = "HPKVSEG\n"
	segmentHead  = 64
	version      = 1
)

var errHeader = errors.New("the segment has no valid header")

// header begins a segment. It is written together with the segment's first
// round.
type header struct {
	stream     uint16
	generation uint64
	number     uint64
	uid        uint64 // seeds the checksums of the segment
	first      uint64 // the first round in it
	ms         int64  // when it was begun
}

func (h *header) encode() []byte {
	b := make([]byte, 0, segmentHead)
	b = append(b, segmentMagic...)
	b = binary.LittleEndian.AppendUint16(b, version)
	b = binary.LittleEndian.AppendUint16(b, h.stream)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, h.generation)
	b = binary.LittleEndian.AppendUint64(b, h.number)
	b = binary.LittleEndian.AppendUint64(b, h.uid)
	b = binary.LittleEndian.AppendUint64(b, h.first)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.ms))
	b = binary.LittleEndian.AppendUint32(b, 0)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeHeader(b []byte) (h header, err error) {
	if len(b) < segmentHead || string(b[:8]) != segmentMagic {
		return h, errHeader
	}
	if binary.LittleEndian.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli) {
		return h, errHeader
	}
	if v := binary.LittleEndian.Uint16(b[8:]); v != version {
		return h, fmt.Errorf("the segment has format version %d; this program knows %d", v, version)
	}
	if binary.LittleEndian.Uint32(b[12:]) != 0 || binary.LittleEndian.Uint32(b[56:]) != 0 {
		return h, errHeader
	}
	return header{
		stream:     binary.LittleEndian.Uint16(b[10:]),
		generation: binary.LittleEndian.Uint64(b[16:]),
		number:     binary.LittleEndian.Uint64(b[24:]),
		uid:        binary.LittleEndian.Uint64(b[32:]),
		first:      binary.LittleEndian.Uint64(b[40:]),
		ms:         int64(binary.LittleEndian.Uint64(b[48:])),
	}, nil
}
