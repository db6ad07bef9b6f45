package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseAPIKey(t *testing.T) {
	for text, want := range map[string]APIKey{
		"abc":                        {Key: "abc"},
		"a-b_c.d~9":                  {Key: "a-b_c.d~9"},
		"k,readonly":                 {Key: "k", ReadOnly: true},
		"k,prefix=t1:":               {Key: "k", Prefix: "t1:"},
		"k,readonly,prefix=a,b=c":    {Key: "k", ReadOnly: true, Prefix: "a,b=c"},
		"k,prefix=readonly,readonly": {Key: "k", Prefix: "readonly,readonly"},
	} {
		if got, err := ParseAPIKey(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"": "empty", ",readonly": "empty", "a b": "characters", "a%41": "characters", "k/": "characters",
		"k,admin": `"admin"`, "k,prefix=": "prefix", "k,prefix=a b": "prefix",
	} {
		if got, err := ParseAPIKey(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

// Keys add up over lines and options; CONFIG SET replaces them; CONFIG REWRITE
// writes a file that leads to the same keys.
func TestAPIKeysAddUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conf")
	if err := os.WriteFile(file, []byte("rest-api-key one two,readonly\nport 7000\nrest-api-key three\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(options ...string) *Config {
		t.Helper()
		cl, err := ParseArgs(append([]string{file}, options...), nil)
		if err != nil {
			t.Fatal(err)
		}
		return cl.Config
	}
	c := read("--rest-api-key", "four,prefix=p:", "--rest-api-key", "one,readonly")
	if got := formatAPIKeys(c.RestAPIKeys.Load()); got != "one,readonly two,readonly three four,prefix=p:" {
		t.Error(got)
	}
	set := func(value, want string) {
		t.Helper()
		if err := c.Set([][]byte{[]byte("rest-api-key"), []byte(value)}, true); err != nil {
			t.Fatal(err)
		}
		if err := c.Rewrite(file); err != nil {
			t.Fatal(err)
		}
		text, _ := os.ReadFile(file)
		if got := formatAPIKeys(read().RestAPIKeys.Load()); got != want {
			t.Errorf("%s, from\n%s", got, text)
		}
	}
	set("five six,readonly", "five six,readonly")
	set("", "")
	set("seven", "seven")
	if err := c.Set([][]byte{[]byte("rest-api-key"), []byte("b@d")}, true); err == nil || strings.Contains(err.Error(), "b@d") {
		t.Errorf("%v", err)
	}
	if got := formatAPIKeys(c.RestAPIKeys.Load()); got != "seven" {
		t.Error(got)
	}
}
