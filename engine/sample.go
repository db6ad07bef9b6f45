package engine

import (
	"math"
	"math/bits"

	"hpkv/engine/alloc"
)

// scan visits about count elements from cursor on and returns the next cursor.
func (d *dict) scan(cursor uint64, count int, visit func(ref alloc.Ref)) (next uint64) {
	buckets := 10 * min(count, math.MaxInt/10) // as SCAN
	one := func(ref alloc.Ref) {
		count--
		visit(ref)
	}
	for next = d.table.Scan(cursor, one); next != 0 && count > 0 && buckets > 0; buckets-- {
		next = d.table.Scan(next, one)
	}
	return next
}

// upTo returns a random number below n.
func (t *Txn) upTo(n int) int {
	hi, _ := bits.Mul64(t.lane.rng.Uint64(), uint64(n))
	return int(hi)
}

// sample visits n different elements chosen at random, or -n independently
// chosen ones if n is negative. begin is told how many it will be.
func (d *dict) sample(t *Txn, n int64, begin func(n int), visit func(ref alloc.Ref)) {
	size := d.len()
	switch {
	case n < 0:
		begin(int(-n))
		for ; n < 0; n++ {
			ref, _ := d.table.Random(t.lane.rng.Uint64)
			visit(ref)
		}
	case n >= int64(size):
		begin(size)
		for pos := d.table.Scan(0, visit); pos != 0; {
			pos = d.table.Scan(pos, visit)
		}
	case n*3 > int64(size):
		begin(int(n))
		d.sampleMany(t, int(n), visit)
	default:
		begin(int(n))
		d.sampleFew(t, int(n), visit)
	}
}

// sampleMany shuffles all elements as far as needed.
func (d *dict) sampleMany(t *Txn, n int, visit func(ref alloc.Ref)) {
	all := make([]alloc.Ref, 0, d.len())
	add := func(ref alloc.Ref) { all = append(all, ref) }
	for pos := d.table.Scan(0, add); pos != 0; {
		pos = d.table.Scan(pos, add)
	}
	for i := range n {
		k := i + t.upTo(len(all)-i)
		all[i], all[k] = all[k], all[i]
		visit(all[i])
	}
}

// sampleFew draws until n different elements have come up.
func (d *dict) sampleFew(t *Txn, n int, visit func(ref alloc.Ref)) {
	seen := make(map[alloc.Ref]struct{}, n)
	for len(seen) < n {
		ref, _ := d.table.Random(t.lane.rng.Uint64)
		if _, again := seen[ref]; !again {
			seen[ref] = struct{}{}
			visit(ref)
		}
	}
}

// samplePacked does what sample does for a collection of size elements that are
// reached by number.
func (t *Txn) samplePacked(size int, n int64, begin func(n int), visit func(i int)) {
	switch {
	case size == 0:
		begin(0)
	case n < 0:
		begin(int(-n))
		for ; n < 0; n++ {
			visit(t.upTo(size))
		}
	default:
		left := int(min(n, int64(size)))
		begin(left)
		for i := 0; left > 0; i++ { // each of those left is as likely as any other
			if t.upTo(size-i) < left {
				visit(i)
				left--
			}
		}
	}
}
