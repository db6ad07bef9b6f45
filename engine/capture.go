package engine

import (
	"bytes"

	"hpkv/engine/alloc"
)

// capture is the state of a walk over a shard that puts every key's whole state
// into the journal, so that what the journal held of the shard before the walk
// began is not needed any more.
//
// The walk goes through each database in the order of positions in the index,
// in steps, with changes in between. Its promise: when the journal is replayed
// from the beginning of the walk on, into an empty shard, then at every moment
// the keys at positions that were passed are as they are here; nothing is
// promised about the others. It holds because
//
//   - a key that is passed is put into the journal as it is then, replacing
//     whatever an incomplete replay made of it, and every later change of it
//     comes later in the journal;
//   - a key that was absent when its position was passed is absent in the
//     replay: what the replay may have made of it has been removed by the same
//     effect that removed it here;
//   - a position is the key's hash, so a key that is created, moved in memory or
//     carried along by the growth of the index keeps it;
//   - flushing a database leaves nothing behind to be captured, and swapping two
//     exchanges what was passed of them together with their keys.
//
// At the end all positions were passed, so the replay holds the same as the
// shard. A long value is captured in pieces, under the same rule: its positions
// are its offsets.
type capture struct {
	dbs   []capturePos
	parts []capturePart
}

// capturePos is how far the walk has come in a database.
type capturePos struct {
	next uint64
	done bool
}

// capturePart is a key at a passed position whose value is still to be captured
// from some offset on. Of a large collection the offset is the cursor of its
// export; what is exported may be of different moments as well, see exportStep.
type capturePart struct {
	db    int
	key   []byte
	off   int
	large bool // off is a cursor
}

// Bounds of one step under the lock, of some 50 us at most.
const (
	captureStep  = 64
	captureBytes = 64 << 10
	// captureWhole is the longest value captured in one piece.
	captureWhole = 16 << 10
)

// BeginCapture starts a capture of the shard, or starts it again.
func (e *Engine) BeginCapture(shard int) {
	s := e.shards[shard]
	s.mu.lock()
	s.capture = &capture{dbs: make([]capturePos, e.databases)}
	s.mu.unlock()
}

// EndCapture gives a capture up that has not come to its end.
func (e *Engine) EndCapture(shard int) {
	s := e.shards[shard]
	s.mu.lock()
	s.capture = nil
	s.mu.unlock()
}

// Capture goes on with the capture of the shard for a bounded time and reports
// whether it has come to its end, which is also the case when none was begun
// or there is no journal.
func (l *Lane) Capture(shard int) (done bool) {
	t := l.Begin(0)
	s := t.e.shards[shard]
	t.wantShard(s) // what a step journals is one transaction: a list's pieces belong together
	t.lockWanted()
	defer t.End()
	if s.capture == nil || t.e.journal == nil {
		return true
	}
	if t.captureMore(s) {
		return false
	}
	s.capture = nil
	return true
}

// captureMore does one step and reports whether there is more to do.
func (t *Txn) captureMore(s *shard) bool {
	c := s.capture
	room := captureBytes
	if len(c.parts) > 0 {
		t.capturePart(s, &c.parts[len(c.parts)-1])
		return true
	}
	keys := captureStep
	for db := range c.dbs {
		p := &c.dbs[db]
		for !p.done {
			if keys <= 0 || room <= 0 {
				return true
			}
			ks := s.keyspace(db, false)
			if ks == nil {
				p.done = true
				break
			}
			p.next = ks.table.Scan(p.next, func(ref alloc.Ref) {
				keys--
				room -= t.captureRecord(s, db, ref)
			})
			keys--
			p.done = p.next == 0
			if len(c.parts) > 0 {
				return true
			}
		}
	}
	return false
}

// captureRecord journals what a record holds and returns how many bytes that
// took; a long value is left to later steps.
func (t *Txn) captureRecord(s *shard, db int, ref alloc.Ref) int {
	rec := s.recordAt(ref)
	hdr := rec.Header()
	if hdr.ValueLen > captureWhole || isLarge(hdr) {
		s.capture.parts = append(s.capture.parts, capturePart{db: db, key: bytes.Clone(rec.Key(hdr))})
		return 0
	}
	t.captureState(s, db, &entry{ref: ref, rec: rec, hdr: hdr}, hdr.ValueLen)
	return hdr.Size()
}

// captureState journals n with the first size bytes of its value.
func (t *Txn) captureState(s *shard, db int, n *entry, size int) {
	t.effect = Effect{
		Kind: EffectPut, Type: typeOf(n.hdr.Type()), Form: n.hdr.Form(), DB: db,
		Key: n.rec.Key(n.hdr), Value: n.value()[:size], ExpireAtMs: n.expireAt(),
	}
	t.captured(s)
}

// capturePart journals the next piece of a long string. Strings do not get
// shorter but by a put, and every change is journalled by offset: the pieces
// may be of different moments.
func (t *Txn) capturePart(s *shard, p *capturePart) {
	c := s.capture
	var n entry
	s.find(p.db, hashKey(p.key), p.key, &n)
	size := n.hdr.ValueLen
	switch {
	case !n.found():
		size = 0
	case p.large || p.off == 0 && isLarge(n.hdr):
		if !isLarge(n.hdr) { // made anew since: its effects are behind the first part
			size = 0
			break
		}
		p.large = true
		for more := true; more; more = p.off != 0 && n.hdr.Type() == TypeList.stored() {
			next, _ := s.exportStep(&n, p.db, p.key, uint64(p.off), &t.lane.chunk, func(ef *Effect) error {
				t.effect = *ef
				t.captured(s)
				return nil
			})
			p.off = int(next)
		}
		size = 0
		if p.off != 0 {
			size = p.off + 1
		}
	case p.off == 0:
		if isString(n.hdr) {
			p.off = min(captureBytes, size)
		} else {
			p.off = size
		}
		t.captureState(s, p.db, &n, p.off)
	case isString(n.hdr) && p.off < size:
		end := min(p.off+captureBytes, size)
		t.effect = Effect{Kind: EffectSplice, DB: p.db, Key: p.key, Value: n.value()[p.off:end], Offset: int64(p.off)}
		t.captured(s)
		p.off = end
	default:
		size = 0
	}
	if p.off >= size {
		c.parts = c.parts[:len(c.parts)-1]
	}
}

// captured journals t.effect, which changes nothing here.
func (t *Txn) captured(s *shard) {
	s.seq++
	s.captured++
	t.journalize(s, &t.effect)
}

// flushed notes that nothing of db is left to be captured: it is empty. REQUIRES:
// the shard's lock.
func (c *capture) flushed(db int) {
	if c != nil {
		c.dbs[db].done = true
	}
}

// swapped notes that two databases have exchanged their keys. REQUIRES: the
// shard's lock.
func (c *capture) swapped(a, b int) {
	if c == nil {
		return
	}
	c.dbs[a], c.dbs[b] = c.dbs[b], c.dbs[a]
	for i := range c.parts {
		switch p := &c.parts[i]; p.db {
		case a:
			p.db = b
		case b:
			p.db = a
		}
	}
}
