package compat

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// grammarRow is one form of a command. Weight is its share of the commands
// generated. The form is written in a small notation:
//
//	{name}     an argument from the generator of that name
//	( a | b )  one of the alternatives
//	[ a | b ]  nothing, or one of the alternatives
//	< a b >    the sequence, one to four times
//	a/1        nothing else: slashes and other signs are literal
//
// A new family is a new list of rows, added to grammars. DBSIZE and
// MEMORY USAGE have no row: they may see keys that are past their time, and when
// those go is the server's own.
type grammarRow struct {
	weight int
	form   string
}

// grammars lists the families. Commands that our server does not have are left
// out when a fuzzing run starts.
var grammars = [][]grammarRow{keyGrammar, stringGrammar, bitmapGrammar, hllGrammar, listGrammar, hashGrammar, setGrammar, zsetGrammar, geoGrammar, sortGrammar, connectionGrammar}

var keyGrammar = []grammarRow{
	{6, "DEL < {key} >"},
	{2, "UNLINK < {key} >"},
	{4, "EXISTS < {key} >"},
	{2, "TOUCH < {key} >"},
	{3, "TYPE {key}"},
	{2, "KEYS {pattern}"},
	{1, "RANDOMKEY"},
	{2, "SCAN 0 COUNT 10000 [ MATCH {pattern} ] [ TYPE ( string | list | foo ) ]"},
	{4, "RENAME {key} {key}"},
	{4, "RENAMENX {key} {key}"},
	{5, "COPY {key} {key} [ DB {db} ] [ REPLACE ]"},
	{4, "MOVE {key} {db}"},
	{4, "EXPIRE {key} {ttl} [ NX | XX | GT | LT | {junk} ] [ XX | GT | LT ]"},
	{3, "PEXPIRE {key} {ttlms} [ NX | XX | GT | LT ]"},
	{4, "EXPIREAT {key} {at} [ NX | XX | GT | LT ]"},
	{3, "PEXPIREAT {key} {atms} [ NX | XX | GT | LT ] [ XX | LT ]"},
	{3, "( TTL | PTTL | EXPIRETIME | PEXPIRETIME ) {key}"},
	{3, "PERSIST {key}"},
	{3, "OBJECT ENCODING {key}"},
	{1, "OBJECT ( FREQ | FOO | REFCOUNT {key} ) {key}"},
}

var stringGrammar = []grammarRow{
	{14, "SET {key} {val} [ NX | XX ] [ GET ] [ EX {ttl} | PX {ttlms} | EXAT {at} | PXAT {atms} | KEEPTTL ]"},
	{10, "SET {key} {val}"},
	{8, "GET {key}"},
	{2, "SETNX {key} {val}"},
	{2, "SETEX {key} {ttl} {val}"},
	{2, "PSETEX {key} {ttlms} {val}"},
	{3, "GETSET {key} {val}"},
	{3, "GETDEL {key}"},
	{4, "GETEX {key} [ EX {ttl} | PX {ttlms} | EXAT {at} | PXAT {atms} | PERSIST | {junk} ]"},
	{4, "MGET < {key} >"},
	{3, "MSET < {key} {val} >"},
	{3, "MSETNX < {key} {val} >"},
	{6, "APPEND {key} {val}"},
	{3, "STRLEN {key}"},
	{4, "( GETRANGE | SUBSTR ) {key} {index} {index}"},
	{5, "SETRANGE {key} {offset} {val}"},
	{5, "( INCR | DECR ) {key}"},
	{5, "( INCRBY | DECRBY ) {key} {int}"},
	{4, "INCRBYFLOAT {key} {float}"},
	{3, "LCS {key} {key} [ LEN ] [ IDX ] [ MINMATCHLEN {index} ] [ WITHMATCHLEN ]"},
}

