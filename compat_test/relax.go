package compat

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Relaxation compares two replies that are allowed to differ in a stated way.
// ours and ref are parsed; equal bytes were accepted before it is asked. In place
// of Compare, Unit says that the replies are points or spans of time in that unit,
// which differ by what passes between the two servers' answers.
type Relaxation struct {
	Why     string
	Compare func(ours, ref Node) error
	Unit    time.Duration
}

// answerGap is what may pass between the two servers' answers, on top of all the
// time that has passed since the case began: as much may the machine have stood
// still between two of its commands.
const answerGap = 3 * time.Second

// relaxations are all the ways in which replies may differ and still pass. A
// case asks for one with "!name CMD"; commandRelax attaches some to commands.
var relaxations = map[string]Relaxation{
	"exact": {Why: "byte for byte; overrides what is attached to the command", Compare: func(ours, ref Node) error {
		return fmt.Errorf("replies differ")
	}},
	"any": {Why: "the value is the server's own (memory use, ids, a random key); the type must agree", Compare: sameKind},
	"error": {Why: "both must refuse, with the same code word; the text quotes something of the server's own", Compare: func(ours, ref Node) error {
		if !ours.IsError() || !ref.IsError() || firstWord(ours.Text) != firstWord(ref.Text) {
			return fmt.Errorf("not the same kind of error")
		}
		return nil
	}},
	"sort":  {Why: "the protocol promises no order of these elements", Compare: func(o, r Node) error { return sameWire(sorted(o), sorted(r)) }},
	"pairs": {Why: "the protocol promises no order of these pairs", Compare: func(o, r Node) error { return sameWire(sortedPairs(o), sortedPairs(r)) }},
	"ttl":   {Why: "seconds pass between the two servers' answers", Unit: time.Second},
	"pttl":  {Why: "milliseconds pass between the two servers' answers", Unit: time.Millisecond},
	"hello": {Why: "server version and connection id are the server's own", Compare: func(o, r Node) error { return samePairsBut(o, r, "version", "id") }},
	"encoding": {Why: "Redis 7.2 keeps short lists and small sets of strings as listpack, 7.0 as quicklist and hashtable", Compare: func(o, r Node) error {
		return sameWire(o, as72(o, r))
	}},
	"client": {Why: "of a CLIENT LIST line only the state a client caused itself is compared; 7.2 has lib-name and lib-ver, 7.0 has not",
		Compare: func(o, r Node) error { return sameLines(clientState(o.Text), clientState(r.Text)) }},
	"object": {Why: "the address and the times in a description by DEBUG OBJECT are the server's own", Compare: func(o, r Node) error {
		return sameLines([]string{ownParts.ReplaceAllString(o.Text, "")}, []string{ownParts.ReplaceAllString(r.Text, "")})
	}},
	"scan": {Why: "order and, for a cursor that is not 0, number of the elements are the server's own", Compare: func(o, r Node) error {
		if len(o.Elems) != 2 || len(r.Elems) != 2 || o.Elems[0].Text != "0" || r.Elems[0].Text != "0" {
			return sameKind(o, r)
		}
		return sameWire(sorted(o.Elems[1]), sorted(r.Elems[1]))
	}},
	"lookups": {Why: "of INFO stats only the look-ups that found a key and that found none are compared; the rest is the server's own",
		Compare: func(o, r Node) error {
			return sameLines(lookups.FindAllString(o.Text, -1), lookups.FindAllString(r.Text, -1))
		}},
	"line1": {Why: "only the first line of a help text is ours to keep; the rest lists what this version offers", Compare: func(o, r Node) error {
		if len(o.Elems) == 0 || len(r.Elems) == 0 {
			return fmt.Errorf("no help")
		}
		return sameWire(o.Elems[0], r.Elems[0])
	}},
	"picture": {Why: "what LOLWUT draws is its own, the size of the canvas is not", Compare: func(o, r Node) error {
		return sameLines(canvas(o.Text), canvas(r.Text))
	}},
	"version": {Why: "the version is the server's own", Compare: func(o, r Node) error {
		if !releases.MatchString(o.Text) || releases.ReplaceAllString(o.Text, "") != releases.ReplaceAllString(r.Text, "") {
			return fmt.Errorf("texts differ beside the version")
		}
		return nil
	}},
	"superset": {Why: "the reference has commands or fields that ours will get later; ours must have none that it lacks",
		Compare: func(o, r Node) error {
			if o.Kind != r.Kind {
				return sameKind(o, r)
			}
			has := map[string]bool{}
			for _, e := range r.Elems {
				has[string(e.Wire())] = true
			}
			for _, e := range o.Elems {
				if !has[string(e.Wire())] && !NewCommands[e.Text] && !strings.HasPrefix(e.Text, "hpkv.") {
					return fmt.Errorf("only ours has %q", e.Text)
				}
			}
			return nil
		}},
}

