package command

import (
	"bytes"
	"cmp"
	"slices"

	"hpkv/engine"
	"hpkv/resp"
)

var sortRows = []Row{
	{Name: "sort", Arity: -2, Flags: Write | DenyOOM | AllShards, Keys: sortKeys, FindKeys: findSortKeys,
		Cats: CatSet | CatSortedSet | CatList | CatDangerous, Run: sortKey},
	{Name: "sort_ro", Arity: -2, Flags: ReadOnly | AllShards, Keys: sortKeys[:2], FindKeys: findSortKey,
		Cats: CatSet | CatSortedSet | CatList | CatDangerous, Run: sortReadOnly},
}

var sortKeys = []KeySpec{
	{Flags: KeyRO | KeyAccess, Pos: 1, Step: 1},
	{Flags: KeyRO | KeyAccess, Begin: BeginUnknown, Find: FindUnknown,
		Notes: "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort"},
	{Flags: KeyOW | KeyUpdate, Begin: BeginUnknown, Find: FindUnknown,
		Notes: "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array"},
}

func findSortKey(dst []KeyPos, _ [][]byte) ([]KeyPos, bool) {
	return append(dst, KeyPos{1, KeyRO | KeyAccess}), true
}

// findSortKeys finds the last STORE, which is the one that counts.
func findSortKeys(dst []KeyPos, args [][]byte) ([]KeyPos, bool) {
	dst = append(dst, KeyPos{1, KeyRO | KeyAccess})
	store := 0
	for i := 2; i < len(args); i++ {
		switch {
		case resp.EqualFold(args[i], "LIMIT"):
			i += 2
		case resp.EqualFold(args[i], "GET"), resp.EqualFold(args[i], "BY"):
			i++
		case resp.EqualFold(args[i], "STORE") && i+1 < len(args):
			i++
			store = i
		}
	}
	if store > 0 {
		dst = append(dst, KeyPos{store, KeyOW | KeyUpdate})
	}
	return dst, true
}

// sorting is what SORT is asked for.
type sorting struct {
	desc, alpha   bool
	limited       bool
	offset, count int64
	by            []byte // pattern; nil: by the elements themselves
	unsorted      bool   // BY something without *
	get           [][]byte
	store         []byte
}

// sortable is an element and what it is sorted by.
type sortable struct {
	elem   []byte
	score  float64
	weight []byte // under ALPHA; nil: there is none
}

func sortKey(c *Ctx)      { runSort(c, false) }
func sortReadOnly(c *Ctx) { runSort(c, true) }

// sortInline is the number of elements that are sorted on the event loop, in
// some 200 us.
const sortInline = 1000

func runSort(c *Ctx, readOnly bool) {
	o, e := parseSort(c, readOnly)
	if e != "" {
		c.W.Error(e)
		return
	}
	if c.Host != nil && c.Txn.ElementCount(c.Args[1]) > sortInline {
		c.Defer(func(c *Ctx) { // the arguments are others there
			o, _ := parseSort(c, readOnly)
			o.run(c)
		})
		return
	}
	o.run(c)
}

func parseSort(c *Ctx, readOnly bool) (*sorting, string) {
	o := new(sorting)
	a := resp.NewArgs(c.Args[2:])
	for a.More() {
		switch {
		case a.Tag("ASC"):
			o.desc = false
		case a.Tag("DESC"):
			o.desc = true
		case a.Tag("ALPHA"):
			o.alpha = true
		case a.TagWith("LIMIT", 2):
			o.limited, o.offset, o.count = true, a.Int64(), a.Int64()
		case !readOnly && a.TagWith("STORE", 1):
			o.store = a.Bytes()
		case a.TagWith("BY", 1):
			o.by = a.Bytes()
			o.unsorted = bytes.IndexByte(o.by, '*') < 0
		case a.TagWith("GET", 1):
			o.get = append(o.get, a.Bytes())
		default:
			a.Fail(resp.ErrSyntax)
		}
	}
	return o, a.Err()
}

// lock takes the shards that are needed: patterns lead to keys in any.
func (o *sorting) lock(c *Ctx) {
	switch {
	case c.Txn.Locked():
	case o.by != nil && !o.unsorted, len(o.get) > 0:
		c.Txn.LockAll()
	default:
		c.Txn.Want(c.Args[1])
		if o.store != nil {
			c.Txn.Want(o.store)
		}
		c.Txn.LockWanted()
	}
}

