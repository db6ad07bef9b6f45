package engine

import "hpkv/engine/record"

// Get appends key's value to dst, after what head writes for its length, and
// reports whether key exists. It takes no lock and allocates only to extend
// dst.
func (t *Txn) Get(dst, key []byte, head Head) ([]byte, bool, error) {
	if !t.locked {
		if out, found, ok := t.glance(dst, key, head); ok {
			return out, found, nil
		}
	}
	return t.get(dst, key, head)
}

// glance is get for what peek can tell of.
func (t *Txn) glance(dst, key []byte, head Head) (_ []byte, found, ok bool) {
	t.lane.slot.Enter()
	out, rec, a := t.e.peek(t.db, dst, key, head)
	if a == present {
		t.used(rec) // should the record be freed by now, its place is still that of one
	}
	t.lane.slot.Exit()
	switch a {
	case present:
		t.lane.count.Hits++
		return out, true, true
	case absent:
		t.hit(key, false)
		return dst, false, true
	}
	return dst, false, false
}

// Peek appends key's value to dst and reports whether key exists. It is Txn.Get
// without a lane, for what nearly all reads are; if ok is false it could not tell.
// It counts no look-up, raises no event and leaves access stamps alone: it writes
// no memory but dst's.
func (e *Engine) Peek(db int, dst, key []byte) (_ []byte, found, ok bool) {
	out, _, a := e.peek(db, dst, key, nil)
	return out, a == present, a != unsure
}

// answer is what a peek found.
type answer uint8

const (
	unsure answer = iota
	absent
	present
)

// peek reads a string without expiry that is in its home bucket, or the absence of
// a key whose home bucket says so, with no writer near. out is dst if the answer is
// unsure or absent.
//
// It may be called outside a reader's section. What it reads can then be anything:
// a page that has gone from the index to records, say. But all of it stays mapped
// until the engine is closed, references are bounded by what is, and lengths are
// used only after the version has confirmed that the record was the key's when they
// were read. Writing an access stamp is what takes a section.
func (e *Engine) peek(db int, dst, key []byte, head Head) (out []byte, rec record.Record, a answer) {
	h := hashKey(key)
	space := &e.shardOf(h).dbs[db]
	ks := space.Load()
	if ks == nil {
		return dst, rec, unsure
	}
	ref, spot := ks.table.Look(h)
	if !spot.Sure() {
		return dst, rec, unsure
	}
	out, a = dst, absent
	if ref != 0 {
		if e.arena.Readable(ref) < record.MinBytes {
			return dst, rec, unsure
		}
		rec = record.At(e.arena.Ptr(ref))
		valueLen, plain := rec.Plain(len(key))
		if !plain || !ks.table.Still(spot) || !rec.PlainKeyEqual(key) {
			return dst, rec, unsure
		}
		out, a = appendValue(dst, rec.PlainValue(len(key), valueLen), head), present
	}
	if !ks.table.Still(spot) || space.Load() != ks {
		return dst, rec, unsure
	}
	return out, rec, a
}

func (t *Txn) get(dst, key []byte, head Head) ([]byte, bool, error) {
	from := len(dst)
	for v := t.look(key); v.next(); {
		found, str := v.find(), false
		if found {
			if str = isString(v.hdr); str {
				dst = appendValue(dst, v.rec.Value(v.hdr), head)
			}
			v.touch()
		}
		if v.done() {
			t.hit(key, found)
			if found && !str {
				return dst, true, ErrWrongType
			}
			return dst, found, nil
		}
		dst = dst[:from]
	}
	return dst, false, nil
}

func appendValue(dst, val []byte, head Head) []byte {
	if head != nil {
		dst = head(dst, len(val))
	}
	return append(dst, val...)
}

// ValueBytes returns the length of the string at key, 0 if there is none. It is no
// look-up that counts.
func (t *Txn) ValueBytes(key []byte) (n int64) {
	for v := t.look(key); v.next(); {
		if n = 0; v.find() && isString(v.hdr) {
			n = int64(v.hdr.ValueLen)
		}
		if v.done() {
			break
		}
	}
	return n
}

// StrLen returns the length of key's value, 0 if it is absent.
func (t *Txn) StrLen(key []byte) (int64, error) {
	for v := t.look(key); v.next(); {
		found := v.find()
		hdr := v.hdr
		if found {
			v.touch()
		}
		if !v.done() {
			continue
		}
		t.hit(key, found)
		switch {
		case !found:
			return 0, nil
		case !isString(hdr):
			return 0, ErrWrongType
		}
		return int64(hdr.ValueLen), nil
	}
	return 0, nil
}

