package engine

import (
	"encoding/binary"
	"fmt"

	"hpkv/engine/alloc"
	"hpkv/engine/index"
)

// Fields of hashes may expire. A hash that has such fields is large: each keeps
// its time in its element, and the hash keeps them in the order of time. The
// shard keeps its hashes in the order in which they have something to do. Fields
// whose time has come are removed when their hash is next used, or by background
// work; whoever reads a hash therefore meets none.

// timer is an entry of a timers heap. It may be stale: what it is about may be
// gone or have another time by now. Who acts on it finds out.
type timer struct {
	atMs int64
	hash uint64 // of a field, or of a hash's key
	id   uint32 // a hash's handle
}

// timers is a heap, the earliest first.
type timers []timer

func (ts *timers) push(t timer) {
	h := append(*ts, t)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if h[up].atMs <= h[i].atMs {
			break
		}
		h[up], h[i] = h[i], h[up]
		i = up
	}
	*ts = h
}

func (ts *timers) pop() {
	h := *ts
	last := len(h) - 1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			break
		}
		if down+1 < last && h[down+1].atMs < h[down].atMs {
			down++
		}
		if h[i].atMs <= h[down].atMs {
			break
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
	*ts = h
}

// never is later than any expiry.
const never = 1<<63 - 1

// due returns when the hash has something to do next.
func (o *hashObject) due() int64 {
	if o.timed == 0 || len(o.timers) == 0 {
		return never
	}
	return o.timers[0].atMs
}

// setExpiry gives the field at slot an expiry, 0 for none.
func (o *hashObject) setExpiry(slot *index.Slot, h uint64, atMs int64) error {
	ref := slot.Ref()
	was := o.expireAt(ref)
	if was == atMs {
		return nil
	}
	field, val := o.pair(ref)
	if _, err := o.set(slot, field, val, atMs); err != nil {
		return err
	}
	o.count1(was, -1)
	o.count1(atMs, 1)
	if atMs != 0 {
		o.latest = max(o.latest, atMs)
		o.addTimer(h, atMs)
	}
	return nil
}

// count1 counts a field that has an expiry in or out.
func (o *hashObject) count1(atMs int64, by int) {
	if atMs != 0 {
		o.timed += by
	}
}

func (o *hashObject) addTimer(h uint64, atMs int64) {
	if len(o.timers) > 2*o.timed+staleTimers {
		o.timers = o.timers[:0]
		visit := func(ref alloc.Ref) {
			if at := o.expireAt(ref); at != 0 {
				o.timers.push(timer{atMs: at, hash: elemHash(o.key(ref))})
			}
		}
		for pos := o.table.Scan(0, visit); pos != 0; {
			pos = o.table.Scan(pos, visit)
		}
		return
	}
	o.timers.push(timer{atMs: atMs, hash: h})
}

// staleTimers is how many stale timers are not worth a rebuild.
const staleTimers = 64

// remind makes sure that the shard looks at a hash when it has something to do.
// It must be called after fields got expiries; n is the hash's key.
func (s *shard) remind(n *entry, o *hashObject) {
	if at := o.due(); at < o.reminded {
		o.reminded = at
		s.timed.push(timer{atMs: at, hash: n.hash, id: uint32(n.handle())})
	}
}

// hashExpire carries out EffectHashExpire.
func (t *Txn) hashExpire(s *shard, n *entry, ef *Effect) (left int, err error) {
	items := ef.Items
	ef.Items = ef.Items[:0]
	if !n.found() {
		return 0, nil
	}
	if !isLarge(n.hdr) {
		if err := t.hashToLarge(s, n, ef); err != nil {
			return s.hashLen(n), err
		}
		s.largeOf(n).(*hashObject).small = true
	}
	o := s.largeOf(n).(*hashObject)
	var slot index.Slot
	for i := 0; i+1 < len(items); i += 2 {
		h := elemHash(items[i])
		if _, ok := o.find(h, items[i], &slot); !ok || len(items[i+1]) != 8 {
			continue
		}
		if err = o.setExpiry(&slot, h, int64(binary.LittleEndian.Uint64(items[i+1]))); err != nil {
			break
		}
		ef.Items = append(ef.Items, items[i], items[i+1])
	}
	s.remind(n, o)
	return o.len(), err
}

