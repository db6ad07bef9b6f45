package rest_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
)

func TestRecordErrors(t *testing.T) {
	r := start(t)
	r.put("text", "abc")
	do(t, r.redis(), "OK", "SET", "max", "9223372036854775807")
	for _, c := range []struct {
		method, path, body string
		status             int
		text               string
	}{
		{"POST", "/record", "", 400, "malformed JSON: the body is empty"},
		{"POST", "/record", "[]", 400, "the body is no JSON object"},
		{"POST", "/record", `{"key":"k","value":"v"} x`, 400, "malformed JSON: invalid character 'x' at start of value after byte 24"},
		{"POST", "/record", `{"key":"k","value":"v"}{}`, 400, "malformed JSON: something follows the object"},
		{"POST", "/record", `{"key":"k","value":`, 400, "malformed JSON: unexpected EOF after byte 19"},
		{"POST", "/record", "{\"key\":\"k\xff\",\"value\":\"v\"}", 400, "malformed JSON: invalid UTF-8 after byte 9"},
		{"POST", "/record", `{"key":"k\ud800","value":"v"}`, 400, "malformed JSON: invalid surrogate pair `\\ud800\",\"val` in string after byte 9"},
		{"POST", "/record", `{"value":"v"}`, 400, "key is missing"},
		{"POST", "/record", `{"key":"k"}`, 400, "value is missing"},
		{"POST", "/record", `{"key":1,"value":"v"}`, 400, "key must be a string"},
		{"POST", "/record", `{"key":null,"value":"v"}`, 400, "key must be a string"},
		{"POST", "/record", `{"key":"k","value":null}`, 400, "value must not be null"},
		{"POST", "/record", `{"key":"k","value":"v","partialUpdate":"yes"}`, 400, "partialUpdate must be true or false"},
		{"POST", "/record/atomic", `{"key":"k"}`, 400, "increment is missing"},
		{"POST", "/record/atomic", `{"increment":1}`, 400, "key is missing"},
		{"POST", "/record/atomic", `{"key":"k","increment":"1"}`, 400, "increment must be an integer of 64 bits"},
		{"POST", "/record/atomic", `{"key":"k","increment":1.5}`, 400, "increment must be an integer of 64 bits"},
		{"POST", "/record/atomic", `{"key":"k","increment":1e30}`, 400, "increment must be an integer of 64 bits"},
		{"POST", "/record/atomic", `{"key":"text","increment":1}`, 400, "the value is not a number that can be incremented"},
		{"POST", "/record/atomic", `{"key":"max","increment":1}`, 400, "the result of the increment is out of range"},
		{"GET", "/record/%zz", "", 400, "the key in the path is not percent-encoded properly"},
		{"GET", "/record/%ff", "", 400, "key is not valid UTF-8"},
		{"GET", "/records?startKey=a", "", 400, "startKey and endKey are needed"},
		{"GET", "/records?startKey=a&endKey=", "", 400, "endKey must not be empty"},
		{"GET", "/records?startKey=a&endKey=b&limit=0", "", 400, "limit must be a positive number"},
		{"GET", "/records?startKey=a&endKey=b&limit=-1", "", 400, "limit must be a positive number"},
		{"GET", "/records?startKey=a&endKey=b&limit=NaN", "", 400, "limit must be a positive number"},
		{"GET", "/records?startKey=a&endKey=b&limit=", "", 400, "limit must be a positive number"},
		{"GET", "/records?startKey=%zz&endKey=b", "", 400, "the query is not percent-encoded properly"},
		{"POST", "/search", `{"query":"x"}`, 501, "search is not part of this server"},
		{"POST", "/query", `{"query":"x"}`, 501, "search is not part of this server"},
		{"POST", "/token/websocket", `{"subscribePatterns":"x"}`, 400, "subscribePatterns must be an array of strings"},
		{"POST", "/token/websocket", `{"subscribeKeys":[1]}`, 400, "subscribeKeys must be an array of strings"},
		{"POST", "/token/websocket", `{"accessPattern":1}`, 400, "accessPattern must be a string"},
		{"POST", "/token/websocket", `{"accessPattern":"("}`, 400, "accessPattern is no regular expression: error parsing regexp: missing closing ): `(`"},
	} {
		r.want(c.method, c.path, c.body, c.status, `{"error":`+strings.NewReplacer(`\u003e`, ">").Replace(quote(c.text))+`}`)
	}
}

func TestValuesThatAreNoStrings(t *testing.T) {
	r := start(t)
	for sent, want := range map[string]string{
		`{ "b" : 1.10, "a":[ 1 , 2 ] }`: `{"b":1.10,"a":[1,2]}`,
		`12345678901234567890`:          `12345678901234567890`,
		`true`:                          `true`,
		`[]`:                            `[]`,
	} {
		r.want("POST", "/record", `{"key":"k","value":`+sent+`}`, 200, stored)
		if got := r.value("k"); got != want {
			t.Errorf("%s stored as %s", sent, got)
		}
	}
}

