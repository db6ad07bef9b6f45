package engine

import (
	"encoding/binary"
	"slices"
)

// Staged is a copy of a large collection that waits for its key. A copy takes
// time in proportion to what is in the collection, and one that is made within a
// transaction keeps everybody from two shards for as long. So it is made
// beforehand, in steps with other work in between; the transaction only gives it
// its name, if the original has not changed meanwhile, and else copies for
// itself.
//
// It is the Txn's that made it. Discard it, whether it was used or not.
type Staged struct {
	t       *Txn
	watch   *Watch // the original
	s       *shard // where the copy is
	handle  uint64
	obj     large // nil: it has its key
	db      int   // the copy's
	key     []byte
	journal Journal

	payload []byte // effects that make the copy, for the journal
	ends    []int  // of each in payload
}

const (
	// stageBytes is the memory of a collection from which on it is staged: it
	// takes some 500 us to copy.
	stageBytes = 256 << 10
	// stageItems are added to the copy under one hold of its shard.
	stageItems = 256
	// stageTries is how often a copy is begun again because the original has
	// changed.
	stageTries = 3
)

// WantsStaging reports whether copying src to dst, or moving it, would take long
// without Stage. The answer is a hint.
func (t *Txn) WantsStaging(src, dst []byte, move bool) bool {
	h := hashKey(src)
	s := t.e.shardOf(h)
	if move && s == t.e.shardOf(hashKey(dst)) {
		return false // it stays where it is
	}
	t.enter(s)
	defer t.leave(s)
	var n entry
	s.find(t.db, h, src, &n)
	return n.found() && isLarge(n.hdr) && s.largeOf(&n).bytes() >= stageBytes
}

// Stage makes a copy of what src holds, which the transaction's next Rename or
// Copy of src to dst in database db will use. Nothing may be locked. It returns
// nil, which may be discarded too, if src holds no large collection or does not
// stay as it is for long enough.
func (t *Txn) Stage(src, dst []byte, db int) *Staged {
	for range stageTries {
		st := &Staged{t: t, watch: t.Watch(src), s: t.e.shardOf(hashKey(dst)), db: db, key: dst}
		worth, done := st.fill(src)
		if done {
			t.staged = st
			return st
		}
		st.Discard()
		if !worth {
			break
		}
	}
	return nil
}

// fill makes the copy and reports whether it is done, and if not, whether to try
// again.
func (st *Staged) fill(src []byte) (worth, done bool) {
	for cursor, more := uint64(0), true; more; more = cursor != 0 {
		from, ok := len(st.ends), false
		if cursor, ok = st.export(src, cursor); !ok {
			return cursor != 0, false
		}
		var ef Effect
		for i := from; i < len(st.ends); i++ {
			if DecodeEffect(&ef, st.effect(i)) != nil || st.add(&ef) != nil {
				return false, false
			}
		}
		if st.journal == nil {
			st.payload, st.ends = st.payload[:0], st.ends[:0]
		}
	}
	return true, true
}

func (st *Staged) effect(i int) []byte {
	from := 0
	if i > 0 {
		from = st.ends[i-1]
	}
	return st.payload[from:st.ends[i]]
}

// export takes the part of the original at cursor.
func (st *Staged) export(src []byte, cursor uint64) (next uint64, ok bool) {
	t, from := st.t, st.watch.s
	t.enter(from)
	defer t.leave(from)
	var n entry
	from.find(st.watch.DB(), hashKey(src), src, &n)
	if !n.found() || !isLarge(n.hdr) || st.watch.Changed(t.Now()) {
		return cursor, false
	}
	if cursor == 0 {
		st.journal = t.e.journal
	}
	next, err := from.exportStep(&n, st.db, st.key, cursor, &t.lane.chunk, func(ef *Effect) error {
		st.payload = AppendEffect(st.payload, ef)
		st.ends = append(st.ends, len(st.payload))
		return nil
	})
	return next, err == nil
}

