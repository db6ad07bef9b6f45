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
//     effect that removed it here. An effect that takes the last element of a
//     collection might leave some of a list that the replay has in part only, so
//     while a walk goes on the removal is journalled for itself;
//   - a position is the key's hash, so a key that is created, moved in memory or
//     carried along by the growth of the index keeps it;
//   - flushing a database empties it in the replay too, whatever was passed of it;
//     the walk goes on, since keys that were stored between the beginning of the
//     walk and that of the replay are known to the walk alone. Swapping two
//     databases exchanges what was passed of them together with their keys;
//   - a key that another one is renamed to is captured right away: the replay may
//     know nothing of what the other one held, or a part.
//
// At the end all positions were passed, so the replay holds the same as the
// shard. A long string and a large collection are captured in pieces, under the
// same rule: the positions are offsets, and elements. The pieces replace nothing
// as a whole. Should the journal end among them, what it held before the walk is
// still there, and a replay of all of it has met the whole value before; the
// pieces say what is in it already.
//
// The elements of a list have no places of their own: each change at the left
// moves all others. Its pieces therefore begin where the list's mark is, which
// goes along with the elements before it (see deque.List.Mark), and the promise
// is about these: a replay has the elements before the mark, in order, and behind
// them whatever it made of changes of the others. No effect may then concern the
// elements before the mark in one way here and in another there:
//
//   - pushes at the left, insertions, replacements, and removals counted from the
//     left, have positions that are the same in both, or lie behind the mark in
//     both;
//   - pushes at the right come behind the mark in both;
//   - what drops elements at the right says how many are left (EffectListKeep)
//     and not how many go: in the replay there may be fewer or more of them;
//   - removals counted from the right say which position was the leftmost.
//
// A piece drops what the replay has behind the mark, unless it is what the piece
// itself says, as it is in a replay of everything. The last piece says where the
// list ends.
type capture struct {
	dbs   []capturePos
	parts []capturePart
}

// capturePos is how far the walk has come in a database.
type capturePos struct {
	next uint64
	done bool
}

// capturePart is a key whose value is captured in pieces, or out of its turn.
type capturePart struct {
	db  int
	key []byte
	typ Type
	at  uint64 // what is captured: an offset, or a cursor of exportStep
	// list is the one that the key held at the last step: its mark is how far that
	// came.
	list *list
}

// Bounds of one step under the lock, together with those of a chunk; it takes
// some 100 us at most.
const (
	captureStep  = 64
	captureBytes = 64 << 10
	// captureWholeMax is the longest string captured in one piece.
	captureWholeMax = 16 << 10
)

// BeginCapture starts a capture of the shard, or starts it again. It comes before
// the point in the journal from which on a replay shall do.
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

// CaptureStep is what one step of a capture did.
type CaptureStep struct {
	Effects int // that it put into the journal
	Bytes   int // of these, encoded
	Done    bool
}

