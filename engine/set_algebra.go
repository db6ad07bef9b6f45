package engine

import (
	"cmp"
	"slices"

	"hpkv/engine/index"
	"hpkv/engine/packed"
)

// SetOp is an operation on several sets.
type SetOp uint8

const (
	SetInter SetOp = iota
	SetUnion
	SetDiff // of the first set and the others
)

var setEvents = [...]Event{SetInter: EventSInterStore, SetUnion: EventSUnionStore, SetDiff: EventSDiffStore}

// SetAlgebra visits the members of the result of op on the sets at keys, limit of
// them at most if it is not 0, in no order. Absent keys are empty sets. The
// shards of several keys must be locked by LockKeys. A member is valid during
// the call only; visit must not call the engine.
func (t *Txn) SetAlgebra(op SetOp, keys [][]byte, limit int64, visit func(m []byte)) error {
	if !t.locked {
		t.LockKeys(keys, 0, len(keys)-1, 1)
		defer t.End()
	}
	sets, err := t.viewSets(keys)
	if err != nil {
		return err
	}
	t.algebra(op, sets, limit, visit)
	return nil
}

// viewSets returns views of the sets at keys, in the lane's memory. REQUIRES:
// their shards are held.
func (t *Txn) viewSets(keys [][]byte) ([]setView, error) {
	views := t.lane.views[:0]
	var wrong error
	for _, key := range keys {
		var n entry
		s, err := t.openRead(key, TypeSet, &n)
		if err != nil {
			wrong = err
			break
		}
		views = append(views, s.viewSet(&n))
	}
	t.lane.views = views
	return views, wrong
}

func (t *Txn) algebra(op SetOp, sets []setView, limit int64, visit func(m []byte)) {
	found := int64(0)
	take := func(m []byte) bool {
		visit(m)
		found++
		return found != limit
	}
	switch op {
	case SetInter: // the members of the smallest that all others have
		slices.SortFunc(sets, func(a, b setView) int { return cmp.Compare(a.len(), b.len()) })
		t.eachAmong(&sets[0], sets[1:], true, take)
	case SetUnion:
		t.uniteSets(sets, take)
	case SetDiff:
		t.eachAmong(&sets[0], sets[1:], false, take)
	}
	clear(sets)
}

// eachAmong visits the members of v that all of others have, or that none of them
// has if in is false, until take returns false.
func (t *Txn) eachAmong(v *setView, others []setView, in bool, take func(m []byte) bool) (more bool) {
	more = true
	if v.obj == nil {
		v.each(t, func(m []byte) bool {
			h := elemHash(m)
			for i := range others {
				if others[i].contains(h, m) != in {
					return true
				}
			}
			more = take(m)
			return more
		})
		return more
	}
	j := &t.lane.join
	var w index.Walk
	w.Begin(v.obj.table)
	for {
		batch := w.Entries(j.entries[:])
		if len(batch) == 0 {
			return true
		}
		for i := range others {
			batch = j.among(batch, v.obj, &others[i], in)
		}
		for _, e := range batch {
			if !take(v.obj.key(e.Ref)) {
				return false
			}
		}
	}
}

// join is scratch memory for looking members of one large set up in others, a
// batch at a time. Tables place elements by the same hash, of which they know
// enough to find candidates for a member in another table without a look at the
// member itself.
type join struct {
	entries [index.Batch]index.Entry
	pairs   []index.Pair
}

// among leaves of a batch of members of o those that other has, or those that it
// has not if in is false.
func (j *join) among(batch []index.Entry, o *setObject, other *setView, in bool) []index.Entry {
	var found uint64 // bit for each entry
	if other.obj == nil {
		for i, e := range batch {
			if other.compactContains(o.key(e.Ref)) {
				found |= 1 << i
			}
		}
	} else {
		j.pairs = other.obj.table.Join(batch, j.pairs[:0])
		for _, p := range j.pairs {
			if string(o.key(batch[p.I].Ref)) == string(other.obj.key(p.Ref)) {
				found |= 1 << p.I
			}
		}
	}
	kept := batch[:0]
	for i, e := range batch {
		if found>>i&1 != 0 == in {
			kept = append(kept, e)
		}
	}
	return kept
}

