package command

import (
	"fmt"
	"strings"
)

func rowError(name, what string) error { return fmt.Errorf("command: row %q %s", name, what) }

// compile copies a row and its subcommands, checks them and derives what the
// row implies.
func compile(src, parent *Row) (*Row, error) {
	r := new(Row)
	*r = *src
	r.compiled = compiled{full: r.Name, parent: parent}
	if parent != nil {
		r.full = parent.Name + "|" + r.Name
	}
	for _, check := range []func(*Row) string{badShape, badFlags, badKeys} {
		if what := check(r); what != "" {
			return nil, rowError(r.full, what)
		}
	}
	r.first, r.last, r.step = legacyRange(r)
	r.Cats |= implied(r.Flags, r.Cats)
	r.lock = planLock(r)
	return r, compileSubs(r)
}

func compileSubs(r *Row) error {
	seen := map[string]bool{}
	for i := range r.Sub {
		s, err := compile(&r.Sub[i], r)
		if err != nil {
			return err
		}
		if seen[s.Name] {
			return rowError(s.full, "is defined twice")
		}
		seen[s.Name] = true
		r.subRows = append(r.subRows, s)
	}
	if len(r.subRows) > 0 {
		r.subs = newIndex(r.subRows)
	}
	return nil
}

// badShape checks name, arity, handler and nesting.
func badShape(r *Row) string {
	names := 1
	if r.parent != nil {
		names = 2
	}
	switch {
	case r.Name == "" || r.Name != strings.ToLower(r.Name) || strings.ContainsAny(r.Name, "| \r\n\t"):
		return "has a name that is empty, not lower case, or contains a separator"
	case r.Arity < 0 && -r.Arity < names || r.Arity >= 0 && r.Arity < names:
		return "has an arity that does not count its own name"
	case r.Run == nil && len(r.Sub) == 0:
		return "has no handler"
	case r.parent != nil && len(r.Sub) > 0:
		return "is a subcommand with subcommands"
	case len(r.Sub) > 0 && len(r.Keys) > 0:
		return "is a container with keys"
	case len(r.Sub) > 0 && r.Arity > 0:
		return "is a container that takes no further argument"
	}
	return ""
}

// badFlags checks what flags and categories say against each other.
func badFlags(r *Row) string {
	touches := r.Is(Write | ReadOnly)
	switch {
	case r.Is(MovableKeys):
		return "sets MovableKeys, which is derived"
	case r.Is(Write) && r.Is(ReadOnly):
		return "is both Write and ReadOnly"
	case r.Is(DenyOOM) && !r.Is(Write):
		return "is DenyOOM but does not write"
	case r.Is(Optimistic) && (r.Is(Write) || len(r.Keys) == 0):
		return "is Optimistic but writes, or names no key"
	case r.Is(AllShards) && r.Is(Optimistic):
		return "is both AllShards and Optimistic"
	case touches && len(r.Keys) == 0 && !r.Is(AllShards):
		return "touches the data set but names no key and is not AllShards"
	case r.Together != nil && (!r.Is(Fast) || len(r.Keys) != 1 || r.Is(AllShards)):
		return "runs Together but is not Fast, or has not one key"
	case r.Is(EndsMulti) && !r.Is(Immediate), r.Is(RunsQueue) && !r.Is(EndsMulti):
		return "ends a transaction but is queued by it, or runs a queue that it leaves open"
	case r.Is(NoData) && (touches || len(r.Keys) > 0 || r.Is(Admin)):
		return "is NoData but names keys, or is for operators"
	case r.Is(Informs) && (!r.Is(Admin) || touches):
		return "Informs but is not Admin, or touches the data set"
	case r.Is(AllShards) && !touches:
		return "is AllShards but neither Write nor ReadOnly"
	case r.Cats&(CatRead|CatWrite|CatPubSub|CatFast|CatSlow|CatBlocking) != 0:
		return "names a category that its flags imply"
	}
	return ""
}