// add adds a part to the copy.
func (st *Staged) add(ef *Effect) error {
	t, s := st.t, st.s
	for items := ef.Items; len(items) > 0; {
		n := min(stageItems, len(items))
		t.enter(s)
		err := st.addItems(ef, items[:n])
		t.leave(s)
		if err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

func (st *Staged) addItems(ef *Effect, items [][]byte) (err error) {
	s := st.s
	if st.obj == nil {
		if st.obj, err = s.newLarge(ef.Type, nil); err != nil {
			return err
		}
		st.handle = s.larges.add(st.obj)
		s.staged = append(s.staged, st.handle)
	}
	switch o := st.obj.(type) {
	case *setObject:
		for _, m := range items {
			if _, err := o.add(m); err != nil {
				return err
			}
		}
	case *zsetObject:
		for i := 0; i < len(items); i += 2 {
			if err := o.put(items[i], scoreAt(items[i+1])); err != nil {
				return err
			}
		}
	case *hashObject:
		return o.addItems(ef.Kind, items)
	case *list:
		lim := s.e.limits.listLimit()
		for _, elem := range items {
			if err := o.Push(ListRight, elem, lim); err != nil {
				return err
			}
		}
	}
	return nil
}

// serves reports whether the copy is one of src, as it is now, for key of
// database db in s. REQUIRES: both shards are held.
func (st *Staged) serves(src *entry, s *shard, db int, key []byte) bool {
	if st == nil || st.obj == nil || st.s != s || st.db != db || string(st.key) != string(key) {
		return false
	}
	w, t := st.watch, st.t
	return w.DB() == t.db && string(src.rec.Key(src.hdr)) == w.Key() && !w.Changed(t.Now()) && st.journal == t.e.journal
}

// adopt makes the copy the value of key n, which has src's expiry. It takes the
// steps of apply, but the journal is given the effects that made the copy, one for
// each part: the effect here names an object of this process.
func (t *Txn) adopt(s *shard, n, src *entry, st *Staged) error {
	var room [handleBytes]byte
	binary.NativeEndian.PutUint64(room[:], st.handle)
	put := Effect{
		Kind: EffectPut, Type: st.obj.kind(), Form: formLarge, DB: st.db,
		Key: st.key, Value: room[:], ExpireAtMs: src.expireAt(),
	}
	replaced, old := n.found() && isLarge(n.hdr), uint64(0)
	if replaced {
		old = n.handle()
	}
	if err := t.put(s, n, &put); err != nil {
		return err
	}
	if replaced {
		s.bury(old)
	}
	if o, ok := st.obj.(*hashObject); ok {
		s.remind(n, o)
	}
	st.obj = nil
	s.unstage(st.handle)
	if t.e.journal != nil {
		t.journalizeStaged(s, st)
	} else {
		s.seq++
	}
	t.announce(s, n, &put)
	return nil
}

// journalizeStaged adds the effects that make the copy to the transaction's.
func (t *Txn) journalizeStaged(s *shard, st *Staged) {
	g := &t.gathered
	base := len(g.buf)
	if base == 0 {
		g.buf = st.payload // all of it: it is not copied once more
	} else {
		g.buf = append(g.buf, st.payload...)
	}
	for _, end := range st.ends {
		s.seq++
		g.recs = append(g.recs, JournalRecord{Home: s.home, Shard: s.id, Seq: s.seq})
		g.ends = append(g.ends, base+end)
	}
}

func (s *shard) unstage(handle uint64) {
	i := slices.Index(s.staged, handle)
	s.staged = slices.Delete(s.staged, i, i+1)
}

// Discard ends the use of the copy; one that has got no key is freed in steps.
func (st *Staged) Discard() {
	if st == nil {
		return
	}
	t := st.t
	t.staged = nil
	if st.obj != nil {
		t.hold(st.s, func() {
			st.s.unstage(st.handle)
			st.s.bury(st.handle)
		})
	}
	t.hold(st.watch.s, st.watch.release)
}

// hold calls f with s locked, whether the transaction holds it or not.
func (t *Txn) hold(s *shard, f func()) {
	if !t.holds(s) {
		s.mu.lock()
		defer s.mu.unlock()
	}
	f()
}
