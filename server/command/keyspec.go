package command

// KeyFlag says what a command does with the keys of one KeySpec; names and
// meaning as in Redis 7. Exactly one of the first four is set.
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

var keyFlagNames = [...]string{
	"RO", "RW", "OW", "RM", "access", "update", "insert", "delete",
	"not_key", "incomplete", "variable_flags",
}

// Names lists the flags as COMMAND reports them.
func (f KeyFlag) Names() []string {
	var names []string
	for i, n := range keyFlagNames {
		if f&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// BeginKind is how a KeySpec finds its first key.
type BeginKind uint8

const (
	BeginIndex   BeginKind = iota // at position Pos
	BeginKeyword                  // behind the argument Keyword, searched from Pos on (negative: backwards from the end)
	BeginUnknown                  // not described by the spec
)

// FindKind is how a KeySpec finds its keys from the first one on.
type FindKind uint8

const (
	FindRange   FindKind = iota // up to Last, every Step
	FindKeyNum                  // as many as the argument at NumIdx says, from First on, every Step
	FindUnknown                 // not described by the spec
)

// KeySpec locates keys among the arguments in the two steps of Redis 7 key
// specifications, begin_search and find_keys.
type KeySpec struct {
	Flags KeyFlag
	Notes string

	Begin   BeginKind
	Pos     int
	Keyword string

	Find   FindKind
	Last   int // relative to the first key; negative: counted from the end of the command line
	Step   int
	Limit  int // with Last -1: only the first 1/Limit of the arguments left are keys; 0: all
	NumIdx int // relative to what begin_search found
	First  int // relative to what begin_search found
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

// counted is the spec of keys behind their number, which is at pos.
func counted(f KeyFlag, pos int) []KeySpec {
	return []KeySpec{{Flags: f, Pos: pos, Find: FindKeyNum, First: 1, Step: 1}}
}

// twoKeys are the specs of a command with a source and a destination.
func twoKeys(src, dst KeyFlag) []KeySpec {
	return append(span(src, 1, 1, 1), span(dst, 2, 2, 1)...)
}

// mayBeNone reports whether there may be no key: a range to the end of the
// command line, behind other keys.
func (k *KeySpec) mayBeNone() bool { return k.Find == FindRange && k.Last == -1 && k.Pos > 1 }

// vague reports whether the spec may miss keys or misstate their flags.
func (k *KeySpec) vague() bool {
	return k.Flags&(KeyIncomplete|KeyVariableFlags) != 0 || k.Begin == BeginUnknown || k.Find == FindUnknown
}
