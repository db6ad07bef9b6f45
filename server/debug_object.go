package server

import (
	"fmt"
	"math"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"hpkv/engine"
	"hpkv/resp"
	"hpkv/server/command"
)

// debugObject describes a value in Redis' words. Records move, so instead of an
// address at tells the hash by which the key is found. serializedlength is the
// value's size in Redis' dump format without compression; a list's nodes are
// those that Redis' limits make as they are now. As in Redis, a key that has
// expired is described until somebody removes it.
func debugObject(ctx *command.Ctx) {
	ctx.Txn.Hold(ctx.Args[2])
	ctx.Txn.AsStored(func() { describeObject(ctx, ctx.Args[2]) })
}

func describeObject(ctx *command.Ctx, key []byte) {
	encoding, ok := ctx.Txn.Encoding(key)
	if !ok {
		ctx.W.Error(resp.ErrNoSuchKey)
		return
	}
	idle, _ := ctx.Txn.IdleSeconds(key)
	s := owner(ctx).srv
	var v measured
	ctx.Txn.Aside(func() { v = measure(ctx.Txn, key, encoding, s.listLimits()) })
	text := fmt.Sprintf("Value at:0x%x refcount:1 encoding:%s serializedlength:%d lru:%d lru_seconds_idle:%d",
		xxhash.Sum64(key), encoding, v.serialized, (ctx.Txn.Now()/1000-idle)&(1<<24-1), idle)
	if encoding == "quicklist" {
		text += fmt.Sprintf(" ql_nodes:%d ql_avg_node:%.2f ql_listpack_max:%d ql_compressed:0 ql_uncompressed_size:%d",
			v.nodes, float64(v.elements)/float64(max(v.nodes, 1)), s.cfg.ListMaxListpackSize.Load(), v.packed)
	}
	ctx.W.Status(text)
}

// debugListpack tells the server's log of a value that is one packed sequence.
func debugListpack(ctx *command.Ctx) {
	key := ctx.Args[2]
	ctx.Txn.Hold(key)
	encoding, ok := ctx.Txn.Encoding(key)
	switch {
	case !ok:
		ctx.W.Error(resp.ErrNoSuchKey)
		return
	case encoding != "listpack":
		ctx.W.Error("ERR Not a listpack encoded object.")
		return
	}
	var v measured
	ctx.Txn.Aside(func() { v = measure(ctx.Txn, key, encoding, owner(ctx).srv.listLimits()) })
	bytes, _ := ctx.Txn.MemoryUsage(key)
	owner(ctx).srv.log.Warn().Bytes("key", key).Int64("elements", v.elements).Int64("bytes", v.packed).Int64("memory", bytes).Msg("DEBUG LISTPACK")
	ctx.W.Status("Listpack structure printed on stdout")
}

// measured are the sizes of a value in Redis' formats, in bytes.
type measured struct {
	elements   int64 // of a collection; a hash has two for each field
	serialized int64
	packed     int64 // in memory: as listpacks, and large elements of lists as they are
	nodes      int64 // of a list
}

// measure walks a value, under its shard's lock.
func measure(t *engine.Txn, key []byte, encoding string, limits listLimits) (m measured) {
	var strings int64 // serialized one by one
	element := func(b []byte) {
		m.elements++
		m.packed += listpackEntry(b)
		strings += serializedString(b)
	}
	nodes := listNodes{listLimits: limits}
	var number [32]byte
	switch t.Type(key) {
	case engine.TypeString:
		value, _, _ := t.Get(nil, key, nil)
		m.serialized = serializedString(value)
		return m
	case engine.TypeList:
		_ = t.ListRange(key, 0, -1, func(int) {}, func(v engine.ListValue) {
			nodes.add(v.Append(number[:0]))
		})
		m.elements, m.packed = nodes.elements, nodes.memory
	case engine.TypeHash:
		_ = t.HGetAll(key, func(int) {}, func(field, value []byte) { element(field); element(value) })
	case engine.TypeSet:
		_ = t.SMembers(key, func(int) {}, element)
	case engine.TypeZSet:
		_ = t.ZRange(key, &engine.ZRange{Stop: -1}, func(int) {}, func(member []byte, score float64) {
			element(member)
			m.packed += listpackEntry(resp.AppendDouble(number[:0], score))
			strings += 8
		})
		m.elements *= 2
	}
	switch encoding {
	case "listpack":
		if t.Type(key) != engine.TypeList {
			m.packed += listpackEnds
		}
		m.serialized = lengthPrefix(m.packed) + m.packed
	case "quicklist":
		m.nodes = nodes.n
		m.serialized = lengthPrefix(nodes.n) + m.packed + nodes.prefixes + nodes.n // a byte tells the kind of a node
	case "intset":
		m.serialized = intsetBytes(t, key)
		m.serialized += lengthPrefix(m.serialized)
	case "skiplist":
		m.serialized = lengthPrefix(m.elements/2) + strings
	case "hashtable":
		n := m.elements
		if t.Type(key) == engine.TypeHash {
			n /= 2
		}
		m.serialized = lengthPrefix(n) + strings
	}
	return m
}

