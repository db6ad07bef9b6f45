package engine

import (
	"math"
	"sync/atomic"
)

// Commit tells which round of the journal takes something that was done, also
// while that cannot be known yet because the transaction has not ended. The zero
// Commit is that of nothing. Immutable; its methods are for any goroutine.
type Commit struct {
	round uint64
	open  *atomic.Uint64 // of a transaction that had not ended, or nil
}

// NotYet is later than every round.
const NotYet = math.MaxUint64

// Round returns the round, 0 for one that nobody need wait for, NotYet while it
// is not known.
func (c Commit) Round() uint64 {
	if c.open != nil {
		return c.open.Load()
	}
	return c.round
}

// NotBefore returns the later of c and a round that took a change already.
func (c Commit) NotBefore(round uint64) Commit {
	c.round = max(c.round, round) // one that is open takes a later round
	return c
}

// Covers reports whether o has certainly been taken when c has.
func (c Commit) Covers(o Commit) bool {
	if c.open != nil || o.open != nil {
		return c.open == o.open || o == Commit{}
	}
	return c.round >= o.round
}

// Commit is that of all the lane has done since the last TakeRound.
func (l *Lane) Commit() Commit { return l.txn.commit() }

func (t *Txn) commit() Commit {
	if len(t.gathered.recs) == 0 {
		return Commit{round: t.lane.round}
	}
	if t.awaited == nil {
		t.awaited = new(atomic.Uint64)
		t.awaited.Store(NotYet)
	}
	return Commit{open: t.awaited}
}

// committed tells those who have asked for its Commit the transaction's round.
func (t *Txn) committed() {
	if t.awaited != nil {
		t.awaited.Store(t.lane.round)
		t.awaited = nil
	}
}
