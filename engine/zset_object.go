package engine

import (
	"encoding/binary"
	"fmt"
	"math"

	"hpkv/engine/alloc"
	"hpkv/engine/index"
	"hpkv/engine/ranked"
)

// zsetObject is a large sorted set: its members by hash, the value of each being
// the score, and by order.
type zsetObject struct {
	dict
	tree *ranked.Tree
}

// scoreBytes is the size of a score in effects: the double, little endian.
const scoreBytes = 8

func putScore(b []byte, score float64) { binary.LittleEndian.PutUint64(b, math.Float64bits(score)) }
func scoreAt(b []byte) float64         { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }

// An element's value is its score: as in effects, or shorter where that says all of
// it, so that a member of 16 bytes takes 24 instead of 32. Little endian:
//
//	6 bytes  an integer: counts, and times in milliseconds
//	7 bytes  n and, in the low bits, what it is divided by: see scales
const (
	shortBytes = 6
	shortShift = 64 - 8*shortBytes

	scaledBytes = elemTinyValue
	scaledShift = 64 - 8*scaledBytes
	scaleBits   = 2
	scaledMax   = 1 << (8*scaledBytes - scaleBits - 1) // n is below it

	// A decimal fraction has the number of its places between the scale and n. With n
	// below decimalMax, which is as good as 14 digits, n is what the score times a power of
	// ten is rounded to, and the score what n divided by it is rounded to.
	decimal     = 3
	placesBits  = 4
	placesMax   = 1<<placesBits - 1
	decimalBits = 8*scaledBytes - scaleBits - placesBits - 1
	decimalMax  = 1 << decimalBits
)

// scales are what n is divided by: 1 for larger integers, like places on Earth;
// 2^22 for times in seconds with a fraction; 2^53 for what random generators return.
// Behind them come decimal fractions.
var scales = [decimal]float64{1, 1 << 22, 1 << 53}