// GetRange appends the bytes start to end, both inclusive, of key's value to
// dst; negative offsets count from the value's end. What lies outside is left
// out; an absent key is an empty value.
func (t *Txn) GetRange(dst, key []byte, start, end int64, head Head) ([]byte, bool, error) {
	from := len(dst)
	for v := t.look(key); v.next(); {
		found, str := v.find(), false
		var part []byte
		if found {
			if str = isString(v.hdr); str {
				part = v.rec.Value(v.hdr)
				i, j := clampRange(start, end, int64(len(part)))
				part = part[i:j]
			}
			v.touch()
		}
		if !found || str {
			dst = appendValue(dst, part, head)
		}
		if v.done() {
			t.hit(key, found)
			if found && !str {
				return dst, true, ErrWrongType
			}
			return dst, found, nil
		}
		dst = dst[:from]
	}
	return dst, false, nil
}

// clampRange turns an inclusive range with negative offsets into the half-open
// one it means in n bytes.
func clampRange(start, end, n int64) (i, j int64) {
	if start < 0 && end < 0 && start > end {
		return 0, 0
	}
	if start < 0 {
		start = max(start+n, 0)
	}
	if end < 0 {
		end = max(end+n, 0)
	}
	end = min(end, n-1)
	if n == 0 || start > end {
		return 0, 0
	}
	return start, end + 1
}

// Set stores val under key. See SetOptions.
func (t *Txn) Set(key, val []byte, o SetOptions) (res SetResult, err error) {
	if int64(len(val)) > t.e.maxValue.Load() {
		return res, ErrTooLarge
	}
	var n entry
	s := t.open(key, &n)
	if res.Set, err = t.mayTake(&n, key, &o, &res); res.Set {
		expireAt := o.ExpireAtMs
		if o.KeepTTL && n.found() {
			expireAt = n.expireAt()
		}
		// A time that has passed makes a key that expires with the next access or
		// tick, so that listeners hear the same as from Redis.
		if err = t.applyPut(s, &n, key, val, record.FormAuto, expireAt, EventSet); err != nil {
			res.Set = false
		} else if o.ExpireAtMs != 0 {
			t.raise(t.db, EventExpire, key)
		}
	}
	t.leave(s)
	return res, err
}

// mayTake reports whether Set, with options o, may give key a value, and notes its
// value if that is asked for.
func (t *Txn) mayTake(n *entry, key []byte, o *SetOptions, res *SetResult) (bool, error) {
	if o.Get {
		t.hit(key, n.found())
	}
	if !n.found() {
		return !o.XX, nil
	}
	if (o.Get || o.SameType) && !isString(n.hdr) {
		return false, ErrWrongType
	}
	if o.Get {
		res.Prev, res.HadPrev = t.keep(n.value()), true
	}
	return !o.NX, nil
}

// keep copies b into the lane's scratch memory.
func (t *Txn) keep(b []byte) []byte {
	dst := t.scratch(len(b))
	copy(dst, b)
	return dst
}

// GetDel appends key's value to dst as Get does and removes the key.
func (t *Txn) GetDel(dst, key []byte, head Head) ([]byte, bool, error) {
	h := hashKey(key)
	s := t.e.shardOf(h)
	t.enter(s)
	defer t.leave(s)
	var n entry
	if found, err := t.locateString(s, h, key, &n); !found {
		return dst, err != nil, err
	}
	dst = appendValue(dst, n.value(), head)
	t.applyRemove(s, &n, key, EventDel)
	return dst, true, nil
}

// GetEx appends key's value to dst as Get does and changes its expiry. A time
// that has passed deletes the key.
func (t *Txn) GetEx(dst, key []byte, head Head, o GetExOptions) ([]byte, bool, error) {
	h := hashKey(key)
	s := t.e.shardOf(h)
	t.enter(s)
	defer t.leave(s)
	var n entry
	if found, err := t.locateString(s, h, key, &n); !found {
		return dst, err != nil, err
	}
	n.rec.SetStamp(t.nextStamp(n.rec.Stamp()))
	dst = appendValue(dst, n.value(), head)
	switch {
	case o.ExpireAtMs != 0 && o.ExpireAtMs <= t.Now():
		t.applyRemove(s, &n, key, EventDel)
	case o.ExpireAtMs != 0:
		return dst, true, t.applyExpire(s, &n, key, o.ExpireAtMs, EventExpire)
	case o.Persist && n.hdr.Volatile():
		return dst, true, t.applyExpire(s, &n, key, 0, EventPersist)
	}
	return dst, true, nil
}