var bitmapGrammar = []grammarRow{
	{4, "SETBIT {key} {offset} {bit}"},
	{3, "GETBIT {key} {offset}"},
	{4, "BITCOUNT {key} [ {index} {index} [ BYTE | BIT ] ]"},
	{4, "BITPOS {key} {bit} [ {index} [ {index} [ BYTE | BIT ] ] ]"},
	{4, "BITOP ( AND | OR | XOR ) {key} < {key} >"},
	{2, "BITOP NOT {key} {key}"},
	{5, "BITFIELD {key} < ( GET {bftype} {bfoffset} | [ OVERFLOW ( WRAP | SAT | FAIL ) ] ( SET {bftype} {bfoffset} {setint} | INCRBY {bftype} {bfoffset} {int} ) ) >"},
	{2, "BITFIELD_RO {key} < GET {bftype} {bfoffset} >"},
}

var hllGrammar = []grammarRow{
	{8, "PFADD {key} {val}"}, // of several, Redis adds those before one that finds the value damaged
	{2, "PFADD {key}"},
	{4, "PFCOUNT {key}"},
	{2, "PFCOUNT < {key} >"},
	{3, "PFMERGE {key} < {key} >"},
	{1, "PFMERGE {key}"},
	{2, "PFDEBUG ( ENCODING | TODENSE | {junk} ) {key}"},

	// Where a value is cut short Redis reads on behind it: what is decoded has keys
	// that no string command damages.
	{4, "PFADD {hllkey} < {val} >"},
	{1, "PFMERGE {hllkey} < {hllkey} >"},
	{2, "PFDEBUG DECODE {hllkey}"},
}

var listGrammar = []grammarRow{
	{10, "( LPUSH | RPUSH ) {key} < {val} >"},
	{3, "( LPUSHX | RPUSHX ) {key} < {val} >"},
	{5, "( LPOP | RPOP ) {key} [ {small} ]"},
	{3, "LMPOP {small} < {key} > ( LEFT | RIGHT ) [ COUNT {small} ]"},
	{2, "LMPOP 1 {key} ( LEFT | RIGHT ) [ COUNT {small} ]"},
	{2, "LLEN {key}"},
	{4, "LRANGE {key} {index} {index}"},
	{2, "LRANGE {key} 0 -1"},
	{3, "LINDEX {key} {small}"},
	{3, "LSET {key} {small} {val}"},
	{3, "LINSERT {key} ( BEFORE | AFTER | {junk} ) {val} {val}"},
	{3, "LREM {key} {small} {val}"},
	{2, "LTRIM {key} {small} {small}"},
	{3, "LPOS {key} {val} [ RANK {small} ] [ COUNT {small} ] [ MAXLEN {small} ]"},
	{4, "LMOVE {key} {key} ( LEFT | RIGHT ) ( LEFT | RIGHT | {junk} )"},
	{3, "RPOPLPUSH {key} {key}"},
	{3, "( BLPOP | BRPOP ) < {key} > {wait}"},
	{2, "BLMPOP {wait} {small} < {key} > ( LEFT | RIGHT ) [ COUNT {small} ]"},
	{2, "BLMPOP {wait} 1 {key} ( LEFT | RIGHT ) [ COUNT {small} ]"},
	{3, "BLMOVE {key} {key} ( LEFT | RIGHT ) ( LEFT | RIGHT | {junk} ) {wait}"},
	{2, "BRPOPLPUSH {key} {key} {wait}"},
}

// What is chosen at random differs by nature: forms that choose leave one choice
// or take all.
var hashGrammar = []grammarRow{
	{10, "HSET {key} < {field} {val} >"},
	{2, "HMSET {key} < {field} {val} >"},
	{3, "HSETNX {key} {field} {val}"},
	{4, "HGET {key} {field}"},
	{3, "HMGET {key} < {field} >"},
	{3, "( HGETALL | HKEYS | HVALS | HLEN ) {key}"},
	{5, "HDEL {key} < {field} >"},
	{3, "( HEXISTS | HSTRLEN ) {key} {field}"},
	{4, "HINCRBY {key} {field} {int}"},
	{3, "HINCRBYFLOAT {key} {field} {float}"},
	{1, "HRANDFIELD {key} 0 [ WITHVALUES | {junk} ]"},
	{2, "HSCAN {key} 0 COUNT 10000 [ MATCH {pattern} ]"},
}

