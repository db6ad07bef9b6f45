package command

// KeyFlag says what a command does with the keys of one KeySpec; names and
// meaning as in Redis 7.
type KeyFlag uint16

const (
	KeyRO            KeyFlag = 1 << iota // reads the value, does not change it
	KeyRW                                // modifies the value
	KeyOW                                // overwrites the value
	KeyRM                                // removes the key
	KeyAccess                            // returns, copies or uses user data of the value
	KeyUpdate                            // changes user data of the value
	KeyInsert                            // only adds user data
	KeyDelete                            // only removes user data
	KeyNotKey                            // looks like a key but is none (SPUBLISH channel)
	KeyIncomplete                        // the spec may miss keys
	KeyVariableFlags                     // the flags depend on the arguments
)

// BeginKind is how a KeySpec finds its first key.
type BeginKind uint8

const (
	BeginIndex   BeginKind = iota // at position Pos
	BeginKeyword                  // after the argument Keyword, searched from Pos (negative: backwards from the end)
	BeginUnknown                  // not described by the spec
)

// FindKind is how a KeySpec finds its keys from the first one on.
type FindKind uint8

const (
	FindRange   FindKind = iota // Last (relative to the first; negative: from the end), Step, Limit
	FindKeyNum                  // a count at NumIdx, the first key at First, then every Step, all relative
	FindUnknown                 // not described by the spec
)

// KeySpec locates keys among the arguments, with the two steps of Redis 7 key
// specifications: begin_search and find_keys.
type KeySpec struct {
	Flags KeyFlag
	Notes string

	Begin   BeginKind
	Pos     int
	Keyword string

	Find          FindKind
	Last          int
	Step          int
	Limit         int // 0 or 1: none; n: only the first 1/n of the remaining arguments are keys
	NumIdx, First int
}

// one is the spec of a command whose only key is its first argument.
func one(f KeyFlag) []KeySpec { return span(f, 1, 1, 1) }

// span is the spec of keys at first, first+step, ... last (absolute, negative
// from the end).
func span(f KeyFlag, first, last, step int) []KeySpec {
	if last > 0 {
		last -= first
	}
	return []KeySpec{{Flags: f, Pos: first, Last: last, Step: step}}
}

// LockRange is what the dispatcher locks before the handler runs: the
// arguments first, first+step, ... last are keys (absolute positions, inclusive). ok is false
// when nothing needs locking beforehand: no key, one key (its operation locks
// by itself), or an Optimistic row.
func (r *Row) LockRange(n int) (first, last, step int, ok bool) { panic("unfinished") }

// KeyPos is a key among the arguments.
type KeyPos struct {
	Pos   int
	Flags KeyFlag
}

// AppendKeys appends the positions of all keys of the command line to dst.
// ok is false when the arguments do not fit the row's key specs.
func (r *Row) AppendKeys(dst []KeyPos, args [][]byte) (keys []KeyPos, ok bool) { panic("unfinished") }

// FirstKey is the position of the first key for a row whose keys start at a
// fixed position, else 0. The dispatcher prefetches by it.
func (r *Row) FirstKey() int { return r.first }

type lockPlan uint8