// addItems gives fields of a hash values or expiries, as an effect of the kind
// does.
func (o *hashObject) addItems(kind EffectKind, items [][]byte) error {
	for i := 0; i+1 < len(items); i += 2 {
		if kind != EffectHashExpire {
			if err := o.put(items[i], items[i+1], false); err != nil {
				return err
			}
			continue
		}
		var slot index.Slot
		h := elemHash(items[i])
		if _, ok := o.find(h, items[i], &slot); ok {
			if err := o.setExpiry(&slot, h, int64(binary.LittleEndian.Uint64(items[i+1]))); err != nil {
				return err
			}
		}
	}
	return nil
}

// expireFields removes fields of a located large hash whose time has come, up to
// max of them, or all there are, and reports whether it did all. The key may be gone
// then.
// REQUIRES: s is locked by enter.
func (t *Txn) expireFields(s *shard, n *entry, db int, key []byte, max int) (done bool) {
	o := s.largeOf(n).(*hashObject)
	if o.timed == o.len() && o.latest <= t.Now() {
		t.applyEmpty(s, n, db, key, EventHExpired)
		return true
	}
	g := t.gather()
	for o.due() <= t.Now() {
		if g.len() == max {
			break
		}
		due := o.timers[0]
		o.timers.pop()
		var slot index.Slot
		for ok := o.table.Seek(due.hash, &slot); ok; ok = slot.Next() {
			if ref := slot.Ref(); o.expireAt(ref) == due.atMs && elemHash(o.key(ref)) == due.hash {
				g.add(o.key(ref))
				break
			}
		}
	}
	done = o.due() > t.Now()
	if g.len() > 0 {
		t.effect = Effect{Kind: EffectHashDelete, DB: db, Key: key, Items: g.list()}
		_ = t.apply(s, n, EventHExpired) // takes no memory: it cannot fail
	}
	return done
}

// freshen removes what has expired of a hash that is about to be used.
func (t *Txn) freshen(s *shard, n *entry, key []byte) {
	if t.e.loaders.Load() > 0 {
		return
	}
	if s.largeOf(n).(*hashObject).due() > t.Now() {
		return
	}
	for !t.expireFields(s, n, t.db, key, expireStep) {
	}
	s.find(t.db, n.hash, key, n)
}

// expireHashes removes a step's worth of fields whose time has come and reports
// whether there are more, and whether any will. REQUIRES: s is locked by enter.
func (t *Txn) expireHashes(s *shard, now int64) (more, volatile bool) {
	for left := expireStep; len(s.timed) > 0 && s.timed[0].atMs <= now; left-- {
		if left == 0 {
			return true, true
		}
		due := s.timed[0]
		s.timed.pop()
		if int(due.id) >= len(s.larges.objs) {
			continue
		}
		o, ok := s.larges.objs[due.id].(*hashObject)
		if !ok || o.reminded != due.atMs {
			continue
		}
		var n entry
		db := s.findHandle(due.hash, uint64(due.id), &n)
		if db < 0 {
			continue // another hash has the handle by now
		}
		o.reminded = never
		key := append(t.lane.keyBuf[:0], n.rec.Key(n.hdr)...)
		t.lane.keyBuf = key
		done := t.expireFields(s, &n, db, key, expireStep)
		if s.find(db, due.hash, key, &n); n.found() && isLarge(n.hdr) && n.handle() == uint64(due.id) {
			s.remind(&n, o)
		}
		if !done {
			return true, true
		}
	}
	return false, len(s.timed) > 0
}

// findHandle finds the key of a large object by its key's hash, and returns its
// database, -1 if there is none. REQUIRES: s.mu.
func (s *shard) findHandle(h, handle uint64, n *entry) (db int) {
	for db := range s.dbs {
		ks := s.dbs[db].Load()
		if ks == nil {
			continue
		}
		var slot index.Slot
		for ok := ks.table.Seek(h, &slot); ok; ok = slot.Next() {
			ref := slot.Ref()
			*n = entry{ks: ks, hash: h, slot: slot, ref: ref, rec: s.recordAt(ref)}
			if n.hdr = n.rec.Header(); isLarge(n.hdr) && n.handle() == handle {
				return db
			}
		}
	}
	return -1
}

// checkTimers verifies that fields with an expiry are counted and have timers.
func (o *hashObject) checkTimers() (err error) {
	have := make(map[timer]bool)
	for _, t := range o.timers {
		have[t] = true
	}
	timed := 0
	visit := func(ref alloc.Ref) {
		at := o.expireAt(ref)
		if at == 0 {
			return
		}
		timed++
		if at > o.latest {
			err = fmt.Errorf("field %q expires later than any", o.key(ref))
		}
		if !have[timer{atMs: at, hash: elemHash(o.key(ref))}] {
			err = fmt.Errorf("field %q has no timer", o.key(ref))
		}
	}
	for pos := o.table.Scan(0, visit); pos != 0; {
		pos = o.table.Scan(pos, visit)
	}
	if timed != o.timed {
		err = fmt.Errorf("%d fields expire, %d counted", timed, o.timed)
	}
	if timed > 0 && o.reminded > o.due() {
		err = fmt.Errorf("nobody looks at a hash that has something to do")
	}
	return err
}