// Every key comes back as it was given, whatever it means in a path.
func TestOddKeys(t *testing.T) {
	r := start(t)
	keys := []string{"a/b", "a%2Fb", "a%252Fb", "a+b", "a b", "..", "../..", "a/../b", "a//b", "/", "//", "a/", "/a", ".", "?", "#", "a?b=c",
		"\U0001f600", "é", "\u0301", "\x00", "\x7f", "\r\n", "\"\\", "<script>&", "\u2028", "atomic", "%", "%41", "k\x00", strings.Repeat("é", 256)}
	for i, key := range keys {
		val := fmt.Sprint("value ", i)
		r.put(key, val)
		want := `{"key":` + plain(key) + `,"value":` + quote(val) + `}`
		r.want("GET", "/record/"+url.PathEscape(key), "", 200, want)
		if !strings.ContainsAny(key, "%?# \r\n\x00\x7f\"\\<>é\u0301\u2028\U0001f600") {
			r.want("GET", "/record/"+key, "", 200, want) // as some clients send it
		}
		if got, err := r.redis().Do("GET", key); err != nil || got.Text() != val {
			t.Errorf("%q over RESP: %v, %v", key, got, err)
		}
	}
	for _, key := range keys {
		r.want("DELETE", "/record/"+url.PathEscape(key), "", 200, deleted)
		r.want("GET", "/record/"+url.PathEscape(key), "", 404, notFound)
	}
	r.want("GET", "//record/x", "", 404, notFound) // a base address that ends in a slash
}

// plain is a JSON string with only those escapes that JSON demands.
func plain(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		panic(err)
	}
	return strings.NewReplacer(`\u2028`, "\u2028", `\u0008`, `\b`, `\u000c`, `\f`).Replace(strings.TrimSuffix(b.String(), "\n"))
}

// All byte values, and text on the limits of UTF-8, come back as JSON that
// other implementations read.
func TestAllBytes(t *testing.T) {
	r := start(t)
	redis := r.redis()
	for b := range 256 {
		val := string([]byte{'<', byte(b), '>'})
		do(t, redis, "OK", "SET", "k", val)
		got := r.value("k")
		if want := strings.ToValidUTF8(val, "\ufffd"); got != want {
			t.Errorf("byte %#x: %q", b, got)
		}
	}
	all := make([]rune, 0, 0x2000)
	for c := rune(0); c < 0x1000; c++ {
		all = append(all, c)
	}
	all = append(all, '\u2028', '\u2029', '\ufeff', '\ufffd', '\uffff', '\U00010000', '\U0010ffff')
	r.put("k", string(all))
	if got := r.value("k"); got != string(all) {
		t.Error("text was changed")
	}
}

func TestAtomicIncrement(t *testing.T) {
	r := start(t)
	sum := func(n string) string { return `{"success":true,"result":` + n + `,"message":"Record incremented"}` }
	r.put("n", "10")
	r.want("POST", "/record/atomic", `{"key":"n","increment":5}`, 200, sum("15"))
	r.want("POST", "/record/atomic", `{"key":"n","increment":0}`, 200, sum("15"))
	r.want("POST", "/record/atomic", `{"key":"n","increment":-2e1}`, 200, sum("-5"))
	r.want("POST", "/record/atomic", `{"key":"fresh","increment":-3}`, 200, sum("-3"))
	r.want("POST", "/record/atomic", `{"key":"big","increment":9223372036854775807}`, 200, sum("9223372036854775807"))
	if got := r.value("n"); got != "-5" {
		t.Error(got)
	}
}

