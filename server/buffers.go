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
	free    [maxBufferBits + 1][][]byte
	dropped int64 // bytes of buffers that were too large to be kept; see executor.letGo
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
	if class > maxBufferBits {
		p.dropped += int64(cap(b))
	}
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

// pauseBytes of replies that a peer does not take make the server stop reading
// from it: executing more would only pile up memory. Redis reads on without
// bound. A client that sends its whole pipeline before it reads the first
// reply must still get through, therefore a connection on which nothing moves
// for a cron period has its threshold doubled (Server.cronBacklog), up to what
// client-output-buffer-limit allows. 32 MB is beyond what the kernel buffers
// on both sides and beyond what ordinary pipelines answer.
const pauseBytes = 32 << 20

// sateBytes of replies that a peer does not take make the server stop executing a
// connection's commands while it still reads them, up to hungryBytes: they take
// less room than the replies would, and the replies of a long pipeline are still in
// the processor's cache when they are sent. A peer that waits for what its commands
// do elsewhere, and reads nothing, has its threshold doubled as for pauseBytes.
const (
	sateBytes   = 256 << 10
	hungryBytes = 256 << 10
)

// backlog is the replies a socket did not take.
type backlog struct {
	buf  []byte
	head int // bytes of buf that have been sent
}

func (b *backlog) len() int { return len(b.buf) - b.head }

// pending is the bytes to send next.
func (b *backlog) pending() []byte { return b.buf[b.head:] }

// add appends a copy of p, in memory of a pool if there is one. The sent part is
// overwritten once it is half of the buffer, so that a peer that reads slowly but
// steadily costs linear time.
func (b *backlog) add(p []byte, pool *bufferPool) {
	if b.head > 0 && b.head >= len(b.buf)-b.head {
		n := copy(b.buf, b.buf[b.head:])
		b.buf, b.head = b.buf[:n], 0
	}
	if pool != nil {
		b.buf = pool.grow(b.buf, len(p))
	}
	b.buf = append(b.buf, p...)
}

// sent drops the first n bytes, and the buffer with the last of them, which the pool
// gets if there is one.
func (b *backlog) sent(n int, pool *bufferPool) {
	b.head += n
	if b.head == len(b.buf) {
		if pool != nil {
			pool.put(b.buf)
		}
		b.buf, b.head = nil, 0
	}
}