var setGrammar = []grammarRow{
	{10, "SADD {key} < {member} >"},
	{6, "SREM {key} < {member} >"},
	{3, "( SMEMBERS | SCARD ) {key}"},
	{2, "SISMEMBER {key} {member}"},
	{2, "SMISMEMBER {key} < {member} >"},
	{4, "SMOVE {key} {key} {member}"},
	{4, "( SINTER | SUNION | SDIFF ) < {key} >"},
	{4, "( SINTERSTORE | SUNIONSTORE | SDIFFSTORE ) {key} < {key} >"},
	{2, "SINTERCARD 2 {key} {key} [ LIMIT {index} ]"},
	{2, "( SPOP | SRANDMEMBER ) {key} 0"},
	{1, "SPOP {key} 10000"},
	{2, "SSCAN {key} 0 COUNT 10000 [ MATCH {pattern} ]"},
}

var connectionGrammar = []grammarRow{
	{4, "SELECT {db}"},
	{1, "SWAPDB {db} {db}"},
	{1, "( FLUSHDB | FLUSHALL ) [ SYNC | ASYNC | {junk} ]"},
	{1, "PING [ {val} ]"},
	{1, "ECHO {val}"},
	{1, "HELLO ( 2 | 3 | {junk} )"},
	{1, "RESET"},
	{5, "MULTI"},
	{8, "EXEC"},
	{2, "DISCARD"},
	{4, "WATCH < {key} >"},
	{1, "UNWATCH"},
	{1, "CLIENT SETNAME {val}"},
	{1, "CLIENT GETNAME"},
	{1, "COMMAND ( GETKEYS | GETKEYSANDFLAGS ) ( GET {key} | SET {key} {val} | MSET < {key} {val} > | BITOP AND < {key} > )"},
	{1, "{junk} {key}"},
}

