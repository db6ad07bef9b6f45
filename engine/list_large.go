package engine

import (
	"hpkv/engine/deque"
)

// list is a list that has outgrown one record.
type list struct{ deque.List }

func (s *shard) newList() *list { return &list{*deque.New(&s.blocks)} }

// newListOf makes a large list of elements. On error it returns what there is.
func (s *shard) newListOf(elems [][]byte) (large, error) {
	l := s.newList()
	lim := s.e.limits.listLimit()
	for _, e := range elems {
		if err := l.Push(deque.Right, e, lim); err != nil {
			return l, err
		}
	}
	return l, nil
}

// cut drops n elements at an end of a list; many blocks are freed in steps.
func (s *shard) cut(l *list, end deque.End, n int) {
	if gone := l.Cut(end, n, buryAtOnce); gone != nil {
		s.buried = append(s.buried, &list{*gone})
	}
}

// listBytes is the Go memory of a large list, but for one slice.
const listBytes = 112

func (l *list) kind() Type       { return TypeList }
func (l *list) count() int       { return l.Len() }
func (l *list) bytes() int64     { return listBytes + int64(l.Held()) + int64(l.BookBytes()) }
func (l *list) encoding() string { return "quicklist" }

func (l *list) free(budget int) (done bool) { return !l.FreeStep(budget) }

// export has the number of elements that are done as its cursor.
func (l *list) export(cursor uint64, c *chunk) (next uint64) {
	c.kind = EffectListPushRight
	cur := l.From(int(cursor))
	for next = cursor; !c.full(); next++ {
		v, ok := cur.Next()
		if !ok {
			return 0
		}
		c.addValue(v)
	}
	if int(next) == l.Len() {
		return 0
	}
	return next
}

func (l *list) leave(cursor uint64, budget int) (next uint64, cost int) {
	block, cost := l.Leave(int(cursor), budget)
	return uint64(block), cost
}

func (l *list) check() (parts int64, err error) { return int64(l.Blocks()), l.Check() }

// listLimit is what a block of a large list may hold.
func (l *Limits) listLimit() deque.Limit {
	n := l.ListSize.Load()
	switch {
	case n > 0:
		return deque.Limit{Bytes: listBlockMax, Count: int(min(n, 1<<31))}
	case n == 0:
		return deque.Limit{Bytes: listBlockMax, Count: 1}
	}
	return deque.Limit{Bytes: 2048 << min(-n, 5)}
}

// listBlockMax bounds a block where ListSize counts elements.
const listBlockMax = 8192

// listFits reports whether count elements of so many bytes are a compact list.
// To become one again it must be well below the limit, so that a list at the
// limit does not change its form with each element.
func (l *Limits) listFits(count, bytes int, again bool) bool {
	lim := l.listLimit()
	if again {
		lim.Bytes /= 2
		lim.Count /= 2
		if l.ListSize.Load() >= 0 && lim.Count == 0 {
			return false
		}
	}
	return bytes <= lim.Bytes && (lim.Count == 0 || count <= lim.Count)
}