// badKeys checks the key specs against the arity and the flags.
func badKeys(r *Row) string {
	changes, userData, vague, repeats := false, false, false, false
	for i := range r.Keys {
		k := &r.Keys[i]
		vague = vague || k.vague()
		repeats = repeats || k.Begin == BeginKeyword
		if what := k.bad(r); what != "" {
			return what
		}
		changes = changes || k.Flags&(KeyRW|KeyOW|KeyRM) != 0
		userData = userData || k.Flags&(KeyOW|KeyRM|KeyUpdate|KeyInsert|KeyDelete) != 0
	}
	switch {
	case r.Is(Write) && len(r.Keys) > 0 && !changes:
		return "is Write but changes none of its keys"
	case r.Is(ReadOnly) && userData && !r.Is(MayReplicate):
		return "is ReadOnly but changes a key"
	case vague && r.FindKeys == nil, r.FindKeys != nil && !vague && !repeats:
		return "needs FindKeys exactly when its key specs do not tell everything"
	}
	return ""
}

// bad checks one spec. Positions must be certain to exist in the shortest
// command line the arity allows, unless the row says its keys are optional.
func (k *KeySpec) bad(r *Row) string {
	access := k.Flags & (KeyRO | KeyRW | KeyOW | KeyRM)
	least := max(r.Arity, -r.Arity)
	if r.Is(NoMandatoryKeys) || k.Flags&KeyNotKey != 0 {
		least = 1 << 30
	}
	switch {
	case k.Flags&KeyNotKey == 0 && (access == 0 || access&(access-1) != 0):
		return "has a key spec without exactly one of KeyRO, KeyRW, KeyOW, KeyRM"
	case k.Begin == BeginIndex && (k.Pos < 1 || k.Pos > least || k.Pos == least && !k.mayBeNone()):
		return "has a key spec that begins outside its arity"
	case k.Begin == BeginKeyword && (k.Keyword == "" || k.Pos == 0):
		return "has a key spec without keyword or start"
	case k.Find == FindRange && k.Step < 1:
		return "has a key range without step"
	case k.Begin == BeginIndex && k.Find == FindRange && (k.Last >= 0 && k.Pos+k.Last >= least || k.Last >= 0 && k.Last%k.Step != 0):
		return "has a key range that ends outside its arity"
	case k.Find == FindRange && k.Last < 0 && r.Arity > 0 && k.Begin == BeginIndex && r.Arity+k.Last < k.Pos:
		return "has a key range that ends before it begins"
	case k.Find == FindKeyNum && (k.Step < 1 || k.First < 1 || k.NumIdx < 0):
		return "has a key count spec without step or first key"
	case k.Begin == BeginIndex && k.Find == FindKeyNum && k.Pos+k.NumIdx >= least:
		return "has a key count outside its arity"
	}
	return ""
}

// legacyRange is the first, last, step triple of COMMAND before Redis 7: the
// only index range, or the union of consecutive ones with step 1. It sets
// MovableKeys when the triple does not tell the whole truth.
func legacyRange(r *Row) (first, last, step int) {
	if len(r.Keys) == 0 {
		return 0, 0, 0
	}
	if k := &r.Keys[0]; len(r.Keys) == 1 && k.Begin == BeginIndex && k.Find == FindRange {
		if k.Flags&KeyIncomplete != 0 {
			r.Flags |= MovableKeys
		}
		return k.Pos, k.absLast(), k.Step
	}
	for i := range r.Keys {
		k := &r.Keys[i]
		consecutive := k.Begin == BeginIndex && k.Find == FindRange && k.Step == 1 && (last == 0 || last == k.Pos-1)
		if !consecutive || k.Flags&KeyIncomplete != 0 {
			r.Flags |= MovableKeys
		}
		if !consecutive {
			continue
		}
		if first == 0 || k.Pos < first {
			first = k.Pos
		}
		// Unsigned, so that an end counted from the last argument wins.
		if l := k.absLast(); last == 0 || uint(l) > uint(last) {
			last = l
		}
		step = 1
	}
	if first == 0 {
		r.Flags |= MovableKeys
	}
	return first, last, step
}

func (k *KeySpec) absLast() int {
	if k.Last >= 0 {
		return k.Pos + k.Last
	}
	return k.Last
}
