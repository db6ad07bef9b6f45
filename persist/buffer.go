package persist

// buffer collects encoded records, without checksums, in chunks: growing never
// moves what is there, for that could take long under a lock.
type buffer struct {
	full [][]byte // chunks, each a sequence of whole records
	last []byte   // the chunk that is being filled
	size int      // in all
}

const (
	chunkSize = 256 << 10 // but for a record that is larger
	// keepChunks bounds the empty chunks that a stream keeps.
	keepChunks = 4 << 20 / chunkSize
)

// add encodes a record into the stream's buffer. The caller holds mu.
func (s *stream) add(r *Record) {
	need := recordHead + txnField + len(r.Payload)
	b := &s.buf
	if cap(b.last)-len(b.last) < need+maxMark { // a mark must fit behind it
		s.grow(need)
	}
	before := len(b.last)
	b.last = appendRecord(b.last, r)
	b.size += len(b.last) - before
}

// grow begins a chunk for a record of need bytes. It is seldom called, and would
// make its callers long.
//
//go:noinline
func (s *stream) grow(need int) {
	b := &s.buf
	if len(b.last) > 0 {
		b.full = append(b.full, b.last)
		b.last = nil
	}
	switch n := len(s.free); {
	case need > chunkSize:
		b.last = make([]byte, 0, need+maxMark)
	case n > 0:
		b.last, s.free = s.free[n-1], s.free[:n-1]
	default:
		b.last = make([]byte, 0, chunkSize+maxMark)
	}
}

// take moves everything to the empty list into, and returns it with the number
// of bytes. The caller holds mu.
func (s *stream) take(into [][]byte) ([][]byte, int) {
	b := &s.buf
	into = append(into, b.full...)
	into = append(into, b.last)
	size := b.size
	clear(b.full)
	b.full, b.last, b.size = b.full[:0], nil, 0
	s.told = false
	return into, size
}

// giveBack returns chunks that were taken.
func (s *stream) giveBack(chunks [][]byte) {
	s.mu.Lock()
	for _, c := range chunks {
		if cap(c) == chunkSize+maxMark && len(s.free) < keepChunks {
			s.free = append(s.free, c[:0])
		}
	}
	s.mu.Unlock()
	clear(chunks)
}
