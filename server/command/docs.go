package command

import (
	_ "embed" // docs.json
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"hpkv/resp"
)

// docsJSON documents every command: one object by full name. COMMAND DOCS and
// COMMANDS.md come from it; tests hold it against the table.
//
//go:embed docs.json
var docsJSON []byte

// Doc says about a command what nothing in the server needs but its users do.
type Doc struct {
	Summary         string      `json:"summary"` // a sentence
	Since           string      `json:"since"`   // version of Redis; of ours for commands that Redis does not have
	Group           string      `json:"group"`
	Complexity      string      `json:"complexity"` // "": that of the subcommand
	History         [][2]string `json:"history"`    // version, what came with it
	Flags           []string    `json:"flags"`      // deprecated, syscmd
	DeprecatedSince string      `json:"deprecated_since"`
	ReplacedBy      string      `json:"replaced_by"`
	Arguments       []Argument  `json:"arguments"`
}

// Argument is one argument of a command, or several that belong together.
type Argument struct {
	Name            string     `json:"name"`
	Type            string     `json:"type"`
	Key             *int       `json:"key"`   // which of the row's key specs finds it; nil: it is no key
	Token           string     `json:"token"` // the word in front of it, or the word it is
	Since           string     `json:"since"`
	DeprecatedSince string     `json:"deprecated_since"`
	Flags           []string   `json:"flags"`     // optional, multiple, multiple_token
	Arguments       []Argument `json:"arguments"` // of the types oneof and block
}

// docs reads docs.json when somebody asks first: a start does not need it.
var docs = sync.OnceValue(func() map[string]*Doc {
	m := make(map[string]*Doc)
	if err := json.Unmarshal(docsJSON, &m); err != nil {
		panic(fmt.Sprintf("BUG: docs.json: %v", err))
	}
	return m
})

// Doc is the row's documentation, nil if there is none. The caller must not
// change it.
func (r *Row) Doc() *Doc { return docs()[r.full] }

// Documented lists the full names that docs.json has, in no order.
func Documented() []string {
	var names []string
	for name := range docs() {
		names = append(names, name)
	}
	return names
}

// Has reports whether the argument has the flag.
func (a *Argument) Has(flag string) bool {
	for _, f := range a.Flags {
		if f == flag {
			return true
		}
	}
	return false
}

// nested reports whether the argument consists of others.
func (a *Argument) nested() bool { return a.Type == "oneof" || a.Type == "block" }

// longUsage is the length from which Usage does not repeat what may come again.
const longUsage = 40

// Usage writes arguments as a line of syntax: [optional], this | that,
// again [again ...].
func Usage(args []Argument) string {
	parts := make([]string, len(args))
	for i := range args {
		parts[i] = args[i].usage()
	}
	return strings.Join(parts, " ")
}

func (a *Argument) usage() string {
	text := a.Name
	switch {
	case a.Type == "oneof":
		choices := make([]string, len(a.Arguments))
		for i := range a.Arguments {
			choices[i] = a.Arguments[i].usage()
		}
		text = strings.Join(choices, " | ")
		if !a.Has("optional") || a.Token != "" || a.Has("multiple") {
			text = "<" + text + ">"
		}
	case a.Type == "block":
		text = Usage(a.Arguments)
	case a.Type == "pure-token":
		text = a.Token
		if text == "" {
			text = `""`
		}
	}
	word := ""
	if a.Token != "" && a.Type != "pure-token" {
		word = a.Token + " "
	}
	if a.Has("multiple") {
		again := text
		if a.Has("multiple_token") {
			again = word + text
		}
		if len(again) > longUsage {
			again = ""
		} else {
			again += " "
		}
		text += " [" + again + "...]"
	}
	text = word + text
	if a.Has("optional") {
		text = "[" + text + "]"
	}
	return text
}

// commandDocs answers for the commands named that exist, or for all.
func commandDocs(c *Ctx) {
	mark, n := c.W.BeginArray(), 0
	write := func(r *Row) {
		c.W.BulkString(r.full)
		writeDoc(c.W, r)
		n++
	}
	if len(c.Args) == 2 {
		for _, r := range c.Table.rows {
			write(r)
		}
	}
	for _, name := range c.Args[2:] {
		if r := c.Table.Find(name); r != nil {
			write(r)
		}
	}
	c.W.EndMap(mark, n)
}

// fields writes a map whose size is known when it is complete.
type fields struct {
	w       *resp.Writer
	mark, n int
}

func beginFields(w *resp.Writer) fields { return fields{w: w, mark: w.BeginArray()} }

func (f *fields) end() { f.w.EndMap(f.mark, f.n) }

// key writes the name of the field whose value comes next.
func (f *fields) key(name string) {
	f.w.BulkString(name)
	f.n++
}

// text writes a field unless its value is empty.
func (f *fields) text(name, value string) {
	if value != "" {
		f.key(name)
		f.w.BulkString(value)
	}
}

// flags writes a set of flags unless it is empty.
func (f *fields) flags(name string, flags []string) {
	if len(flags) > 0 {
		f.key(name)
		writeStatusSet(f.w, flags)
	}
}

func writeDoc(w *resp.Writer, r *Row) {
	f := beginFields(w)
	if d := r.Doc(); d != nil {
		f.text("summary", d.Summary)
		f.text("since", d.Since)
		f.text("group", d.Group)
		f.text("complexity", d.Complexity)
		f.flags("doc_flags", d.Flags)
		f.text("deprecated_since", d.DeprecatedSince)
		f.text("replaced_by", d.ReplacedBy)
		if len(d.History) > 0 {
			f.key("history")
			w.Set(len(d.History))
			for _, change := range d.History {
				w.Array(2)
				w.BulkString(change[0])
				w.BulkString(change[1])
			}
		}
		if len(d.Arguments) > 0 {
			f.key("arguments")
			writeArguments(w, d.Arguments)
		}
	}
	if len(r.subRows) > 0 {
		f.key("subcommands")
		w.Map(len(r.subRows))
		for _, s := range r.subRows {
			w.BulkString(s.full)
			writeDoc(w, s)
		}
	}
	f.end()
}

func writeArguments(w *resp.Writer, args []Argument) {
	w.Array(len(args))
	for i := range args {
		a := &args[i]
		f := beginFields(w)
		f.text("name", a.Name)
		f.text("type", a.Type)
		if !a.nested() {
			f.text("display_text", a.Name)
		}
		if a.Key != nil {
			f.key("key_spec_index")
			w.Int(int64(*a.Key))
		}
		if a.Token != "" || a.Type == "pure-token" {
			f.key("token")
			w.BulkString(a.Token)
		}
		f.text("since", a.Since)
		f.text("deprecated_since", a.DeprecatedSince)
		f.flags("flags", a.Flags)
		if a.nested() {
			f.key("arguments")
			writeArguments(w, a.Arguments)
		}
		f.end()
	}
}
