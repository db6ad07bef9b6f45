package server

// withheld is what a client is not told yet: replies of changes that are not on
// disk as appendfsync always promises, and replies behind them. Owner.
type withheld struct {
	buf   []byte
	marks []withheldMark // rounds ascend
}

// withheldMark says that the replies up to an offset may go when a round of the
// log is durable.
type withheldMark struct {
	round uint64
	end   int
}

// keepWithheld is the largest buffer kept for the next replies.
const keepWithheld = 64 << 10

func (h *withheld) len() int { return len(h.buf) }

// add keeps a copy of p until round is durable, and until all before it went.
func (h *withheld) add(p []byte, round uint64) {
	h.buf = append(h.buf, p...)
	if n := len(h.marks); n > 0 && h.marks[n-1].round >= round {
		h.marks[n-1].end = len(h.buf)
		return
	}
	h.marks = append(h.marks, withheldMark{round, len(h.buf)})
}

// ready returns the replies that may go when all rounds up to durable are.
func (h *withheld) ready(durable uint64) []byte {
	end := 0
	for _, m := range h.marks {
		if m.round > durable {
			break
		}
		end = m.end
	}
	return h.buf[:end]
}

// drop forgets the first n bytes, which ready returned.
func (h *withheld) drop(n int) {
	if n == len(h.buf) {
		if cap(h.buf) > keepWithheld {
			*h = withheld{}
		}
		h.buf, h.marks = h.buf[:0], h.marks[:0]
		return
	}
	h.buf = h.buf[:copy(h.buf, h.buf[n:])]
	kept := h.marks[:0]
	for _, m := range h.marks {
		if m.end > n {
			kept = append(kept, withheldMark{m.round, m.end - n})
		}
	}
	h.marks = kept
}

// deliver hands replies to the connection, or keeps them until the round that
// took the changes they tell of is durable; round is 0 if they tell of none.
// Replies stay in order. Owner.
func (c *client) deliver(p []byte, round uint64) {
	d := &c.srv.durability
	if c.withheld.len() == 0 && (round == 0 || !d.mustWait(round)) {
		if len(p) > 0 {
			c.link.send(p)
		}
		return
	}
	if len(p) == 0 {
		return
	}
	c.withheld.add(p, round)
	c.link.await()
	if !d.mustWait(round) || d.lost() { // it became so before we asked to be woken
		c.deliverWithheld()
	}
}

// deliverWithheld sends what may go by now and asks to be woken for the rest.
// When the log has failed nothing more will ever be durable: the client is cut
// off, which tells it as much as can be told of its changes. Owner.
func (c *client) deliverWithheld() {
	d := &c.srv.durability
	for c.withheld.len() > 0 {
		p := c.withheld.ready(d.released())
		if len(p) > 0 {
			c.link.send(p)
			c.withheld.drop(len(p))
			continue
		}
		if d.lost() {
			c.kill()
			return
		}
		c.link.await()
		if len(c.withheld.ready(d.released())) == 0 && !d.lost() {
			return
		}
	}
}