// Capture goes on with the capture of the shard for a bounded time. The step is Done
// when the capture has come to its end. It fails with ErrNoCapture when none is under
// way, and when the journal has gone: what was not captured must not be taken for
// it.
func (l *Lane) Capture(shard int) (step CaptureStep, err error) {
	t := l.Begin(0)
	s := t.e.shards[shard]
	t.wantShard(s) // what a step journals is one transaction: a list's last piece and its end belong together
	t.LockWanted()
	defer t.End()
	if s.capture == nil || t.e.journal == nil {
		return CaptureStep{}, ErrNoCapture
	}
	more := t.captureMore(s)
	if !more {
		s.capture = nil
	}
	return CaptureStep{Effects: len(t.gathered.recs), Bytes: len(t.gathered.buf), Done: !more}, nil
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
// took; what takes long is left to later steps.
func (t *Txn) captureRecord(s *shard, db int, ref alloc.Ref) int {
	rec := s.recordAt(ref)
	hdr := rec.Header()
	if isLarge(hdr) || isString(hdr) && hdr.ValueLen > captureWholeMax {
		s.capture.parts = append(s.capture.parts, capturePart{db: db, key: bytes.Clone(rec.Key(hdr)), typ: typeOf(hdr.Type())})
		return 0
	}
	t.captureWhole(s, db, &entry{ref: ref, rec: rec, hdr: hdr})
	return hdr.Size()
}

// captureWhole journals all of n.
func (t *Txn) captureWhole(s *shard, db int, n *entry) {
	t.effect = Effect{
		Kind: EffectPut, Type: typeOf(n.hdr.Type()), Form: n.hdr.Form(), DB: db,
		Key: n.rec.Key(n.hdr), Value: n.value(), ExpireAtMs: n.expireAt(),
	}
	t.captured(s)
}

// capturePart journals the next piece of a key's value, and at the end its
// expiry. A key that was removed or replaced meanwhile is in the journal as it
// became then: of it, too, the pieces say what is.
func (t *Txn) capturePart(s *shard, p *capturePart) {
	var n entry
	s.find(p.db, hashKey(p.key), p.key, &n)
	more := false
	switch {
	case !n.found() || typeOf(n.hdr.Type()) != p.typ:
	case p.typ == TypeString && (p.at > 0 || n.hdr.ValueLen > captureWholeMax):
		more = t.captureSplice(s, &n, p)
	case !isLarge(n.hdr):
		t.captureWhole(s, p.db, &n)
	case p.typ == TypeList:
		more = t.captureList(s, &n, p)
	default:
		more = t.captureElements(s, &n, p)
	}
	if !more {
		s.capture.parts = s.capture.parts[:len(s.capture.parts)-1]
	}
}

func (t *Txn) captureSplice(s *shard, n *entry, p *capturePart) (more bool) {
	size := uint64(n.hdr.ValueLen)
	from, to := min(p.at, size), min(p.at+captureBytes, size)
	if from == to {
		t.captureExpiry(s, n, p)
		return false
	}
	t.effect = Effect{Kind: EffectSplice, DB: p.db, Key: p.key, Value: n.value()[from:to], Offset: int64(from)}
	t.captured(s)
	p.at = to
	return true
}

func (t *Txn) captureExpiry(s *shard, n *entry, p *capturePart) {
	t.effect = Effect{Kind: EffectExpire, DB: p.db, Key: p.key, ExpireAtMs: n.expireAt()}
	t.captured(s)
}

// captureElements journals the elements of a set, hash or sorted set at p.at.
func (t *Txn) captureElements(s *shard, n *entry, p *capturePart) (more bool) {
	c := &t.lane.chunk
	p.at, _ = s.exportStep(n, p.db, p.key, p.at, c, func(ef *Effect) error {
		if t.effect = *ef; ef.Kind == EffectPut {
			t.effect.Kind = c.kind
		}
		t.captured(s)
		return nil
	})
	if p.at == 0 {
		t.captureExpiry(s, n, p)
	}
	return p.at != 0
}

// captureList journals the elements of a list behind its mark.
func (t *Txn) captureList(s *shard, n *entry, p *capturePart) (more bool) {
	l := s.largeOf(n).(*list)
	if p.list != l {
		p.list = l
		l.SetMark(0)
	}
	c := &t.lane.chunk
	c.reset()
	c.add(c.number(uint64(l.Mark())))
	next := l.export(uint64(l.Mark()), c)
	t.effect = Effect{Kind: EffectListPlace, DB: p.db, Key: p.key, Items: c.items, ExpireAtMs: n.expireAt()}
	t.captured(s)
	if next != 0 {
		l.SetMark(int(next))
		return true
	}
	t.effect = Effect{Kind: EffectListKeep, DB: p.db, Key: p.key, Items: [][]byte{c.number(0), c.number(uint64(l.Len()))}}
	t.captured(s)
	t.captureExpiry(s, n, p)
	return false
}

// captureAbsence journals that an effect has removed its key.
func (t *Txn) captureAbsence(s *shard, ef *Effect) {
	gone := Effect{Kind: EffectRemove, DB: ef.DB, Key: ef.Key}
	s.seq++
	s.captured++
	t.journalize(s, &gone)
}

// captured journals t.effect, which changes nothing here.
func (t *Txn) captured(s *shard) {
	s.seq++
	s.captured++
	t.journalize(s, &t.effect)
}

// renamed notes that a key has got what another one held, which the replay may not
// have had: it is captured now, wherever its position. REQUIRES: the shard's lock.
func (c *capture) renamed(db int, key []byte, typ Type) {
	if c != nil {
		c.parts = append(c.parts, capturePart{db: db, key: bytes.Clone(key), typ: typ})
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