// listLimits are what decides which elements of a list share a node.
type listLimits struct {
	size  int64 // list-max-listpack-size
	plain int64 // bytes from which on an element has a node of its own
}

func (s *Server) listLimits() listLimits {
	return listLimits{s.cfg.ListMaxListpackSize.Load(), s.packedThreshold.Load()}
}

// listpackEnds is what a listpack takes beside its entries.
const listpackEnds = 7

// listNodes counts the nodes of a list that is filled from the left.
type listNodes struct {
	listLimits
	elements int64
	n, count int64 // nodes; elements of the last
	bytes    int64 // of the last, without its ends
	memory   int64 // of all
	prefixes int64 // of all, serialized
	closed   bool  // nothing may join the last
}

// add adds an element.
func (l *listNodes) add(b []byte) {
	n := int64(len(b))
	l.elements++
	if n >= l.plain {
		l.n++
		l.closed = true
		l.memory += n
		l.prefixes += lengthPrefix(n)
		return
	}
	if l.n == 0 || l.closed || l.full(n) {
		l.n++
		l.count, l.bytes, l.closed = 0, 0, false
		l.memory += listpackEnds
		l.prefixes += lengthPrefix(listpackEnds)
	}
	size := listpackEntry(b)
	l.prefixes += lengthPrefix(l.bytes+size+listpackEnds) - lengthPrefix(l.bytes+listpackEnds)
	l.count++
	l.bytes += size
	l.memory += size
}

// full says whether an element of n bytes does not fit into the last node. As in
// Redis, what it will take is only guessed.
func (l *listNodes) full(n int64) bool {
	const guess, safe = 15, 8192
	if l.size > 0 {
		return l.count == l.size || l.bytes+n+guess > safe
	}
	return l.bytes+n+guess > 4096<<min(max(-l.size-1, 0), 4)
}

// lengthPrefix is the size of a length in Redis' dump format.
func lengthPrefix(n int64) int64 {
	switch {
	case n < 1<<6:
		return 1
	case n < 1<<14:
		return 2
	case n <= math.MaxUint32:
		return 5
	}
	return 9
}

// serializedString is the size of a string in Redis' dump format.
func serializedString(b []byte) int64 {
	if n, ok := resp.ParseInt64(b); ok && len(b) <= 11 {
		switch {
		case n == int64(int8(n)):
			return 2
		case n == int64(int16(n)):
			return 3
		case n == int64(int32(n)):
			return 5
		}
	}
	return lengthPrefix(int64(len(b))) + int64(len(b))
}

// listpackEntry is the size of an entry of a listpack.
func listpackEntry(b []byte) int64 {
	size := int64(0)
	n, isInt := resp.ParseInt64(b)
	switch {
	case isInt && n >= 0 && n < 1<<7:
		size = 1
	case isInt && n >= -1<<12 && n < 1<<12:
		size = 2
	case isInt && n == int64(int16(n)):
		size = 3
	case isInt && n >= -1<<23 && n < 1<<23:
		size = 4
	case isInt && n == int64(int32(n)):
		size = 5
	case isInt:
		size = 9
	case len(b) < 1<<6:
		size = 1 + int64(len(b))
	case len(b) < 1<<12:
		size = 2 + int64(len(b))
	default:
		size = 5 + int64(len(b))
	}
	switch back := int64(1); { // the size, again, to walk backwards
	case size >= 1<<28:
		back++
		fallthrough
	case size >= 1<<21:
		back++
		fallthrough
	case size >= 1<<14:
		back++
		fallthrough
	case size >= 1<<7:
		back++
		fallthrough
	default:
		size += back
	}
	return size
}

// intsetBytes is the size of a set of integers in Redis' memory: each has the
// width of the widest.
func intsetBytes(t *engine.Txn, key []byte) int64 {
	count, width := int64(0), int64(2)
	_ = t.SMembers(key, func(n int) { count = int64(n) }, func(m []byte) {
		switch n, _ := strconv.ParseInt(string(m), 10, 64); {
		case n != int64(int32(n)):
			width = 8
		case n != int64(int16(n)):
			width = max(width, 4)
		}
	})
	return 8 + count*width
}