// commandRelax attaches a relaxation to commands whose replies are never
// comparable byte for byte. "!exact" overrides it.
var commandRelax = map[string]string{
	"keys":            "sort",
	"scan":            "scan",
	"zscan":           "scan",
	"hscan":           "scan",
	"sscan":           "scan",
	"ttl":             "ttl",
	"pttl":            "pttl",
	"expiretime":      "ttl",
	"pexpiretime":     "pttl",
	"time":            "any",
	"randomkey":       "any",
	"hello":           "hello",
	"memory":          "any", // MEMORY USAGE
	"object|idletime": "ttl",
	"object|encoding": "encoding",
	"smembers":        "sort",
	"spop":            "sort",
	"sinter":          "sort",
	"sunion":          "sort",
	"sdiff":           "sort",
	"hkeys":           "sort",
	"hvals":           "sort",
	"hgetall":         "pairs",
	"client|id":       "any",
	"debug|object":    "object",
	"client|list":     "client",
	"client|info":     "client",
	"config|get":      "pairs",
	"dump":            "any", // ends in a version and a checksum of it
}

// as72 is the reply of a 7.0 reference to OBJECT ENCODING, or what 7.2 may reply
// in its place if that is ours.
func as72(ours, ref Node) Node {
	if ours.Text == "listpack" && (ref.Text == "quicklist" || ref.Text == "hashtable") {
		return ours
	}
	return ref
}

// Differences names where Redis 7.2 answers otherwise than Redis 7.0, with the
// reason why the case files expect the former.
var Differences = map[string]string{
	"client-setinfo":  "CLIENT SETINFO came with 7.2; texts from its source",
	"getkeys-arity":   "7.2 lets COMMAND GETKEYS and GETKEYSANDFLAGS through with a command alone, and complains about that",
	"zrank-withscore": "ZRANK and ZREVRANK got WITHSCORE with 7.2",
	"timeout-range":   "7.2 calls a timeout too large, 7.0 takes it for negative",
	"hello-noauth":    "7.2 names the protocol argument in this text",
	"client-no-touch": "CLIENT NO-TOUCH came with 7.2; texts from its source",
	"set-listpack":    "7.2 packs small sets of strings, as it packs hashes",
}

// NewCommands are commands of 7.2, and those on the expiry of fields of 7.4, that
// a 7.0 reference does not have.
var NewCommands = map[string]bool{
	"client|setinfo": true, "client|no-touch": true, "cluster|myshardid": true, "waitaof": true,
	"hexpire": true, "hpexpire": true, "hexpireat": true, "hpexpireat": true,
	"httl": true, "hpttl": true, "hexpiretime": true, "hpexpiretime": true, "hpersist": true,
}

// relaxFor returns the relaxation a command carries by itself, or "".
func relaxFor(args []string) string {
	if len(args) == 0 {
		return ""
	}
	name := strings.ToLower(args[0])
	if r, ok := commandRelax[name]; ok {
		return r
	}
	if len(args) > 1 {
		return commandRelax[name+"|"+strings.ToLower(args[1])]
	}
	return ""
}

// releases are the version numbers in a text.
var releases = regexp.MustCompile(`\b7\.[02]\.[0-9]+`)

// canvas is a line for each of a picture's, with the number of its characters.
func canvas(text string) (lines []string) {
	for line := range strings.Lines(text) {
		n := strings.Count(line, "\x1b[0m")
		for _, c := range line {
			if c >= 0x2800 && c < 0x2900 {
				n++
			}
		}
		if n > 0 {
			lines = append(lines, strconv.Itoa(n))
		}
	}
	return lines
}

