package persist

// buffer collects encoded records, without checksums, in chunks: growing never
// moves what is there, for that could take long under a lock.
type buffer struct {
	full  [][]byte // chunks, each a sequence of whole records
	whole int      // bytes in full
	last  []byte   // the chunk that is being filled; its capacity is for a mark, too
	used  int      // bytes of last
}

func (b *buffer) size() int { return b.whole + b.used }

const (
	chunkSize = 256 << 10 // but for a record that is larger
	// keepChunks bounds the empty chunks that a stream keeps.
	keepChunks = 4 << 20 / chunkSize
)

// add encodes a record into the stream's buffer. The caller holds mu.
func (s *stream) add(r *Record) {
	need := recordHead + txnField + len(r.Payload)
	size := putRecord(s.room(need), r)
	s.buf.used += size // which room may have changed
}

// room returns the rest of the last chunk, which has need bytes or more. The caller
// holds mu.
func (s *stream) room(need int) []byte {
	if len(s.buf.last)-s.buf.used < need {
		s.grow(need)
	}
	return s.buf.last[s.buf.used:]
}

// grow begins a chunk for a record of need bytes. It is seldom called, and would
// make its callers long.
//
//go:noinline
func (s *stream) grow(need int) {
	b := &s.buf
	if b.used > 0 {
		b.full = append(b.full, b.last[:b.used])
		b.whole += b.used
		b.used = 0
	}
	switch n := len(s.free); {
	case need > chunkSize:
		b.last = make([]byte, need, need+maxMark)
	case n > 0:
		b.last, s.free = s.free[n-1], s.free[:n-1]
	default:
		b.last = make([]byte, chunkSize, chunkSize+maxMark)
	}
}

// take moves everything to the empty list into, and returns it with the number
// of bytes. The caller holds mu.
func (s *stream) take(into [][]byte) ([][]byte, int) {
	b := &s.buf
	into = append(into, b.full...)
	into = append(into, b.last[:b.used])
	size := b.size()
	clear(b.full)
	*b = buffer{full: b.full[:0]}
	s.told = false
	return into, size
}

// giveBack returns chunks that were taken.
func (s *stream) giveBack(chunks [][]byte) {
	s.mu.Lock()
	for _, c := range chunks {
		if cap(c) == chunkSize+maxMark && len(s.free) < keepChunks {
			s.free = append(s.free, c[:chunkSize])
		}
	}
	s.mu.Unlock()
	clear(chunks)
}
