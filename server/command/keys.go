package command

import "hpkv/resp"

// KeyPos is a key among the arguments of a command line.
type KeyPos struct {
	Pos   int
	Flags KeyFlag
}

// HasKeys reports whether the command can name keys at all.
func (r *Row) HasKeys() bool {
	for i := range r.Keys {
		if r.Keys[i].Flags&KeyNotKey == 0 {
			return true
		}
	}
	return false
}

// AppendKeys appends the positions of all keys of the command line to dst, in
// the order of the specs. ok is false when the arguments do not fit the
// specs: a count that is no number, keys beyond the last argument.
func (r *Row) AppendKeys(dst []KeyPos, args [][]byte) (keys []KeyPos, ok bool) {
	if r.FindKeys != nil {
		return r.FindKeys(dst, args)
	}
	for i := range r.Keys {
		if dst, ok = r.Keys[i].appendKeys(dst, args); !ok {
			return dst, false
		}
	}
	return dst, true
}

func (k *KeySpec) appendKeys(dst []KeyPos, args [][]byte) ([]KeyPos, bool) {
	if k.Flags&KeyNotKey != 0 {
		return dst, true
	}
	first := k.Pos
	if k.Begin == BeginKeyword {
		if first = k.afterKeyword(args); first == 0 {
			return dst, true // an option that was not given
		}
	}
	first, last, ok := k.bounds(first, args)
	if !ok || first >= len(args) || last >= len(args) || last < first {
		return dst, false
	}
	for i := first; i <= last; i += k.Step {
		dst = append(dst, KeyPos{i, k.Flags})
	}
	return dst, true
}

// afterKeyword returns the position behind the keyword, 0 when it is missing.
// As in Redis, a search forwards leaves out the last argument and a search
// backwards leaves out the first: neither could be followed by a key there.
func (k *KeySpec) afterKeyword(args [][]byte) int {
	if k.Pos > 0 {
		for i := k.Pos; i < len(args)-1; i++ {
			if resp.EqualFold(args[i], k.Keyword) {
				return i + 1
			}
		}
		return 0
	}
	for i := len(args) + k.Pos; i > 1; i-- {
		if resp.EqualFold(args[i], k.Keyword) {
			return i + 1
		}
	}
	return 0
}

// bounds returns the positions of the first and last key.
func (k *KeySpec) bounds(begin int, args [][]byte) (first, last int, ok bool) {
	switch {
	case k.Find == FindKeyNum:
		if begin+k.NumIdx >= len(args) {
			return 0, 0, false
		}
		n, ok := resp.ParseInt64(args[begin+k.NumIdx])
		if !ok || n < 0 || n > int64(len(args)) {
			return 0, 0, false
		}
		first = begin + k.First
		return first, first + (int(n)-1)*k.Step, true
	case k.Last >= 0:
		return begin, begin + k.Last, true
	case k.Limit > 1:
		return begin, begin + (len(args)-begin)/k.Limit + k.Last, true
	}
	return begin, len(args) + k.Last, true
}

// lockPlan is how the keys of a command are locked before its handler runs.
type lockPlan uint8

const (
	lockNothing lockPlan = iota // no key, one key, or an operation that locks by itself
	lockSpan                    // the legacy range says which
	lockFound                   // AppendKeys says which
)

func planLock(r *Row) lockPlan {
	switch {
	case r.Is(Optimistic|AllShards) || len(r.Keys) == 0:
		return lockNothing
	case r.Is(MovableKeys):
		return lockFound
	case r.first == r.last:
		return lockNothing
	}
	return lockSpan
}

// LockRange is what must be locked before the command runs alone with n
// arguments: the arguments first, first+step, ... last (inclusive) are keys.
// ok is false when nothing needs locking beforehand: no key or one key, whose
// operation locks by itself, an Optimistic row, or one with MovableKeys, for
// which LockKeys asks AppendKeys.
func (r *Row) LockRange(n int) (first, last, step int, ok bool) {
	if r.lock != lockSpan {
		return 0, 0, 0, false
	}
	last = r.last
	if last < 0 {
		last += n
	}
	return r.first, last, r.step, last-r.first >= r.step
}

// LockKeys locks the shards of the command's keys for the rest of its
// transaction, if the command needs that. Whoever runs a command alone calls it
// once, before the handler.
func (c *Ctx) LockKeys() {
	if c.Row.lock != lockNothing {
		c.lockKeys()
	}
}

func (c *Ctx) lockKeys() {
	switch c.Row.lock {
	case lockSpan:
		if first, last, step, ok := c.Row.LockRange(len(c.Args)); ok {
			c.Txn.LockKeys(c.Args, first, last, step)
		}
	case lockFound:
		var room [16]KeyPos
		found, ok := c.Row.AppendKeys(room[:0], c.Args)
		if !ok {
			c.Txn.LockAll() // the handler decides what the arguments mean
			return
		}
		for _, k := range found {
			c.Txn.Want(c.Args[k.Pos])
		}
		c.Txn.LockWanted()
	}
}

// FirstKey is the position of the first key of a command whose keys start at a
// fixed position, else 0. The dispatcher prefetches the index by it.
func (r *Row) FirstKey() int { return r.first }
