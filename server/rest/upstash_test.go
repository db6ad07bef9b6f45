package rest_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// command sends a request as Upstash's clients do.
func (r *rig) command(key, method, path, body string, header ...string) answer {
	r.t.Helper()
	return r.ask(method, path, body, append([]string{"Authorization", "Bearer " + key}, header...)...)
}

func (r *rig) wantCommand(method, path, body string, status int, text string) {
	r.t.Helper()
	if got := r.command(keyAll, method, path, body); got.StatusCode != status || got.body != text {
		r.t.Errorf("%s %s %s: %d %s\nwant %d %s", method, path, clip(body), got.StatusCode, clip(got.body), status, text)
	}
}

func TestCommands(t *testing.T) {
	r := start(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		text               string
	}{
		{"POST", "/", `["SET","k","v"]`, 200, `{"result":"OK"}`},
		{"POST", "/", ` [ "get" , "k" ] `, 200, `{"result":"v"}`},
		{"POST", "/", `["GET","absent"]`, 200, `{"result":null}`},
		{"POST", "/", `["SET","n",10]`, 200, `{"result":"OK"}`},
		{"POST", "/", `["INCRBY","n",-3]`, 200, `{"result":7}`},
		{"POST", "/", `["INCRBYFLOAT","n",0.5]`, 200, `{"result":"7.5"}`},
		{"POST", "/", `["MGET","k","absent","n"]`, 200, `{"result":["v",null,"7.5"]}`},
		{"POST", "/", `["SET","json",{"a": [1, true]}]`, 200, `{"result":"OK"}`},
		{"POST", "/", `["GET","json"]`, 200, `{"result":"{\"a\":[1,true]}"}`},
		{"POST", "/", `["SET","max",9223372036854775807]`, 200, `{"result":"OK"}`},
		{"POST", "/", `["INCRBY","max",0]`, 200, `{"result":9223372036854775807}`},
		{"POST", "/", `["TYPE","k"]`, 200, `{"result":"string"}`},
		{"POST", "/", `["PING"]`, 200, `{"result":"PONG"}`},
		{"POST", "/", `["SCAN","0","MATCH","k"]`, 200, `{"result":["0",["k"]]}`},
		{"POST", "/", `["HPKV.RANGE","k","k"]`, 200, `{"result":[null,["k","v"]]}`}, // which may take long
		{"POST", "/", `["NOPE","x"]`, 400, `{"error":"ERR unknown command 'NOPE', with args beginning with: 'x' "}`},
		{"POST", "/", `["GET"]`, 400, `{"error":"ERR wrong number of arguments for 'get' command"}`},
		{"POST", "/", `["INCR","k"]`, 400, `{"error":"ERR value is not an integer or out of range"}`},
		{"POST", "/", `[]`, 400, `{"error":"ERR empty command"}`},
		{"POST", "/", `{}`, 400, `{"error":"ERR the body must be a JSON array: a command and its arguments"}`},
		{"POST", "/", ``, 400, `{"error":"ERR the body must be a JSON array: a command and its arguments"}`},
		{"POST", "/", `["GET","k"`, 400, `{"error":"malformed JSON: unexpected EOF after byte 10"}`},
		{"POST", "/", `["GET","k"] x`, 400, `{"error":"malformed JSON: something follows the array"}`},
		{"POST", "/", `["GET","k"][]`, 400, `{"error":"malformed JSON: something follows the array"}`},
		{"GET", "/get/k", "", 200, `{"result":"v"}`},
		{"GET", "/set/a/b%2Fc%20d+e", "", 200, `{"result":"OK"}`},
		{"GET", "/get/a", "", 200, `{"result":"b/c d+e"}`},
		{"GET", "/set/a/1?EXAT=4102444800", "", 200, `{"result":"OK"}`},
		{"GET", "/expiretime/a", "", 200, `{"result":4102444800}`},
		{"POST", "/set/a?EXAT=4102444799", "the body", 200, `{"result":"OK"}`},
		{"GET", "/get/a", "", 200, `{"result":"the body"}`},
		{"GET", "/expiretime/a", "", 200, `{"result":4102444799}`},
		{"GET", "/%zz", "", 400, `{"error":"the path is not percent-encoded properly"}`},
		{"GET", "/get/k?_token=x", "", 200, `{"result":"v"}`},
		{"DELETE", "/get/k", "", 405, `{"error":"method not allowed; this path takes GET, HEAD, POST, OPTIONS"}`},
		{"POST", "/pipeline", `[["SET","p","1"],["INCR","p"],["INCR","k"],["NOPE"],["GET","p"]]`, 200,
			`[{"result":"OK"},{"result":2},{"error":"ERR value is not an integer or out of range"},{"error":"ERR unknown command 'NOPE', with args beginning with: "},{"result":"2"}]`},
		{"POST", "/pipeline", `[]`, 200, `[]`},
		{"POST", "/pipeline", `[["GET","k"],[]]`, 400, `{"error":"ERR empty command"}`},
		{"POST", "/pipeline", `[["GET","k"],1]`, 400, `{"error":"ERR each command must be a JSON array"}`},
		{"POST", "/pipeline", `["GET","k"]`, 400, `{"error":"ERR each command must be a JSON array"}`},
		{"POST", "/multi-exec", `[["SET","p","5"],["INCR","p"],["INCR","k"],["GET","p"]]`, 200,
			`[{"result":"OK"},{"result":6},{"error":"ERR value is not an integer or out of range"},{"result":"6"}]`},
		{"POST", "/multi-exec", `[["SET","p","9"],["NOPE"]]`, 400, `{"error":"ERR unknown command 'NOPE', with args beginning with: "}`},
		{"POST", "/multi-exec", `[]`, 200, `[]`},
		{"GET", "/get/p", "", 200, `{"result":"6"}`},
	} {
		r.wantCommand(c.method, c.path, c.body, c.status, c.text)
	}
	if got := r.ask("GET", "/get/k?_token="+keyAll, ""); got.StatusCode != 200 || got.body != `{"result":"v"}` {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	do(t, r.redis(), "v", "GET", "k")
}

func TestCommandsOfConnections(t *testing.T) {
	r := start(t)
	for _, line := range []string{"AUTH x", "HELLO 3", "QUIT", "RESET", "MULTI", "EXEC", "DISCARD", "WATCH k", "UNWATCH", "SELECT 1", "CLIENT LIST",
		"CONFIG GET *", "SHUTDOWN NOSAVE", "BZPOPMIN z 1", "BLMPOP 0 1 l LEFT", "BZMPOP 0 1 z MIN", "SUBSCRIBE c", "PSUBSCRIBE c", "MONITOR"} {
		args := `["` + strings.ReplaceAll(line, " ", `","`) + `"]`
		name, _, _ := strings.Cut(line, " ")
		text := `{"error":"ERR ` + name + ` is not available over REST"}`
		r.wantCommand("POST", "/", args, 400, text)
		r.wantCommand("POST", "/multi-exec", "["+args+"]", 400, text)
		r.wantCommand("POST", "/pipeline", `[["SET","k","1"],`+args+`,["GET","k"]]`, 200, `[{"result":"OK"},`+text+`,{"result":"1"}]`)
	}
}

func TestCommandKeys(t *testing.T) {
	r := start(t, "--requirepass", "secret") // which is about RESP
	if got := r.command("wrong", "POST", "/", `["GET","k"]`); got.StatusCode != 401 {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	r.wantCommand("POST", "/", `["MSET","k","1","t1:k","2"]`, 200, `{"result":"OK"}`)
	for _, c := range []struct{ key, body, text string }{
		{keyRead, `["GET","k"]`, `{"result":"1"}`},
		{keyRead, `["SET","k","2"]`, `{"error":"NOPERM the API key allows reading only"}`},
		{keyRead, `["FLUSHALL"]`, `{"error":"NOPERM the API key allows reading only"}`},
		{keyRead, `["PING"]`, `{"result":"PONG"}`},
		{keyTenant, `["GET","k"]`, `{"result":"2"}`},
		{keyTenant, `["MSET","a","1","b","2"]`, `{"result":"OK"}`},
		{keyTenant, `["MGET","a","b","t1:k"]`, `{"result":["1","2",null]}`},
		{keyTenant, `["DEL","a","b"]`, `{"result":2}`},
		{keyTenant, `["KEYS","*"]`, `{"error":"NOPERM the API key does not allow KEYS"}`},
		{keyTenant, `["SCAN","0"]`, `{"error":"NOPERM the API key does not allow SCAN"}`},
		{keyTenant, `["FLUSHALL"]`, `{"error":"NOPERM the API key does not allow FLUSHALL"}`},
		{keyTenant, `["DBSIZE"]`, `{"error":"NOPERM the API key does not allow DBSIZE"}`},
		{keyTenant, `["INFO"]`, `{"error":"NOPERM the API key does not allow INFO"}`},
		{keyTenant, `["PING"]`, `{"result":"PONG"}`},
	} {
		if got := r.command(c.key, "POST", "/", c.body); got.body != c.text {
			t.Errorf("%s: %d %s, want %s", c.body, got.StatusCode, got.body, c.text)
		}
	}
}

// With the header, all bytes come back as they were stored.
func TestBase64(t *testing.T) {
	r := start(t)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	do(t, r.redis(), "OK", "SET", "all", all)
	do(t, r.redis(), "OK", "SET", "ok", "OK")
	b64 := func(s string) string { return `"` + base64.StdEncoding.EncodeToString([]byte(s)) + `"` }
	for body, want := range map[string]string{
		`["GET","all"]`:                `{"result":` + b64(string(all)) + `}`,
		`["MGET","all","none","ok"]`:   `{"result":[` + b64(string(all)) + `,null,` + b64("OK") + `]}`,
		`["SET","x","1"]`:              `{"result":"OK"}`,
		`["INCR","n"]`:                 `{"result":1}`,
		`["PING"]`:                     `{"result":` + b64("PONG") + `}`,
		`["GET"]`:                      `{"error":"ERR wrong number of arguments for 'get' command"}`,
		`["SCAN","0","MATCH","nokey"]`: `{"result":[` + b64("0") + `,[]]}`,
	} {
		if got := r.command(keyAll, "POST", "/", body, "Upstash-Encoding", "base64"); got.body != want {
			t.Errorf("%s: %s, want %s", body, got.body, want)
		}
	}
}

// A pipeline that is larger than any buffer on the way, and values that are no
// UTF-8 on the way in.
func TestLargePipeline(t *testing.T) {
	r := start(t)
	var b strings.Builder
	b.WriteString("[")
	for i := range 5000 {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `["SET","k%d",%s]`, i, quote(strings.Repeat("x", 500)))
	}
	got := r.command(keyAll, "POST", "/pipeline", b.String()+"]")
	if got.StatusCode != 200 || strings.Count(got.body, `{"result":"OK"}`) != 5000 {
		t.Errorf("%d %s", got.StatusCode, clip(got.body))
	}
	do(t, r.redis(), "5000", "DBSIZE")
	r.wantCommand("POST", "/", "[\"SET\",\"k\",\"\xff\"]", 400, `{"error":"malformed JSON: invalid UTF-8 after byte 12"}`)
	r.wantCommand("POST", "/set/raw", "\xff\x00\xfe", 200, `{"result":"OK"}`) // the body of a path command is bytes
	do(t, r.redis(), "\xff\x00\xfe", "GET", "raw")
	many := "[" + strings.Repeat(`["PING"],`, 10_000) + `["PING"]]`
	r.wantCommand("POST", "/pipeline", many, 400, `{"error":"ERR too many commands"}`)
}

// What the server tells of itself can be asked for, but not by who is confined to
// some of its keys; what changes it cannot.
func TestCommandsThatTell(t *testing.T) {
	r := start(t, "--slowlog-log-slower-than", "0")
	r.put("k", "v")
	for _, line := range []string{`["SLOWLOG","GET","1"]`, `["SLOWLOG","LEN"]`, `["HPKV.TOPOLOGY"]`, `["LATENCY","LATEST"]`, `["LATENCY","HISTOGRAM"]`, `["INFO"]`} {
		for _, key := range []string{keyAll, keyRead} {
			if got := r.ask("POST", "/", line, "Authorization", "Bearer "+key); got.StatusCode != 200 || !strings.HasPrefix(got.body, `{"result":`) {
				t.Errorf("%s: %d %s", line, got.StatusCode, got.body)
			}
		}
		if got := r.ask("POST", "/", line, "Authorization", "Bearer "+keyTenant); got.StatusCode != 400 || !strings.Contains(got.body, "NOPERM") {
			t.Errorf("%s: %d %s", line, got.StatusCode, got.body)
		}
	}
	if got := r.ask("POST", "/", `["SLOWLOG","GET","-1"]`, "Authorization", "Bearer "+keyAll); !strings.Contains(got.body, `["set","k","v"]`) {
		t.Error(got.body)
	}
	for _, line := range []string{`["SLOWLOG","RESET"]`, `["CONFIG","GET","*"]`, `["LATENCY","RESET"]`, `["SHUTDOWN"]`} {
		if got := r.ask("POST", "/", line, "Authorization", "Bearer "+keyAll); got.StatusCode != 400 || !strings.Contains(got.body, "not available over REST") {
			t.Errorf("%s: %d %s", line, got.StatusCode, got.body)
		}
	}
}
