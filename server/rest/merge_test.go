package rest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func TestMerge(t *testing.T) {
	for _, c := range []struct{ stored, patch, want, empty string }{ // empty: with emptyRemoves, "" for the same
		// The examples of RFC 7396 whose target and patch are objects.
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`, ""},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`, ""},
		{`{"a":"b"}`, `{"a":null}`, `{}`, ""},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`, ""},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`, ""},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`, ""},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`, ""},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`, ""},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`, ""},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`, `{"a":{"bb":{"ccc":null}}}`},
		// Order and text of what is kept.
		{`{"z":1,"a":2,"m":3}`, `{"m":4,"b":5,"z":6}`, `{"z":6,"a":2,"m":4,"b":5}`, ""},
		{`{"n":1.10,"e":1E5,"big":12345678901234567890}`, `{"x":-0.0}`, `{"n":1.10,"e":1E5,"big":12345678901234567890,"x":-0.0}`, ""},
		{` { "a" : { "b" : [ 1 ] } } `, `{"c":" "}`, `{"a":{"b":[ 1 ]},"c":" "}`, ""},
		// Names that are spelled differently are the same.
		{`{"\u0061":1}`, `{"a":2}`, `{"\u0061":2}`, ""},
		{`{"a":1,"a":2}`, `{"b":3}`, `{"a":2,"b":3}`, ""},
		{`{"a":1}`, `{"a":null,"a":2}`, `{"a":2}`, ""},
		// An object that replaces something else loses its nulls.
		{`{"a":1}`, `{"a":{"b":null,"c":{"d":null}}}`, `{"a":{"c":{}}}`, `{"a":{"b":null,"c":{"d":null}}}`},
		// What the other flavour removes as well.
		{`{"a":1,"b":2,"c":3,"d":4}`, `{"a":"","b":{},"c":[ ],"d":0}`, `{"a":"","b":{},"c":[ ],"d":0}`, `{"d":0}`},
		{`{"a":{"b":1}}`, `{"a":{}}`, `{"a":{"b":1}}`, `{}`},
		// Anything else is appended.
		{`Hello `, `World!`, `Hello World!`, ""},
		{`{"a":1}`, `text`, `{"a":1}text`, ""},
		{`text`, `{"a":1}`, `text{"a":1}`, ""},
		{`[1]`, `[2]`, `[1][2]`, ""},
		{`1`, `2`, `12`, ""},
		{`"a"`, `"b"`, `"a""b"`, ""},
		{`{"a":1}`, `null`, `{"a":1}null`, ""},
		{`{"a":1}x`, `{"b":1}`, `{"a":1}x{"b":1}`, ""},
		{`{"a":1}`, `{"b":1`, `{"a":1}{"b":1`, ""},
		{"{\"a\":\"\xff\"}", `{"b":1}`, "{\"a\":\"\xff\"}{\"b\":1}", ""},
	} {
		if c.empty == "" {
			c.empty = c.want
		}
		if got := string(merge([]byte(c.stored), []byte(c.patch), false)); got != c.want {
			t.Errorf("%s + %s = %s, want %s", c.stored, c.patch, got, c.want)
		}
		if got := string(merge([]byte(c.stored), []byte(c.patch), true)); got != c.empty {
			t.Errorf("%s + %s with empty removing = %s, want %s", c.stored, c.patch, got, c.empty)
		}
	}
}

// mergeValues is RFC 7396 on decoded values, straight from its definition.
func mergeValues(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	t, ok := target.(map[string]any)
	if !ok {
		t = map[string]any{}
	}
	for name, v := range p {
		if v == nil {
			delete(t, name)
		} else {
			t[name] = mergeValues(t[name], v)
		}
	}
	return t
}

func randomJSON(r *rand.Rand, depth int) any {
	switch n := r.IntN(8); {
	case n < 4 && depth > 0:
		m := map[string]any{}
		for range r.IntN(40 / depth) {
			m[fmt.Sprint("m", r.IntN(30))] = randomJSON(r, depth-1)
		}
		return m
	case n == 4:
		return nil
	case n == 5:
		return []any{randomJSON(r, 0), nil}
	}
	return fmt.Sprint(r.IntN(100))
}

func TestMergeAsDefined(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for range 500 {
		object := func() ([]byte, any) {
			v := randomJSON(r, 3)
			if _, ok := v.(map[string]any); !ok {
				v = map[string]any{"x": v}
			}
			text, _ := json.Marshal(v)
			return text, v
		}
		stored, target := object()
		patch, change := object()
		var got any
		out := merge(stored, patch, false)
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("seed %d: %s + %s = %s: %v", seed, stored, patch, out, err)
		}
		if want := mergeValues(target, change); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %s + %s = %s, want %v", seed, stored, patch, out, want)
		}
	}
}

// Depth and number of members cost no more than their bytes.
func TestMergeOfHostileDocuments(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 9_000) + "1" + strings.Repeat("}", 9_000)
	if got := merge([]byte(deep), []byte(deep), false); string(got) != deep {
		t.Errorf("%d bytes", len(got))
	}
	var wide strings.Builder
	wide.WriteString(`{"x":0`)
	for i := range 8_000 {
		fmt.Fprintf(&wide, `,"m%d":%d`, i, i)
	}
	wide.WriteString("}")
	if got := merge([]byte(wide.String()), []byte(wide.String()), false); string(got) != wide.String() {
		t.Errorf("%d bytes", len(got))
	}
}

func FuzzMerge(f *testing.F) {
	f.Add(`{"a":1}`, `{"a":null}`)
	f.Add(`{"a":{"b":1}}`, `{"a":{"b":{},"c":null}}`)
	f.Fuzz(func(t *testing.T, stored, patch string) {
		var target, change map[string]any
		objects := json.Unmarshal([]byte(stored), &target) == nil && json.Unmarshal([]byte(patch), &change) == nil &&
			target != nil && change != nil
		out := merge([]byte(stored), []byte(patch), false)
		if string(out) == stored+patch {
			return // appended: right for all that is no valid UTF-8 JSON, on which decoders differ
		}
		if !objects {
			t.Fatalf("%q + %q was merged to %q", stored, patch, out)
		}
		var got any
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%q + %q = %q: %v", stored, patch, out, err)
		}
	})
}
