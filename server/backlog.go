package server

// pauseBytes of replies that a peer does not take make the server stop reading
// from it: executing more would only pile up memory. Redis reads on without
// bound. A client that sends its whole pipeline before it reads the first
// reply must still get through, therefore a connection on which nothing moves
// for a cron period has its threshold doubled (Server.cronClients), up to what
// client-output-buffer-limit allows. 32 MB is beyond what the kernel buffers
// on both sides and beyond what ordinary pipelines answer.
const pauseBytes = 32 << 20

// backlog is the replies a socket did not take.
type backlog struct {
	buf  []byte
	head int // bytes of buf that have been sent
}

func (b *backlog) len() int { return len(b.buf) - b.head }

// pending is the bytes to send next.
func (b *backlog) pending() []byte { return b.buf[b.head:] }

// add appends a copy of p. The sent part is overwritten once it is half of the
// buffer, so that a peer that reads slowly but steadily costs linear time.
func (b *backlog) add(p []byte) {
	if b.head > 0 && b.head >= len(b.buf)-b.head {
		n := copy(b.buf, b.buf[b.head:])
		b.buf, b.head = b.buf[:n], 0
	}
	b.buf = append(b.buf, p...)
}

// sent drops the first n bytes, and the buffer with the last of them.
func (b *backlog) sent(n int) {
	b.head += n
	if b.head == len(b.buf) {
		b.buf, b.head = nil, 0
	}
}