func (o *sorting) run(c *Ctx) {
	o.lock(c)
	list, ok := o.load(c)
	if !ok {
		c.W.Error(resp.ErrWrongType)
		return
	}
	if !o.unsorted {
		if !o.weigh(c, list) {
			c.W.Error(resp.ErrSortScore)
			return
		}
		slices.SortStableFunc(list, o.compare)
	}
	list = o.limit(list)
	if o.store != nil {
		n, err := c.Txn.ListStore(o.store, o.results(c, list))
		c.integer(n, err)
		return
	}
	if len(o.get) == 0 {
		c.W.Array(len(list))
		for i := range list {
			c.W.Bulk(list[i].elem)
		}
		return
	}
	c.W.Array(len(list) * len(o.get))
	for i := range list {
		for _, pattern := range o.get {
			if val, ok := c.resolve(pattern, list[i].elem); ok {
				c.W.Bulk(val)
			} else {
				c.W.Null()
			}
		}
	}
}

// load copies the elements of the key, in the order they have without sorting.
func (o *sorting) load(c *Ctx) (list []sortable, ok bool) {
	key := c.Args[1]
	begin := func(n int) { list = make([]sortable, 0, n) }
	add := func(elem []byte) { list = append(list, sortable{elem: bytes.Clone(elem)}) }
	var err error
	switch c.Txn.Type(key) {
	case engine.TypeNone:
		c.Txn.LookedUp(key, false)
	case engine.TypeList:
		err = c.Txn.ListRange(key, 0, -1, begin, func(v engine.ListValue) {
			list = append(list, sortable{elem: v.Append([]byte{})})
		})
		if o.unsorted && o.desc {
			slices.Reverse(list)
		}
	case engine.TypeSet:
		if o.unsorted && o.store != nil { // what is stored must not depend on the order of a hash table
			o.unsorted, o.alpha, o.by = false, true, nil
		}
		err = c.Txn.SMembers(key, begin, add)
	case engine.TypeZSet:
		err = c.Txn.ZRange(key, &engine.ZRange{Stop: -1, Reverse: o.unsorted && o.desc}, begin, func(m []byte, _ float64) { add(m) })
	default:
		return nil, false
	}
	for i := range list {
		if list[i].elem == nil { // an empty element is one all the same
			list[i].elem = []byte{}
		}
	}
	return list, err == nil
}

// weigh finds what each element is sorted by; false if that is no number where
// it must be one.
func (o *sorting) weigh(c *Ctx, list []sortable) bool {
	for i := range list {
		s := &list[i]
		weight, ok := s.elem, true
		if o.by != nil {
			weight, ok = c.resolve(o.by, s.elem)
		}
		switch {
		case !ok: // counts as 0, and comes first under ALPHA
		case o.alpha:
			s.weight = weight
		case len(weight) == 0: // to Redis that is 0
		default:
			if s.score, ok = resp.ParseFloat(bytes.TrimLeft(weight, " \t\n\v\f\r")); !ok {
				return false
			}
		}
	}
	return true
}

func (o *sorting) compare(a, b sortable) int {
	order := 0
	switch {
	case !o.alpha:
		if order = cmp.Compare(a.score, b.score); order == 0 {
			order = bytes.Compare(a.elem, b.elem)
		}
	case a.weight == nil && b.weight == nil:
	case a.weight == nil:
		order = -1
	case b.weight == nil:
		order = 1
	default:
		order = bytes.Compare(a.weight, b.weight)
	}
	if o.desc {
		return -order
	}
	return order
}

// limit applies LIMIT.
func (o *sorting) limit(list []sortable) []sortable {
	if !o.limited {
		return list
	}
	from := int(min(max(o.offset, 0), int64(len(list))))
	to := len(list)
	if o.count >= 0 {
		to = from + int(min(o.count, int64(len(list)-from)))
	}
	return list[from:to]
}

// results is what is stored: an absent value as an empty string.
func (o *sorting) results(c *Ctx, list []sortable) [][]byte {
	var out [][]byte
	for i := range list {
		if len(o.get) == 0 {
			out = append(out, list[i].elem)
			continue
		}
		for _, pattern := range o.get {
			val, _ := c.resolve(pattern, list[i].elem)
			out = append(out, val)
		}
	}
	return out
}

// resolve returns the value that a pattern names for an element: # is the element
// itself; else the element takes the place of * in the name of a string, or, with
// -> and a field behind it, of a hash.
func (c *Ctx) resolve(pattern, elem []byte) ([]byte, bool) {
	if string(pattern) == "#" {
		return elem, true
	}
	star := bytes.IndexByte(pattern, '*')
	if star < 0 {
		return nil, false
	}
	tail, field := pattern[star+1:], []byte(nil)
	if arrow := bytes.Index(tail, []byte("->")); arrow >= 0 && arrow+2 < len(tail) {
		tail, field = tail[:arrow], tail[arrow+2:]
	}
	key := append(c.scratch[:0], pattern[:star]...)
	key = append(append(key, elem...), tail...)
	c.scratch = key
	var val []byte
	var found bool
	var err error
	if field != nil {
		val, found, err = c.Txn.HGet([]byte{}, key, field, nil)
	} else {
		val, found, err = c.Txn.Get([]byte{}, key, nil)
	}
	return val, found && err == nil
}