// generators produce single arguments. Expiry times are far in the future or in
// the past, never soon: a key that expires while a sequence is played would
// differ between the servers by chance. Relative times are drawn from a wide
// range, so that two of them are never equal under GT or LT.
var generators = map[string]func(r *rand.Rand) string{
	"key":    func(r *rand.Rand) string { return pick(r, "a", "b", "c", "d", "e", "f") },
	"hllkey": func(r *rand.Rand) string { return pick(r, "ha", "hb") },
	"field":  func(r *rand.Rand) string { return pick(r, "f1", "f2", "f3", "f4", "1", "2", "") },
	"member": func(r *rand.Rand) string {
		return pick(r, "1", "2", "3", "-70000", "5000000000", "x", "y", "z", "", "01")
	},
	"val": func(r *rand.Rand) string {
		switch r.IntN(8) {
		case 0:
			return strings.Repeat(pick(r, "x", "y", "ab"), r.IntN(120))
		case 1, 2:
			return strconv.Itoa(r.IntN(200) - 100)
		case 3:
			return pick(r, "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1.5", "-0.25", "1e3", "3.0", "01", " 1", "-0", "10000", "9999")
		case 4:
			return pick(r, "", "\x00", "\xff\xff", "\x01\x80\x00\x7f", "a\r\nb", "nan", "inf")
		default:
			return pick(r, "v", "w", "hello", "foobar", "mynewtext", "ohmytext", "aaaa")
		}
	},
	"int": func(r *rand.Rand) string {
		if r.IntN(3) > 0 {
			return strconv.Itoa(r.IntN(600) - 300)
		}
		return pick(r, "0", "1", "-1", "9223372036854775807", "-9223372036854775808", "-9223372036854775807", "9223372036854775808", "abc", "", "1.0", "4294967296", "+1")
	},
	// Redis' check for overflow overflows itself when BITFIELD SET gets a value
	// next to the least integer: it then saturates to the wrong end.
	"setint": func(r *rand.Rand) string {
		if r.IntN(3) > 0 {
			return strconv.Itoa(r.IntN(600) - 300)
		}
		return pick(r, "9223372036854775807", "-4611686018427387904", "9223372036854775808", "abc", "")
	},
	"float": func(r *rand.Rand) string {
		if r.IntN(3) > 0 {
			return strconv.FormatFloat(float64(r.IntN(2000)-1000)/float64(int(1)<<r.IntN(8)), 'f', -1, 64)
		}
		return pick(r, "0", "1", "-1", "0.1", "3.14", "1e5", "-1e-5", "abc", "", "nan", "inf", "-inf", "5.0e3", "1e17", "0.0001", " 1", "9223372036854775807")
	},
	"small": func(r *rand.Rand) string {
		return pick(r, "0", "1", "2", "3", "-1", "-2", "5", "1", "2", "100", "x", "-100")
	},
	"index":  func(r *rand.Rand) string { return edge(r, 40, 20) },
	"offset": func(r *rand.Rand) string { return edge(r, 90, 3) },
	"bit":    func(r *rand.Rand) string { return pick(r, "0", "1", "0", "1", "0", "1", "2", "-1", "x") },
	"db": func(r *rand.Rand) string {
		return pick(r, "0", "1", "2", "0", "1", "2", "0", "1", "15", "16", "-1", "x")
	},
	"ttl": func(r *rand.Rand) string {
		if r.IntN(5) > 0 {
			return strconv.Itoa(1000 + r.IntN(1000000))
		}
		return pick(r, "0", "-1", "-100", "abc", "9223372036854775807", "-9223372036854775808", "9223372036854775", "")
	},
	"ttlms": func(r *rand.Rand) string {
		if r.IntN(5) > 0 {
			return strconv.Itoa(1000000 + r.IntN(1000000000))
		}
		return pick(r, "0", "-1", "abc", "9223372036854775807", "-9223372036854775808", "")
	},
	"at": func(r *rand.Rand) string {
		return pick(r, "4102444800", "4102444801", "4102444799", "4200000000", "1", "0", "-1", "x", "9223372036854775807")
	},
	"atms": func(r *rand.Rand) string {
		return pick(r, "4102444800000", "4102444800001", "4102444799500", "4200000000000", "1", "0", "-1", "x", "9223372036854775808")
	},
	"pattern": func(r *rand.Rand) string { return pick(r, "*", "?", "[a-c]", "[^a]", "a*", "nokey", "[", "\\a", "") },
	"junk":    func(r *rand.Rand) string { return pick(r, "FOO", "abc", "", "-1", "NX", "\x00", "9223372036854775808") },
	"bftype": func(r *rand.Rand) string {
		return pick(r, "u8", "i8", "u4", "i5", "u1", "i64", "u63", "i16", "u3", "u64", "i0", "x")
	},
	"bfoffset": func(r *rand.Rand) string {
		return pick(r, "0", "1", "7", "8", "13", "100", "#0", "#1", "#5", "#20", "-1", "#", "x")
	},
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

// edge is mostly a number in [-low, high), sometimes one at the limits.
func edge(r *rand.Rand, high, low int) string {
	if r.IntN(10) > 0 {
		return strconv.Itoa(r.IntN(high+low) - low)
	}
	return pick(r, "9223372036854775807", "-9223372036854775808", "9223372036854775808", "4294967296", "536870912", "x", "", "1.5")
}

// part is a parsed piece of a form.
type part struct {
	word     string   // literal
	gen      string   // generator
	alts     [][]part // alternatives of a group
	optional bool
	repeat   bool
}

// Grammar generates commands.
type Grammar struct {
	rows  [][]part
	picks []int // row indexes, each as often as its weight
}

// NewGrammar builds the grammar of the commands for which has returns true.
func NewGrammar(has func(command string) (bool, error)) (*Grammar, error) {
	return newGrammar(grammars, has)
}

func newGrammar(families [][]grammarRow, has func(command string) (bool, error)) (*Grammar, error) {
	g := &Grammar{}
	for _, family := range families {
		for _, row := range family {
			parts, rest, err := parseForm(strings.Fields(row.form), "")
			if err != nil || len(rest) > 0 {
				return nil, fmt.Errorf("form %q: %v %v", row.form, rest, err)
			}
			ok := true
			for _, name := range heads(parts) {
				h, err := has(name)
				if err != nil {
					return nil, err
				}
				ok = ok && h
			}
			if !ok {
				continue
			}
			for range row.weight {
				g.picks = append(g.picks, len(g.rows))
			}
			g.rows = append(g.rows, parts)
		}
	}
	if len(g.rows) == 0 {
		return nil, fmt.Errorf("our server has none of the commands of the grammar")
	}
	return g, nil
}

// heads returns the command names a form can begin with.
func heads(parts []part) []string {
	p := parts[0]
	if p.word != "" {
		return []string{p.word}
	}
	var names []string
	for _, alt := range p.alts {
		names = append(names, heads(alt)...)
	}
	return names
}

// parseForm parses words up to the closing sign.
func parseForm(words []string, closing string) ([]part, []string, error) {
	var parts []part
	for len(words) > 0 {
		w := words[0]
		switch {
		case w == closing || w == "|":
			return parts, words, nil
		case w == "(" || w == "[" || w == "<":
			end := map[string]string{"(": ")", "[": "]", "<": ">"}[w]
			p := part{optional: w == "[", repeat: w == "<"}
			words = words[1:]
			for {
				alt, rest, err := parseForm(words, end)
				if err != nil {
					return nil, nil, err
				}
				if len(rest) == 0 {
					return nil, nil, fmt.Errorf("%s is not closed", w)
				}
				p.alts = append(p.alts, alt)
				words = rest[1:]
				if rest[0] == end {
					break
				}
			}
			parts = append(parts, p)
			continue
		case strings.HasPrefix(w, "{"):
			name := strings.Trim(w, "{}")
			if generators[name] == nil {
				return nil, nil, fmt.Errorf("no generator %s", w)
			}
			parts = append(parts, part{gen: name})
		default:
			parts = append(parts, part{word: w})
		}
		words = words[1:]
	}
	return parts, nil, nil
}

var undamaged = []string{"COMMAND", "SORT", "SORT_RO", "BLPOP", "BRPOP", "BLMPOP", "BLMOVE", "BRPOPLPUSH", "BZPOPMIN", "BZPOPMAX", "BZMPOP",
	"SCAN", "HSCAN", "SSCAN", "ZSCAN", "ZRANK", "ZREVRANK", "ZADD", "ZINCRBY", "SPOP", "SRANDMEMBER", "HRANDFIELD"}

// Command generates one command. One in thirty is damaged: an argument is
// lost, doubled or replaced.
func (g *Grammar) Command(r *rand.Rand) []string {
	args := emit(nil, g.rows[g.picks[r.IntN(len(g.picks))]], r)
	// COMMAND GETKEYS without arguments and ZRANK with another are named
	// differences, large scores print otherwise in 7.0 (ZADD), and what a cursor
	// means that the server did not give, or which
	// members are chosen without a count, is its own. A wait must stay short, and
	// what SORT leaves in no order has rows that avoid it.
	if r.IntN(30) == 0 && !slices.Contains(undamaged, args[0]) {
		k := r.IntN(len(args))
		switch {
		case k > 0 && r.IntN(2) == 0:
			args = append(args[:k], args[k+1:]...)
		case k > 0 && r.IntN(2) == 0:
			args[k] = generators["junk"](r)
		default:
			args = append(args, args[k])
		}
	}
	return args
}

func emit(dst []string, parts []part, r *rand.Rand) []string {
	for _, p := range parts {
		switch {
		case p.gen != "":
			dst = append(dst, generators[p.gen](r))
		case p.word != "":
			dst = append(dst, p.word)
		case p.optional && r.IntN(2) == 0:
		default:
			n := 1
			if p.repeat {
				n = 1 + r.IntN(4)
			}
			for range n {
				dst = emit(dst, p.alts[r.IntN(len(p.alts))], r)
			}
		}
	}
	return dst
}
