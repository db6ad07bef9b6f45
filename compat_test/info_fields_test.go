package compat_test

import (
	"slices"
	"strings"
	"testing"

	compat "hpkv/compat_test"
)

// infoNotOurs are fields of the reference that we do not have, and why.
var infoNotOurs = map[string]string{
	"atomicvar_api": "of Redis' build",
	"gcc_version":   "of Redis' build; see go_version",
}

// TestInfoFields compares the sections of INFO, their order, and which fields
// they have in which order. Ours may have more.
func TestInfoFields(t *testing.T) {
	pair := compat.SharedPair(t)
	if err := pair.Reset(); err != nil {
		t.Fatal(err)
	}
	ask := func(s *compat.Server, args ...string) []string {
		t.Helper()
		c, err := s.Dial(2)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Do("SET", "k", "v", "EX", "1000"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Do("LPUSH"); err != nil { // refused: an errorstat
			t.Fatal(err)
		}
		n, err := c.Node(append([]string{"INFO"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return infoNames(n.Text)
	}
	for _, args := range [][]string{
		nil, {"default"}, {"all"}, {"everything"}, {"ALL", "nosuch"}, {"nosuch"}, {"nosuch", "keyspace", "Server"}, {"modules"},
		{"commandstats"}, {"latencystats"}, {"errorstats"}, {"persistence", "replication"}, {"default", "commandstats"}, {"cpu", "cluster"},
	} {
		ours, ref := ask(pair.Ours, args...), ask(pair.Ref, args...)
		at := 0
		for _, name := range ref {
			if infoNotOurs[name] != "" {
				continue
			}
			i := slices.Index(ours[at:], name)
			switch {
			case i >= 0:
				at += i + 1
			case slices.Contains(ours, name):
				t.Errorf("INFO %q: %s is in another place", args, name)
			default:
				t.Errorf("INFO %q: no %s", args, name)
			}
		}
		for _, name := range ours {
			if strings.HasPrefix(name, "# ") && !slices.Contains(ref, name) && name != "# Workers" {
				t.Errorf("INFO %q: only ours has %s", args, name)
			}
		}
	}
}

// infoNames lists section heads and field names, of the fields with a name for
// each command or error only the kind.
func infoNames(text string) (names []string) {
	for line := range strings.SplitSeq(text, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		for _, kind := range []string{"cmdstat_", "errorstat_", "latency_percentiles_usec_"} {
			if strings.HasPrefix(name, kind) {
				name = kind
			}
		}
		if name != "" && (len(names) == 0 || names[len(names)-1] != name) {
			names = append(names, name)
		}
	}
	return names
}
