package server

import "hpkv/engine"

// withheld is what a client is not told yet: replies of changes that are not on
// disk as appendfsync always promises, messages of such changes, and what is
// behind them. Owner.
type withheld struct {
	buf   []byte
	marks []withheldMark
}

// withheldMark says that what is from an offset on may go when something is
// durable.
type withheldMark struct {
	from  int
	after engine.Commit
}

// keepWithheld is the largest buffer kept for the next replies.
const keepWithheld = 64 << 10

func (h *withheld) len() int { return len(h.buf) }

// none reports whether there is nothing to wait for.
func (h *withheld) none() bool { return len(h.marks) == 0 }

// mark has what is added from now on wait for after as well.
func (h *withheld) mark(after engine.Commit) {
	if n := len(h.marks); n == 0 || !h.marks[n-1].after.Covers(after) {
		h.marks = append(h.marks, withheldMark{len(h.buf), after})
	}
}

// add keeps a copy of p behind the marks. REQUIRES: there is one.
func (h *withheld) add(p []byte) { h.buf = append(h.buf, p...) }

// ready returns what may go when all rounds up to durable are, and the number of
// marks that are done with.
func (h *withheld) ready(durable uint64) (p []byte, marks int) {
	for i := range h.marks {
		if h.marks[i].after.Round() > durable {
			return h.buf[:h.marks[i].from], i
		}
	}
	return h.buf, len(h.marks)
}

// drop forgets the first n bytes and marks, which ready returned.
func (h *withheld) drop(n, marks int) {
	if marks == len(h.marks) && cap(h.buf) > keepWithheld {
		*h = withheld{}
		return
	}
	h.buf = h.buf[:copy(h.buf, h.buf[n:])]
	h.marks = h.marks[:copy(h.marks, h.marks[marks:])]
	for i := range h.marks {
		h.marks[i].from -= n
	}
}

// withhold has what is delivered to the client from now on wait until after is
// durable. Owner.
func (c *client) withhold(after engine.Commit) {
	if round := after.Round(); round != 0 && c.srv.durability.mustWait(round) {
		c.withheld.mark(after)
	}
}

// commit is what must be durable before others may hear of what the executor has
// done for its client.
func (x *executor) commit() engine.Commit {
	after := x.lane.Commit()
	if x.c != nil {
		after = after.NotBefore(x.c.round)
	}
	return after
}

// deliver hands replies to the connection, or keeps them until the round that
// took the changes they tell of is durable; round is 0 if they tell of none.
// Replies stay in order. Owner.
func (c *client) deliver(p []byte, round uint64) {
	if len(p) == 0 {
		return
	}
	c.withhold(engine.Commit{}.NotBefore(round))
	if c.withheld.none() {
		c.link.send(p)
		return
	}
	c.withheld.add(p)
	c.deliverWithheld()
}

// deliverWithheld sends what may go by now and asks to be woken for the rest.
// When the log has failed nothing more will ever be durable: the client is cut
// off, which tells it as much as can be told of its changes. Owner.
func (c *client) deliverWithheld() {
	d := &c.srv.durability
	for asked := false; !c.withheld.none(); {
		p, marks := c.withheld.ready(d.released())
		switch {
		case marks > 0:
			if len(p) > 0 {
				c.link.send(p)
			}
			c.withheld.drop(len(p), marks)
		case d.lost():
			c.kill()
			return
		case asked:
			return
		default: // and look again: it may have become durable before
			c.link.await()
			asked = true
		}
	}
}