// FieldState says what HExpire did to a field, and what HExpireTime found.
type FieldState int64

const (
	FieldMissing FieldState = -2
	FieldRefused FieldState = 0 // the condition does not hold
	FieldChanged FieldState = 1
	FieldDeleted FieldState = 2 // the time has passed
	// FieldPersistent is for HPersist and HExpireTime: it has no expiry.
	FieldPersistent FieldState = -1
)

// HExpire makes fields expire at atMs, Unix milliseconds, each if cond allows, and
// visits what became of each in turn. A time that has passed deletes them.
func (t *Txn) HExpire(key []byte, fields [][]byte, atMs int64, cond ExpireCond, visit func(FieldState)) error {
	var n entry
	s, err := t.openWrite(key, TypeHash, &n)
	defer t.leave(s)
	if err != nil {
		return err
	}
	var at [8]byte
	binary.LittleEndian.PutUint64(at[:], uint64(atMs))
	time := t.keep(at[:])
	v := s.viewHash(&n)
	items, states := [][]byte{}, []FieldState{}
	past := atMs <= t.Now()
	for _, f := range fields {
		old, found := v.fieldExpiry(f)
		switch {
		case !found:
			states = append(states, FieldMissing)
		case !cond.allowsField(old, atMs):
			states = append(states, FieldRefused)
		case past:
			states, items = append(states, FieldDeleted), append(items, f)
		default:
			states, items = append(states, FieldChanged), append(items, f, time)
		}
	}
	if len(items) > 0 {
		kind, ev := EffectHashExpire, EventHExpire
		if past {
			kind, ev = EffectHashDelete, EventHDel
		}
		if err := t.applyHash(s, &n, key, kind, items, ev); err != nil {
			return err
		}
	}
	for _, state := range states {
		visit(state)
	}
	return nil
}

// allowsField is allows for a field that expires at old, 0 for never.
func (c ExpireCond) allowsField(old, atMs int64) bool {
	switch {
	case c&ExpireNX != 0 && old != 0,
		c&ExpireXX != 0 && old == 0,
		c&ExpireGT != 0 && (old == 0 || atMs <= old),
		c&ExpireLT != 0 && old != 0 && atMs >= old:
		return false
	}
	return true
}

// fieldExpiry returns when a field expires, 0 for never.
func (v *hashView) fieldExpiry(field []byte) (atMs int64, found bool) {
	if v.obj == nil {
		_, found = v.find(field)
		return 0, found
	}
	var slot index.Slot
	ref, found := v.obj.find(elemHash(field), field, &slot)
	if !found {
		return 0, false
	}
	return v.obj.expireAt(ref), true
}

// HExpireTime visits when each of fields expires, in Unix milliseconds, or
// FieldMissing or FieldPersistent.
func (t *Txn) HExpireTime(key []byte, fields [][]byte, visit func(atMs int64)) error {
	var n entry
	s, err := t.openRead(key, TypeHash, &n)
	defer t.leave(s)
	if err != nil {
		return err
	}
	v := s.viewHash(&n)
	for _, f := range fields {
		switch at, found := v.fieldExpiry(f); {
		case !found:
			visit(int64(FieldMissing))
		case at == 0:
			visit(int64(FieldPersistent))
		default:
			visit(at)
		}
	}
	return nil
}

// HPersist removes the expiries of fields and visits what became of each:
// FieldChanged if it had one.
func (t *Txn) HPersist(key []byte, fields [][]byte, visit func(FieldState)) error {
	var n entry
	s, err := t.openWrite(key, TypeHash, &n)
	defer t.leave(s)
	if err != nil {
		return err
	}
	none := t.keep(make([]byte, 8))
	v := s.viewHash(&n)
	items, states := [][]byte{}, []FieldState{}
	for _, f := range fields {
		switch at, found := v.fieldExpiry(f); {
		case !found:
			states = append(states, FieldMissing)
		case at == 0:
			states = append(states, FieldPersistent)
		default:
			states, items = append(states, FieldChanged), append(items, f, none)
		}
	}
	if len(items) > 0 {
		if err := t.applyHash(s, &n, key, EffectHashExpire, items, EventHPersist); err != nil {
			return err
		}
	}
	for _, state := range states {
		visit(state)
	}
	return nil
}
