package compat_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	compat "hpkv/compat_test"
)

// docsDifferences are commands whose documentation follows Redis 7.2 in facts
// that the older reference has otherwise.
var docsDifferences = map[string]string{
	"command|getkeys":         "7.2: arguments",
	"command|getkeysandflags": "7.2: arguments",
	"geohash":                 "7.2: no member will do",
	"geopos":                  "7.2: no member will do",
	"quit":                    "7.2: deprecated",
	"pfmerge":                 "7.2: without a source",
	"zrank":                   "7.2: WITHSCORE",
	"zrevrank":                "7.2: WITHSCORE",
	"xinfo|consumers":         "7.2: history",
}

// TestCommandDocs compares the facts of COMMAND DOCS: everything but the
// sentences, which are ours, and display_text, which came with 7.2.
func TestCommandDocs(t *testing.T) {
	pair := compat.SharedPair(t)
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			docs := [2]map[string]compat.Node{}
			for i, s := range pair.Servers() {
				c, err := s.Dial(proto)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				n, err := c.Node("COMMAND", "DOCS")
				if err != nil {
					t.Fatal(err)
				}
				docs[i] = map[string]compat.Node{}
				addDocs(docs[i], n)
				one, err := c.Node("COMMAND", "DOCS", "GET", "nosuch", "config|GET")
				if err != nil || len(one.Elems) != 4 || one.Elems[0].Text != "get" || one.Elems[2].Text != "config|get" {
					t.Errorf("%s: COMMAND DOCS GET nosuch config|GET: %s, %v", s.Name, one.Wire(), err)
				}
			}
			for _, name := range slices.Sorted(maps.Keys(docs[0])) {
				ref, ok := docs[1][name]
				if !ok || docsDifferences[name] != "" {
					continue // commands that the reference lacks: see TestCommandRows
				}
				ours, theirs := docFacts(docs[0][name]), docFacts(ref)
				if ours != theirs {
					t.Errorf("%s\n  ours      %s\n  reference %s", name, ours, theirs)
				}
			}
		})
	}
}

// addDocs collects the documentation of commands and subcommands by name.
func addDocs(into map[string]compat.Node, n compat.Node) {
	for i := 0; i+1 < len(n.Elems); i += 2 {
		doc := n.Elems[i+1]
		into[n.Elems[i].Text] = doc
		for j := 0; j+1 < len(doc.Elems); j += 2 {
			if doc.Elems[j].Text == "subcommands" {
				addDocs(into, doc.Elems[j+1])
			}
		}
	}
}

// docFacts prints a map of COMMAND DOCS or of one argument, without what may
// differ. Types of replies are part of it.
func docFacts(doc compat.Node) string {
	var b strings.Builder
	b.WriteByte(doc.Kind)
	for i := 0; i+1 < len(doc.Elems); i += 2 {
		name, v := doc.Elems[i].Text, doc.Elems[i+1]
		switch name {
		case "summary", "complexity", "display_text", "replaced_by", "subcommands":
			continue
		case "history": // the versions
			fmt.Fprintf(&b, " history%c", v.Kind)
			versions := []string{}
			for _, e := range v.Elems {
				versions = append(versions, fmt.Sprintf("%c%s", e.Kind, e.Elems[0].Text))
			}
			slices.Sort(versions)
			b.WriteString(strings.Join(versions, ","))
		case "arguments":
			fmt.Fprintf(&b, " arguments%c", v.Kind)
			for _, a := range v.Elems {
				b.WriteString("(" + docFacts(a) + ")")
			}
		default:
			fmt.Fprintf(&b, " %s=%s", name, canonical(v))
		}
	}
	return b.String()
}
