package compat_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	compat "hpkv/compat_test"
)

// commandDifferences names the fields of COMMAND INFO rows in which we follow
// Redis 7.2 rather than the older reference, or which later work completes.
// Keys are "command field" or "* field".
var commandDifferences = map[string]string{
	"zrank arity":    "7.2: WITHSCORE",
	"zrevrank arity": "7.2: WITHSCORE",
	"* tips":         "7.2 reworded request and response policies; clients of a single server ignore them",
	"* subcommands":  "containers list what we have so far; each subcommand is compared as a row of its own",

	"command|getkeys arity":         "7.2: -3",
	"command|getkeysandflags arity": "7.2: -3",
}

func excused(name, field string) bool {
	return commandDifferences["* "+field] != "" || commandDifferences[name+" "+field] != ""
}

// TestCommandRows compares every row of COMMAND that our server has with the
// reference's row of the same name.
func TestCommandRows(t *testing.T) {
	pair := compat.SharedPair(t)
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			rows := [2]map[string]compat.Node{}
			for i, s := range pair.Servers() {
				c, err := s.Dial(proto)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				n, err := c.Node("COMMAND")
				if err != nil {
					t.Fatal(err)
				}
				count, err := c.Node("COMMAND", "COUNT")
				if err != nil || count.Text != fmt.Sprint(len(n.Elems)) {
					t.Errorf("%s: COMMAND COUNT is %q, COMMAND has %d rows (%v)", s.Name, count.Text, len(n.Elems), err)
				}
				rows[i] = map[string]compat.Node{}
				addRows(rows[i], n.Elems)
			}
			if len(rows[0]) < 80 {
				t.Errorf("our server has only %d commands", len(rows[0]))
			}
			for _, name := range slices.Sorted(maps.Keys(rows[0])) {
				if strings.HasPrefix(name, "hpkv.") {
					continue
				}
				ref, ok := rows[1][name]
				if !ok {
					if !compat.NewCommands[name] {
						t.Errorf("%s: the reference has no such command", name)
					}
					continue
				}
				compareRow(t, name, rows[0][name], ref)
			}
		})
	}
}

// addRows collects rows and the rows of their subcommands by name.
func addRows(into map[string]compat.Node, rows []compat.Node) {
	for _, r := range rows {
		if len(r.Elems) < 10 {
			continue
		}
		into[r.Elems[0].Text] = r
		addRows(into, r.Elems[9].Elems)
	}
}

func compareRow(t *testing.T, name string, ours, ref compat.Node) {
	t.Helper()
	fields := []string{"name", "arity", "flags", "first key", "last key", "step", "categories", "tips", "key specs"}
	for i, field := range fields {
		a, b := canonical(ours.Elems[i]), canonical(ref.Elems[i])
		if a != b && !excused(name, field) {
			t.Errorf("%s: %s\n  ours      %s\n  reference %s", name, field, a, b)
		}
	}
	if ours.Kind != ref.Kind || ours.Elems[2].Kind != ref.Elems[2].Kind || ours.Elems[6].Kind != ref.Elems[6].Kind {
		t.Errorf("%s: types of the reply differ", name)
	}
}

// canonical prints a node with the order of flag lists and the pairs of key
// specs made irrelevant.
func canonical(n compat.Node) string {
	if len(n.Elems) == 0 {
		return strings.ToLower(n.Text)
	}
	parts := make([]string, 0, len(n.Elems))
	for i, e := range n.Elems {
		if i > 0 && n.Elems[i-1].Text == "notes" {
			continue
		}
		parts = append(parts, string(e.Kind)+canonical(e))
	}
	if n.Kind == '~' || n.Elems[0].Kind == '+' {
		slices.Sort(parts)
	}
	return string(n.Kind) + "[" + strings.Join(parts, " ") + "]"
}

// TestCommandInfoForms checks the ways to ask for rows.
func TestCommandInfoForms(t *testing.T) {
	pair := compat.SharedPair(t)
	c, err := pair.Ours.Dial(2)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f := func(want string, args ...string) {
		t.Helper()
		n, err := c.Node(args...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range n.Elems {
			if e.Null {
				got = append(got, "nil")
			} else {
				got = append(got, e.Elems[0].Text)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
	}
	f("get", "COMMAND", "INFO", "get")
	f("get nil set", "COMMAND", "INFO", "GET", "nosuch", "Set")
	f("client|id", "COMMAND", "INFO", "client|id")
	f("config|get config", "COMMAND", "INFO", "CONFIG|GET", "config")
}
