package rest

import (
	"encoding/json"
	"testing"

	"github.com/cespare/xxhash/v2"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern   string
		yes, no   []string
		beginning string
	}{
		{"key", []string{"key"}, []string{"", "ke", "keys", "akey"}, "key"},
		{"ns-2:field:*", []string{"ns-2:field:", "ns-2:field:x:y"}, []string{"ns-2:field", "xns-2:field:"}, "ns-2:field:"},
		{"*:end", []string{":end", "a:end", "*:end"}, []string{"a:end:", "end"}, ""},
		{"a*b*c", []string{"abc", "axbxc", "abbcc", "a*b*c"}, []string{"ac", "acb", "abcd", "xabc"}, "a"},
		{"aba*aba", []string{"abaaba", "abaxaba"}, []string{"aba", "ababa"}, "aba"},
		{"*", []string{"", "x"}, nil, ""},
		{"**", []string{"", "x"}, nil, ""},
		{"^user:", []string{"user:1", "^user:"}, []string{"xuser:1"}, ""},
		{"user:(a|b)$", []string{"user:a", "xuser:b"}, []string{"user:c", "user:ab"}, ""},
		{"a.b", []string{"a.b"}, []string{"axb"}, "a.b"}, // a dot alone makes no expression
		{"broken(", []string{"broken("}, []string{"broken"}, "broken("},
		{"é*", []string{"é", "éa"}, []string{"e"}, "é"},
	} {
		p := compilePattern(c.pattern)
		if p.literal() != c.beginning {
			t.Errorf("%s begins with %q", c.pattern, p.literal())
		}
		for _, key := range c.yes {
			if !p.match(key) {
				t.Errorf("%s does not match %q", c.pattern, key)
			}
		}
		for _, key := range c.no {
			if p.match(key) {
				t.Errorf("%s matches %q", c.pattern, key)
			}
		}
	}
}

func TestAccess(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, c := range []struct {
		claims  claims
		yes, no []string
	}{
		{claims{Access: text("sub-test-*")}, []string{"sub-test-1", "my-sub-test", "sub-test-"}, []string{"sub", "sub-tes"}},
		{claims{Access: text("^chatrooms$")}, []string{"chatrooms"}, []string{"chatrooms2"}},
		{claims{Access: text(`^my\.ns-2:.*$`)}, []string{"my.ns-2:a"}, []string{"myxns-2:a", "amy.ns-2:"}},
		{claims{Access: text("^(product|user):*$")}, []string{"product:", "product:phone:modelA", "user"}, []string{"order:1"}},
		{claims{Access: text(`^\d*$`)}, []string{"", "12"}, []string{"a"}},
		{claims{Access: text(`^a\*$`)}, []string{"a*"}, []string{"a", "aab"}},
		{claims{Subscribe: []string{"a", "b:*"}}, []string{"a", "b:1"}, []string{"c", "aa"}},
		{claims{}, nil, []string{"", "a"}},
	} {
		a := newAccess(c.claims)
		name, _ := json.Marshal(c.claims)
		for _, key := range c.yes {
			if !a.allows(key) {
				t.Errorf("%s refuses %q", name, key)
			}
		}
		for _, key := range c.no {
			if a.allows(key) {
				t.Errorf("%s allows %q", name, key)
			}
		}
	}
}

// The filter lets through every key that a pattern matches.
func TestFilter(t *testing.T) {
	f := &filter{
		exact:    map[uint64]struct{}{xxhash.Sum64String("key"): {}},
		prefixes: map[uint64]struct{}{xxhash.Sum64String("user:"): {}, xxhash.Sum64String("t"): {}},
		lengths:  []int{5, 1},
	}
	for key, want := range map[string]bool{"key": true, "user:": true, "user:1": true, "tx": true, "keys": false, "user": false, "": false} {
		if f.wants([]byte(key)) != want {
			t.Errorf("%q: %v", key, !want)
		}
	}
}