// probedSets is how many sets are asked whether they have had a member before it
// pays to remember all of them.
const probedSets = 8

// uniteSets visits the members of each set that no former one has.
func (t *Txn) uniteSets(sets []setView, take func(m []byte) bool) {
	if len(sets) <= probedSets {
		for i := range sets {
			if !t.eachAmong(&sets[i], sets[:i], false, take) {
				return
			}
		}
		return
	}
	more := true
	seen := make(map[string]struct{})
	for i := 0; i < len(sets) && more; i++ {
		sets[i].each(t, func(m []byte) bool {
			if _, again := seen[string(m)]; !again {
				seen[string(m)] = struct{}{}
				more = take(m)
			}
			return more
		})
	}
}

// SetAlgebraStore makes the result of op on the sets at keys the value of dst,
// whatever that was, and returns its size; of an empty result dst is removed. All
// shards, dst's too, must be locked.
func (t *Txn) SetAlgebraStore(op SetOp, dst []byte, keys [][]byte) (int64, error) {
	sets, err := t.viewSets(keys)
	if err != nil {
		return 0, err
	}
	g := t.gather()
	t.algebra(op, sets, 0, g.add)
	members := g.list()
	var n entry
	s := t.open(dst, &n)
	defer t.leave(s)
	if len(members) == 0 {
		if n.found() {
			t.applyRemove(s, &n, dst, EventDel)
		}
		return 0, nil
	}
	t.stateSet(dst, members)
	return int64(len(members)), t.apply(s, &n, setEvents[op])
}

// stateSet makes the effect that puts a set of different members under key, in
// the most compact form they may have.
func (t *Txn) stateSet(key []byte, members [][]byte) {
	limits := &t.e.limits
	t.effect = Effect{Kind: EffectPut, Type: TypeSet, DB: t.db, Key: key, Form: formLarge, Items: members}
	size, allInts, longest := int64(len(members)), true, 0
	for _, m := range members {
		longest = max(longest, len(m))
		if allInts {
			_, allInts = parseInt(m)
		}
	}
	switch {
	case allInts && size <= limits.SetInts.Load():
		val := ints(t.lane.work[:0])
		for _, m := range members {
			num, _ := parseInt(m)
			at, _ := val.find(num)
			val = val.insert(at, num)
		}
		t.lane.work, t.effect.Form = val, formInts
	case size <= limits.SetEntries.Load() && int64(longest) <= limits.SetValue.Load():
		val := t.lane.work[:0]
		for _, m := range members {
			val = packed.Append(val, m)
		}
		t.lane.work, t.effect.Form = val, formPacked
	default:
		return
	}
	t.effect.Value, t.effect.Items = t.lane.work, nil
}

// SMove moves member from the set at src to that at dst and reports whether it
// was there. Both keys' shards must be locked by LockKeys.
func (t *Txn) SMove(src, dst, member []byte) (bool, error) {
	var from, to entry
	fs, err := t.openWrite(src, TypeSet, &from)
	if err != nil || !from.found() {
		return false, err
	}
	ts, err := t.openWrite(dst, TypeSet, &to)
	if err != nil {
		return false, err
	}
	v := fs.viewSet(&from)
	if !v.contains(elemHash(member), member) {
		return false, nil
	}
	if string(src) == string(dst) {
		return true, nil
	}
	// What takes memory comes first: then nothing is lost if there is none. The
	// events come in the order of Redis, which removes first.
	existed := to.found()
	t.delta(EffectSetAdd, dst, t.keepItems([][]byte{member}))
	if err := t.apply(ts, &to, EventNone); err != nil {
		return false, err
	}
	added := len(t.effect.Items) > 0
	t.locate(fs, from.hash, src, &from) // storing may have moved its slot
	t.delta(EffectSetRemove, src, t.keepItems([][]byte{member}))
	if err := t.apply(fs, &from, EventSRem); err != nil {
		return false, err
	}
	if !existed {
		t.raise(t.db, EventNew, dst)
	}
	if added {
		t.raise(t.db, EventSAdd, dst)
	}
	return true, nil
}
