package server

import (
	"slices"
	"strings"
	"testing"

	"hpkv/server/command"
)

var (
	docGroups = []string{"cluster", "bitmap", "connection", "generic", "geo", "hash", "hyperloglog", "list", "pubsub",
		"scripting", "server", "set", "sorted-set", "stream", "string", "transactions"}
	argumentTypes = []string{"block", "double", "integer", "key", "oneof", "pattern", "pure-token", "string", "unix-time"}
	argumentFlags = []string{"multiple", "multiple_token", "optional"}
)

// Every command is documented, every documented command exists, and its
// arguments fit its row.
func TestDocsTable(t *testing.T) {
	table, err := newTable(nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	defer func() {
		for _, name := range command.Documented() {
			if !rows[name] {
				t.Errorf("docs.json has an entry for %s, which is no command", name)
			}
		}
	}()
	for _, r := range table.Rows() {
		for _, r := range append([]*command.Row{r}, r.Subs()...) {
			rows[r.FullName()] = true
			d := r.Doc()
			if d == nil {
				t.Errorf("docs.json has no entry for %s", r.FullName())
				continue
			}
			for _, what := range badDoc(r, d) {
				t.Errorf("docs.json: %s: %s", r.FullName(), what)
			}
		}
	}
}

func badDoc(r *command.Row, d *command.Doc) (bad []string) {
	check := func(ok bool, what string) {
		if !ok {
			bad = append(bad, what)
		}
	}
	check(len(d.Summary) > 10 && strings.HasSuffix(d.Summary, ".") && !strings.ContainsAny(d.Summary, "\r\n"), "the summary is no sentence")
	check(strings.Count(d.Since, ".") == 2, "since is no version")
	check(slices.Contains(docGroups, d.Group), "unknown group "+d.Group)
	check((d.Complexity == "") == (r.Run == nil), "complexity: a command has one, a mere container has none")
	check(slices.Contains(d.Flags, "deprecated") == (d.DeprecatedSince != "") && (d.DeprecatedSince == "") == (d.ReplacedBy == ""),
		"the flag deprecated, deprecated_since and replaced_by go together")
	check(r.Run != nil || len(d.Arguments) == 0, "a mere container has arguments")
	for i := range d.Arguments {
		bad = append(bad, badArgument(r, &d.Arguments[i])...)
	}
	names := 1
	if r.Parent() != nil {
		names = 2
	}
	least, fixed := extent(d.Arguments)
	least += names
	if r.Run != nil && len(r.Subs()) == 0 && !looseArity[r.FullName()] {
		check(r.Arity < 0 && -r.Arity == least || r.Arity > 0 && r.Arity == least, "the least number of arguments is not the arity")
		check(r.Arity < 0 || fixed, "arguments vary, the arity does not")
	}
	return bad
}

// looseArity are commands whose arity, as in Redis, is not the least number of
// arguments that can succeed.
var looseArity = map[string]bool{
	"debug":       true, // Redis documents no arguments
	"client|kill": true, // its filters are all optional, one is needed
}

func badArgument(r *command.Row, a *command.Argument) (bad []string) {
	check := func(ok bool, what string) {
		if !ok {
			bad = append(bad, "argument "+a.Name+": "+what)
		}
	}
	check(a.Name != "", "no name")
	check(slices.Contains(argumentTypes, a.Type), "unknown type "+a.Type)
	nested := a.Type == "oneof" || a.Type == "block"
	check(nested == (len(a.Arguments) > 0), "only and all of oneof and block have arguments of their own")
	check(a.Type != "pure-token" || a.Token != "" || a.Name == "empty_string", "no token")
	check((a.Key != nil) == (a.Type == "key") || a.Type == "pattern", "key and type do not agree")
	check(a.Key == nil || *a.Key >= 0 && *a.Key < len(r.Keys), "there is no such key spec")
	for _, f := range a.Flags {
		check(slices.Contains(argumentFlags, f), "unknown flag "+f)
	}
	check(!a.Has("multiple_token") || a.Has("multiple") && a.Token != "", "multiple_token without multiple or a token")
	for i := range a.Arguments {
		bad = append(bad, badArgument(r, &a.Arguments[i])...)
	}
	return bad
}

// extent is the least number of words the arguments are, and whether that is
// always their number.
func extent(args []command.Argument) (least int, fixed bool) {
	fixed = true
	for i := range args {
		a := &args[i]
		n, same := 1, true
		switch a.Type {
		case "block":
			n, same = extent(a.Arguments)
		case "oneof":
			n = 1 << 20
			for j := range a.Arguments {
				k, s := extent(a.Arguments[j : j+1])
				same = same && s && (j == 0 || k == n)
				n = min(n, k)
			}
		}
		if a.Token != "" && a.Type != "pure-token" {
			n++
		}
		if a.Has("optional") {
			n, same = 0, false
		}
		least += n
		fixed = fixed && same && !a.Has("multiple")
	}
	return least, fixed
}

func TestUsage(t *testing.T) {
	for name, want := range map[string]string{
		"get":    "key",
		"set":    "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
		"mset":   "key value [key value ...]",
		"bitop":  "operation destkey key [key ...]",
		"select": "index",
	} {
		table, err := newTable(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := command.Usage(table.Lookup([]byte(name)).Doc().Arguments); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
