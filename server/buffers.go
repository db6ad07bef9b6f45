package server

import "math/bits"

const (
	minBufferBits = 9  // 512 bytes
	maxBufferBits = 20 // 1 MB: larger buffers go back to the collector
	buffersKept   = 8  // of each size; 16 MB of an executor at the very most
)

// growLimit bounds how far an announced length makes an input buffer grow ahead
// of the bytes that have arrived. Doubling from there keeps the copying linear,
// and a client cannot make the server allocate 512 MB by a line.
const growLimit = 1 << 20

// bufferPool lends buffers to connections that hold part of a command or
// replies. It belongs to one executor, so it needs no lock.
type bufferPool struct {
	free [maxBufferBits + 1][][]byte
}

// get returns an empty buffer with room for at least n bytes.
func (p *bufferPool) get(n int) []byte {
	class := max(bits.Len(uint(max(n, 1)-1)), minBufferBits)
	if class > maxBufferBits {
		return make([]byte, 0, n)
	}
	list := p.free[class]
	if len(list) == 0 {
		return make([]byte, 0, 1<<class)
	}
	b := list[len(list)-1]
	p.free[class] = list[:len(list)-1]
	return b
}

// put takes a buffer back. A buffer whose front was sliced away is filed under
// the room it has left.
func (p *bufferPool) put(b []byte) {
	class := bits.Len(uint(cap(b))) - 1
	if class < minBufferBits || class > maxBufferBits || len(p.free[class]) == buffersKept {
		return
	}
	p.free[class] = append(p.free[class], b[:0])
}

// grow returns b with room for at least n more bytes.
func (p *bufferPool) grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	bigger := append(p.get(max(len(b)+n, 2*len(b))), b...)
	p.put(b)
	return bigger
}
