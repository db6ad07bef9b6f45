package compat_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	compat "hpkv/compat_test"
)

// testedElsewhere are commands, with their options, that the case files do not
// have, and why.
var testedElsewhere = map[string]string{
	"cluster|myshardid": "of 7.2, and an error without a cluster",
	"command|docs":      "TestCommandDocs",
	"hpkv.backup":       "ours: tools_test.go",
	"hpkv.range":        "ours: own_commands_test.go",
	"hpkv.topology":     "ours: own_commands_test.go",
	"module|loadex":     "there are no modules",
	"monitor":           "monitor_test.go",
	"waitaof":           "of 7.2, and about the log",

	// Of Redis 7.4: the reference has none of them.
	"hexpire": fieldExpiry, "hexpireat": fieldExpiry, "hexpiretime": fieldExpiry, "hpersist": fieldExpiry,
	"hpexpire": fieldExpiry, "hpexpireat": fieldExpiry, "hpexpiretime": fieldExpiry, "hpttl": fieldExpiry, "httl": fieldExpiry,
}

// line is a command of a case file, in lower case; proto is 0 for both.
type line struct {
	words []string
	proto int
}

func lineOf(args []string, proto int) line {
	l := line{proto: proto}
	for _, a := range args {
		l.words = append(l.words, strings.ToLower(a))
	}
	return l
}

// is reports whether the line is a use of the command, with the option if that is
// not "".
func (l line) is(command []string, option string) bool {
	if len(l.words) < len(command) || !slices.Equal(l.words[:len(command)], command) {
		return false
	}
	return option == "" || slices.Contains(l.words[len(command):], strings.ToLower(option))
}

// tokens are the options in a node of COMMAND DOCS, each once.
func tokens(doc compat.Node) (list []string) {
	for i := 0; i+1 < len(doc.Elems); i += 2 {
		switch value := doc.Elems[i+1]; doc.Elems[i].Text {
		case "token":
			list = append(list, value.Text)
		case "arguments":
			for _, arg := range value.Elems {
				list = append(list, tokens(arg)...)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

const fieldExpiry = "of 7.4: hash tests of package command"

// TestEveryCommandHasCases: the case files have each command that our server
// documents, and each of its options, in both protocols.
func TestEveryCommandHasCases(t *testing.T) {
	files, err := compat.LoadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string][]line{} // by first word
	for _, f := range files {
		for _, c := range f.Cases {
			for _, step := range c.Steps {
				if len(step.Args) > 0 {
					l := lineOf(step.Args, c.Proto)
					cases[l.words[0]] = append(cases[l.words[0]], l)
				}
			}
		}
	}
	conn, err := compat.SharedPair(t).Servers()[0].Dial(2)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	n, err := conn.Node("COMMAND", "DOCS")
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string]compat.Node{}
	addDocs(docs, n)
	used := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		if testedElsewhere[name] != "" {
			used[name] = true
			continue
		}
		words := strings.Split(name, "|")
		for _, option := range append([]string{""}, tokens(docs[name])...) {
			what := name
			if option != "" {
				what += " " + option
			}
			if testedElsewhere[what] != "" {
				used[what] = true
				continue
			}
			has := [4]bool{} // by protocol
			for _, l := range cases[words[0]] {
				if l.is(words, option) {
					has[2], has[3] = has[2] || l.proto != 3, has[3] || l.proto != 2
				}
			}
			if !has[2] || !has[3] {
				t.Errorf("%s: cases in RESP2 %v, in RESP3 %v", what, has[2], has[3])
			}
		}
	}
	for what := range testedElsewhere {
		if !used[what] {
			t.Errorf("%s: there is no such command or option", what)
		}
	}
}