// Compare returns nil when two replies to one command agree. relax names how,
// "" being byte for byte. inner gives the relaxations of the elements of an
// EXEC reply in order and is nil otherwise. passed is the time since the first
// command whose effects may show in the replies.
func Compare(relax string, inner []string, passed time.Duration, ours, ref []byte) error {
	if bytes.Equal(ours, ref) {
		return nil
	}
	o, err := ParseReply(ours)
	if err != nil {
		return fmt.Errorf("ours: %w", err)
	}
	r, err := ParseReply(ref)
	if err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	// A relaxation excuses values, never an error on one side.
	if o.IsError() != r.IsError() {
		return fmt.Errorf("only one of the replies is an error")
	}
	if inner != nil && o.Kind == '*' && r.Kind == '*' && len(o.Elems) == len(inner) && len(r.Elems) == len(inner) {
		for i, name := range inner {
			if err := Compare(name, nil, passed, o.Elems[i].Wire(), r.Elems[i].Wire()); err != nil {
				return fmt.Errorf("element %d: %w", i+1, err)
			}
		}
		return nil
	}
	if relax == "" || (o.IsError() && relax != "error") {
		relax = "exact"
	}
	how := relaxations[relax]
	if how.Unit > 0 {
		return within(o, r, int64((answerGap+passed)/how.Unit))
	}
	return how.Compare(o, r)
}

func sameKind(o, r Node) error {
	if o.Kind != r.Kind || o.Null != r.Null {
		return fmt.Errorf("types %q and %q differ", o.Kind, r.Kind)
	}
	return nil
}

func sameWire(o, r Node) error {
	if !bytes.Equal(o.Wire(), r.Wire()) {
		return fmt.Errorf("replies differ beyond their order")
	}
	return nil
}

func sorted(n Node) Node {
	n.Elems = slices.Clone(n.Elems)
	sort.Slice(n.Elems, func(i, j int) bool { return string(n.Elems[i].Wire()) < string(n.Elems[j].Wire()) })
	return n
}

func sortedPairs(n Node) Node {
	if len(n.Elems)%2 != 0 {
		return n
	}
	type pair struct{ k, v Node }
	var ps []pair
	for i := 0; i < len(n.Elems); i += 2 {
		ps = append(ps, pair{n.Elems[i], n.Elems[i+1]})
	}
	sort.Slice(ps, func(i, j int) bool { return string(ps[i].k.Wire()) < string(ps[j].k.Wire()) })
	n.Elems = nil
	for _, p := range ps {
		n.Elems = append(n.Elems, p.k, p.v)
	}
	return n
}

func samePairsBut(o, r Node, except ...string) error {
	if o.Kind != r.Kind || len(o.Elems) != len(r.Elems) {
		return fmt.Errorf("not the same shape")
	}
	for i := 0; i+1 < len(o.Elems); i += 2 {
		if o.Elems[i].Text != r.Elems[i].Text {
			return fmt.Errorf("field %q where the reference has %q", o.Elems[i].Text, r.Elems[i].Text)
		}
		cmp := sameWire
		if slices.Contains(except, o.Elems[i].Text) {
			cmp = sameKind
		}
		if err := cmp(o.Elems[i+1], r.Elems[i+1]); err != nil {
			return fmt.Errorf("field %q: %w", o.Elems[i].Text, err)
		}
	}
	return nil
}

// within accepts two points or spans of time that lie close together. Negative
// replies mean "no key" and "no expiry" and have no tolerance.
func within(o, r Node, tolerance int64) error {
	a, errA := strconv.ParseInt(o.Text, 10, 64)
	b, errB := strconv.ParseInt(r.Text, 10, 64)
	if o.Kind != ':' || r.Kind != ':' || errA != nil || errB != nil || a < 0 || b < 0 {
		return fmt.Errorf("times differ")
	}
	if d := max(a-b, b-a); d > tolerance {
		return fmt.Errorf("times differ by %d", d)
	}
	return nil
}

var lookups = regexp.MustCompile(`keyspace_(hits|misses):[0-9]+`)

var ownParts = regexp.MustCompile(`at:0x[0-9a-f]+|lru:[0-9]+|lru_seconds_idle:[0-9]+`)

// clientFields are the fields of a CLIENT LIST line that are the same on any
// server for the same history of commands.
var clientFields = regexp.MustCompile(`^(name|flags|db|sub|psub|ssub|multi|cmd|user|resp)=`)

// clientState keeps the comparable fields of each line and the names of the
// others, without those that came with 7.2.
func clientState(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		var keep []string
		for _, f := range strings.Fields(line) {
			name, _, _ := strings.Cut(f, "=")
			switch {
			case name == "lib-name" || name == "lib-ver" || name == "watch":
			case clientFields.MatchString(f):
				keep = append(keep, f)
			default:
				keep = append(keep, name)
			}
		}
		lines = append(lines, strings.Join(keep, " "))
	}
	slices.Sort(lines)
	return lines
}

func sameLines(a, b []string) error {
	if !slices.Equal(a, b) {
		return fmt.Errorf("lines differ:\n  ours      %s\n  reference %s", strings.Join(a, "\n            "), strings.Join(b, "\n            "))
	}
	return nil
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(s, " ")
	return w
}