// locateString is locate for operations that read a string and change it; it
// counts the look-up.
func (t *Txn) locateString(s *shard, h uint64, key []byte, n *entry) (bool, error) {
	t.locate(s, h, key, n)
	t.hit(key, n.found())
	if n.found() && !isString(n.hdr) {
		return false, ErrWrongType
	}
	return n.found(), nil
}

// Append adds val to the end of key's value, creating it if absent, and
// returns the new length.
func (t *Txn) Append(key, val []byte) (int64, error) {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	if !n.found() {
		if int64(len(val)) > t.e.maxValue.Load() {
			return 0, ErrTooLarge
		}
		return int64(len(val)), t.applyPut(s, &n, key, val, record.FormAuto, 0, EventAppend)
	}
	if !isString(n.hdr) {
		return 0, ErrWrongType
	}
	old := int64(n.hdr.ValueLen)
	if old+int64(len(val)) > t.e.maxValue.Load() {
		return 0, ErrTooLarge
	}
	return old + int64(len(val)), t.applySplice(s, &n, key, old, val, EventAppend)
}

// SetRange overwrites key's value from off on, filling a gap with zero bytes,
// and returns the new length. An empty val changes nothing.
func (t *Txn) SetRange(key []byte, off int64, val []byte) (int64, error) {
	if off < 0 {
		return 0, ErrOffset
	}
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	old := 0
	if n.found() {
		if !isString(n.hdr) {
			return 0, ErrWrongType
		}
		old = n.hdr.ValueLen
	}
	if len(val) == 0 {
		return int64(old), nil
	}
	end := off + int64(len(val))
	if end < off || end > t.e.maxValue.Load() {
		return 0, ErrTooLarge
	}
	return max(int64(old), end), t.applySplice(s, &n, key, off, val, EventSetRange)
}

// IncrBy adds delta to the integer that key holds, 0 if absent, and returns
// the sum.
func (t *Txn) IncrBy(key []byte, delta int64) (int64, error) {
	var n entry
	s := t.open(key, &n)
	sum, err := t.incr(s, &n, key, delta)
	t.leave(s)
	return sum, err
}

func (t *Txn) incr(s *shard, n *entry, key []byte, delta int64) (int64, error) {
	var old int64
	if n.found() {
		if !isString(n.hdr) {
			return 0, ErrWrongType
		}
		var ok bool
		if old, ok = parseInt(n.value()); !ok {
			return 0, ErrNotInteger
		}
	}
	if addOverflows(old, delta) {
		return 0, ErrOverflow
	}
	t.lane.buf = appendInt(t.lane.buf[:0], old+delta)
	return old + delta, t.applyPut(s, n, key, t.lane.buf, record.FormAuto, n.expireAt(), EventIncrBy)
}

// IncrByFloat replaces the number that key holds, "0" if absent, by what add
// makes of it, keeping the expiry, and appends the result to dst. How numbers
// are written and added is the caller's: add appends to dst, must not call the
// engine, and its error is returned with nothing changed.
func (t *Txn) IncrByFloat(dst, key []byte, add func(dst, old []byte) ([]byte, error)) ([]byte, error) {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	old := []byte("0")
	if n.found() {
		if !isString(n.hdr) {
			return dst, ErrWrongType
		}
		old = n.value()
	}
	from := len(dst)
	dst, err := add(dst, old)
	if err != nil {
		return dst[:from], err
	}
	return dst, t.applyPut(s, &n, key, dst[from:], record.FormText, n.expireAt(), EventIncrByFloat)
}

// MSet stores the values of pairs, a key and a value in turn; of equal keys
// the last wins. Their shards must be locked by LockKeys if there are several.
// ErrTooLarge if one value is, with nothing stored.
func (t *Txn) MSet(pairs [][]byte) error {
	for i := 1; i < len(pairs); i += 2 {
		if int64(len(pairs[i])) > t.e.maxValue.Load() {
			return ErrTooLarge
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		if _, err := t.Set(pairs[i], pairs[i+1], SetOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// MSetNX is MSet if none of the keys exists; else it does nothing and reports
// false.
func (t *Txn) MSetNX(pairs [][]byte) (bool, error) {
	if len(pairs) == 2 { // nobody has locked the shard: look and change in one step
		res, err := t.Set(pairs[0], pairs[1], SetOptions{NX: true})
		return res.Set, err
	}
	for i := 0; i < len(pairs); i += 2 {
		h := hashKey(pairs[i])
		s := t.e.shardOf(h)
		t.enter(s)
		var n entry
		t.locate(s, h, pairs[i], &n)
		t.leave(s)
		if n.found() {
			return false, nil
		}
	}
	return true, t.MSet(pairs)
}