func TestRange(t *testing.T) {
	r := start(t)
	for i := range 1200 {
		do(t, r.redis(), "OK", "SET", fmt.Sprintf("k%04d", i), "v")
	}
	page := func(query string) (keys []string, truncated bool) {
		t.Helper()
		got := r.ask("GET", "/records?"+query, "", "x-api-key", keyAll)
		var a struct {
			Records   []struct{ Key, Value string }
			Count     int
			Truncated bool
		}
		if err := json.Unmarshal([]byte(got.body), &a); err != nil || a.Count != len(a.Records) {
			t.Fatalf("%v %s", err, clip(got.body))
		}
		for _, rec := range a.Records {
			keys = append(keys, rec.Key)
		}
		return keys, a.Truncated
	}
	for _, c := range []struct {
		query       string
		count       int
		first, last string
		truncated   bool
	}{
		{"startKey=k0000&endKey=k9", 100, "k0000", "k0099", true},
		{"startKey=k0000&endKey=k0099", 100, "k0000", "k0099", false},
		{"startKey=k0000&endKey=k9&limit=1000000", 1000, "k0000", "k0999", true},
		{"startKey=k1100&endKey=k9&limit=1000", 100, "k1100", "k1199", false},
		{"startKey=&endKey=k0000", 1, "k0000", "k0000", false},
		{"startKey=k0005&endKey=k0005&limit=1", 1, "k0005", "k0005", false},
		{"startKey=k0005&endKey=k0006&limit=1", 1, "k0005", "k0005", true},
		{"startKey=x&endKey=y", 0, "", "", false},
		{"startKey=k9&endKey=k0", 0, "", "", false},
	} {
		keys, truncated := page(c.query)
		if len(keys) != c.count || truncated != c.truncated || c.count > 0 && (keys[0] != c.first || keys[len(keys)-1] != c.last) {
			t.Errorf("%s: %d keys, truncated %v", c.query, len(keys), truncated)
		}
	}
	// Walking by pages, from the last key and a NUL.
	var all []string
	for from := "k"; ; {
		keys, more := page("limit=500&endKey=k~&startKey=" + url.QueryEscape(url.QueryEscape(from)))
		all = append(all, keys...)
		if !more {
			break
		}
		from = keys[len(keys)-1] + "\x00"
	}
	if len(all) != 1200 {
		t.Errorf("%d keys by pages", len(all))
	}
	// Order is that of bytes, not of UTF-16.
	r.put("z\uffff", "1")
	r.put("z\U00010000", "2")
	if keys, _ := page("startKey=z&endKey=" + url.QueryEscape("z\U0010ffff")); len(keys) != 2 || keys[0] != "z\uffff" {
		t.Errorf("%q", keys)
	}
}

// What one interface writes the others see, and other types are absent to
// readers and in the way of writers.
func TestOtherInterfaces(t *testing.T) {
	r := start(t)
	redis := r.redis()
	do(t, redis, "OK", "SET", "k", "from redis")
	if got := r.value("k"); got != "from redis" {
		t.Error(got)
	}
	r.put("k", "from rest")
	do(t, redis, "from rest", "GET", "k")
	s := r.connect("apiKey=" + keyAll)
	s.do(`{"op":3,"key":"k","value":" and ws"}`, `{"code":200,"success":true,"message":"Record stored"}`)
	do(t, redis, "from rest and ws", "GET", "k")
	do(t, redis, "1", "EXPIREAT", "k", "4102444800")
	r.want("POST", "/record", partial("k", "!"), 200, stored)
	do(t, redis, "4102444800", "EXPIRETIME", "k")
	r.put("k", "replaced")
	do(t, redis, "-1", "TTL", "k")
	do(t, redis, "OK", "SET", "empty", "") // REST does not write it, but reads it
	r.want("GET", "/record/empty", "", 200, `{"key":"empty","value":""}`)
	do(t, redis, "OK", "SELECT", "1")
	do(t, redis, "OK", "SET", "elsewhere", "v")
	r.want("GET", "/record/elsewhere", "", 404, notFound)
}

func TestOtherTypes(t *testing.T) {
	r := start(t)
	v, err := r.redis().Do("ZADD", "z", "1", "member")
	if err != nil || v.IsError() {
		t.Skipf("no other type is there yet: %v", v)
	}
	const conflict = `{"error":"the key holds a value that is not a string"}`
	r.want("GET", "/record/z", "", 404, notFound)
	r.want("DELETE", "/record/z", "", 409, conflict)
	r.want("POST", "/record", record("z", "v"), 409, conflict)
	r.want("POST", "/record", partial("z", "v"), 409, conflict)
	r.want("POST", "/record/atomic", `{"key":"z","increment":1}`, 409, conflict)
	r.want("GET", "/records?startKey=a&endKey=zz", "", 200, `{"records":[],"count":0,"truncated":false}`)
	do(t, r.redis(), "1", "ZCARD", "z")
}

// Increments and merges of many writers are all there in the end.
func TestConcurrentWriters(t *testing.T) {
	r := start(t)
	const writers, each = 8, 40
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			s := r.connect("apiKey=" + keyAll)
			for i := range each {
				r.want("POST", "/record", partial("doc", fmt.Sprintf(`{"w%d":{"n%d":%d}}`, w, i, i)), 200, stored)
				s.send(`{"op":6,"key":"n","value":1}`)
				s.read()
				s.do(fmt.Sprintf(`{"op":3,"key":"doc","value":"{\"w%d\":{\"s%d\":true}}"}`, w, i), `{"code":200,"success":true,"message":"Record stored"}`)
			}
		})
	}
	wg.Wait()
	if got := r.value("n"); got != fmt.Sprint(writers*each) {
		t.Errorf("counter: %s", got)
	}
	var doc map[string]map[string]any
	if err := json.Unmarshal([]byte(r.value("doc")), &doc); err != nil {
		t.Fatal(err)
	}
	for w := range writers {
		if n := len(doc[fmt.Sprint("w", w)]); n != 2*each {
			t.Errorf("writer %d: %d of %d members", w, n, 2*each)
		}
	}
}