// powersOfTen are all exact.
var powersOfTen = [placesMax + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// scoreValue returns a score as an element's value, in room.
func scoreValue(room *[scoreBytes]byte, score float64) []byte {
	if i := int64(score) << shortShift >> shortShift; math.Float64bits(float64(i)) == math.Float64bits(score) {
		binary.LittleEndian.PutUint64(room[:], uint64(i))
		return room[:shortBytes]
	}
	if n, ok := scaled(score); ok {
		binary.LittleEndian.PutUint64(room[:], uint64(n))
		return room[:scaledBytes]
	}
	putScore(room[:], score)
	return room[:]
}

// scaled returns a score as a value of scaledBytes, if it can be one.
func scaled(score float64) (v int64, ok bool) {
	for i, by := range scales {
		f := score * by // exact, or too large
		if n := int64(f); math.Float64bits(float64(n)) == math.Float64bits(f) && -scaledMax <= n && n < scaledMax {
			return n<<scaleBits | int64(i), true
		}
	}
	// As many places as n has room for: trailing zeros do no harm. 1233/4096 is the
	// decimal logarithm of 2, hardly less.
	exp := int(math.Float64bits(score)>>52&0x7ff) - 1023 // the score is below 2^(exp+1)
	if exp >= decimalBits {
		return 0, false
	}
	places := min((decimalBits-1-exp)*1233>>12, placesMax)
	n := int64(math.RoundToEven(score * powersOfTen[places]))
	if n <= -decimalMax || n >= decimalMax || math.Float64bits(float64(n)/powersOfTen[places]) != math.Float64bits(score) {
		return 0, false
	}
	return n<<(placesBits+scaleBits) | int64(places)<<scaleBits | decimal, true
}

// valueScore returns the score that an element's value is.
func valueScore(val []byte) float64 {
	switch len(val) {
	case shortBytes:
		low, high := binary.LittleEndian.Uint32(val), binary.LittleEndian.Uint16(val[4:])
		return float64(int64(uint64(high)<<32|uint64(low)) << shortShift >> shortShift)
	case scaledBytes:
		low, high := binary.LittleEndian.Uint32(val), binary.LittleEndian.Uint32(val[3:])
		v := int64(uint64(high)<<24|uint64(low)) << scaledShift >> scaledShift
		scale := v & (1<<scaleBits - 1)
		if v >>= scaleBits; scale < decimal {
			return float64(v) / scales[scale]
		}
		return float64(v>>placesBits) / powersOfTen[v&placesMax]
	}
	return scoreAt(val)
}

func (s *shard) newZSetObject() *zsetObject {
	o := &zsetObject{dict: s.newDict(true)}
	o.tree = ranked.New(s.heap, s.e.arena, o.key)
	return o
}

// newZSet makes a large sorted set of members and scores in turn. On error it
// returns what there is.
func (s *shard) newZSet(items [][]byte) (large, error) {
	o := s.newZSetObject()
	for i := 0; i+1 < len(items); i += 2 {
		if err := o.put(items[i], scoreAt(items[i+1])); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o *zsetObject) kind() Type       { return TypeZSet }
func (o *zsetObject) count() int       { return o.len() }
func (o *zsetObject) encoding() string { return "skiplist" }
func (o *zsetObject) bytes() int64     { return o.dict.bytes() + o.tree.Bytes() }

func (o *zsetObject) free(budget int) (done bool) {
	return o.dict.free(budget) && o.tree.FreeStep(budget)
}

func (o *zsetObject) export(cursor uint64, c *chunk) (next uint64) {
	c.kind = EffectZSetAdd
	visit := func(ref alloc.Ref) {
		member, val := o.pair(ref)
		c.add(member)
		c.add(c.number(math.Float64bits(valueScore(val))))
	}
	for next = o.table.Scan(cursor, visit); next != 0 && !c.full(); {
		next = o.table.Scan(next, visit)
	}
	return next
}

// inTree marks cursors of leave that are ranks: first come the members by hash.
const inTree = 1 << 63

func (o *zsetObject) leave(cursor uint64, budget int) (next uint64, cost int) {
	if cursor&inTree == 0 {
		cursor, cost = o.dict.leave(cursor, budget, func(old, ref alloc.Ref) {
			o.tree.Replace(o.scoreOf(old), old, ref)
		})
		if cursor != 0 || cost > budget {
			if cursor == 0 {
				cursor = inTree
			}
			return cursor, cost
		}
	}
	rank, more := o.tree.Leave(int(cursor&^inTree), budget-cost)
	if cost += more; rank == 0 {
		return 0, cost
	}
	return inTree | uint64(rank), cost
}

func (o *zsetObject) scoreOf(ref alloc.Ref) float64 {
	_, val := o.pair(ref)
	return valueScore(val)
}

// score returns the score of a member.
func (o *zsetObject) score(member []byte) (float64, bool) {
	at, score := o.look(member)
	return score, at.ref != 0
}

// spot is where a member is, or would be.
type spot struct {
	hash uint64
	ref  alloc.Ref // 0: the set does not have it
}

// look returns where a member is and its score. The spot is good until the next
// change.
func (o *zsetObject) look(member []byte) (at spot, score float64) {
	var slot index.Slot
	at.hash = elemHash(member)
	if ref, ok := o.find(at.hash, member, &slot); ok {
		at.ref, score = ref, o.scoreOf(ref)
	}
	return at, score
}

// set gives a member a score, adding it if need be; at and old are what look has
// returned. The error is ErrNoMemory, with nothing changed.
func (o *zsetObject) set(at spot, old float64, member []byte, score float64) error {
	if at.ref == 0 {
		return o.add(at.hash, member, score, o.tree.Insert)
	}
	var room [scoreBytes]byte
	val := scoreValue(&room, score)
	if l := makeLayout(len(member), len(val), false, true); o.fits(at.ref, l) {
		if o.rerank(at.ref, at.ref, old, score) != nil {
			return ErrNoMemory
		}
		l.write(o.s, at.ref, member, val, 0)
		return nil
	}
	ref, err := o.make(member, val, 0)
	if err != nil {
		return err
	}
	if o.rerank(at.ref, ref, old, score) != nil {
		o.s.heap.Free(ref)
		return ErrNoMemory
	}
	slot, _ := o.table.FindRef(at.hash, at.ref)
	o.replace(&slot, ref)
	return nil
}

// rerank gives the member at old, which is at ref as well, its place by another
// score. On error nothing has changed.
func (o *zsetObject) rerank(old, ref alloc.Ref, from, to float64) error {
	switch {
	case from != to:
		return o.tree.Move(old, ref, from, to)
	case old != ref: // -0 and 0
		o.tree.Replace(from, old, ref)
	}
	return nil
}

// put is set of a member that was not looked for.
func (o *zsetObject) put(member []byte, score float64) error {
	at, old := o.look(member)
	return o.set(at, old, member, score)
}

// append adds a member that comes after all others.
func (o *zsetObject) append(member []byte, score float64) error {
	return o.add(elemHash(member), member, score, o.tree.Append)
}

func (o *zsetObject) add(h uint64, member []byte, score float64, insert func(float64, alloc.Ref) error) error {
	var room [scoreBytes]byte
	ref, err := o.insert(h, member, scoreValue(&room, score), 0)
	if err != nil {
		return err
	}
	if insert(score, ref) != nil {
		slot, _ := o.table.FindRef(h, ref)
		o.delete(&slot)
		return ErrNoMemory
	}
	return nil
}

// remove removes a member; false if there is none.
func (o *zsetObject) remove(member []byte) bool {
	var slot index.Slot
	ref, ok := o.find(elemHash(member), member, &slot)
	if !ok {
		return false
	}
	if !o.tree.DeleteEnd(ref) { // most are popped
		o.tree.Delete(o.scoreOf(ref), member)
	}
	o.delete(&slot)
	return true
}

// prefetchEnds asks for the memory of the first or last n members, at most a batch.
func (o *zsetObject) prefetchEnds(n int, last bool) {
	n = min(n, batch, o.len())
	if n == 0 {
		return
	}
	var room [batch]alloc.Ref
	refs := room[:0]
	from := 0
	if last {
		from = o.len() - n
	}
	var c ranked.Cursor
	o.tree.Seek(&c, from)
	for range n {
		_, ref := c.Item()
		refs = append(refs, ref)
		c.Next()
	}
	o.prefetchRefs(refs)
}

func (o *zsetObject) check() (parts int64, err error) {
	parts, err = o.dict.check()
	if err == nil {
		err = o.tree.Check()
	}
	if err == nil && o.tree.Len() != o.len() {
		err = fmt.Errorf("%d members by hash, %d by order", o.len(), o.tree.Len())
	}
	if err != nil || o.tree.Len() == 0 {
		return parts + int64(o.tree.Nodes()), err
	}
	var c ranked.Cursor
	o.tree.Seek(&c, 0)
	for more := true; more; more = c.Next() {
		score, ref := c.Item()
		if got := o.scoreOf(ref); got != score {
			return parts, fmt.Errorf("member %q has score %v, %v by order", o.key(ref), got, score)
		}
		if _, ok := o.table.FindRef(elemHash(o.key(ref)), ref); !ok {
			return parts, fmt.Errorf("member %q is not found by hash", o.key(ref))
		}
	}
	return parts + int64(o.tree.Nodes()), nil
}
