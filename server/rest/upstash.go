package rest

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"

	"hpkv/resp"
	"hpkv/server/command"
)

// maxCommands bounds the commands of one pipeline.
const maxCommands = 10_000

// postCommand is POST /: one command as a JSON array.
func (s *Service) postCommand(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	line, p := commandLine(ctx.Request.Body())
	if p != nil {
		return p
	}
	return s.single(ctx, k, line)
}

// pathCommand is /{command}/{arg}...; the body of a POST, and then names and
// values of the query, are further arguments. Not so where events are asked for:
// Upstash's client sends an empty array with the request, and escapes no ? of a
// pattern.
func (s *Service) pathCommand(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	t := targetOf(ctx)
	rest, query := string(t.path[1:]), string(t.query)
	line, ok := segments(rest)
	if !ok {
		return badPath
	}
	if row := s.host.Table().Resolve(line); wantsEvents(ctx, row, line) {
		if query != "" && queryToken(query) == nil {
			if line, ok = segments(rest + "?" + query); !ok {
				return badPath
			}
		}
		return s.events(ctx, k, row, line)
	}
	if ctx.IsPost() && len(ctx.Request.Body()) > 0 {
		line = append(line, ctx.Request.Body())
	}
	for _, pair := range strings.Split(query, "&") {
		name, value, hasValue := strings.Cut(pair, "=")
		if pair == "" || name == "_token" {
			continue
		}
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return bad("the query is not percent-encoded properly")
		}
		line = append(line, []byte(n))
		if hasValue && v != "" {
			line = append(line, []byte(v))
		}
	}
	return s.single(ctx, k, line)
}

var badPath = bad("the path is not percent-encoded properly")

// segments are the parts of a path without their escapes.
func segments(path string) (line [][]byte, ok bool) {
	for _, part := range strings.Split(path, "/") {
		arg, err := url.PathUnescape(part)
		if err != nil {
			return nil, false
		}
		line = append(line, []byte(arg))
	}
	return line, true
}

func (s *Service) single(ctx *fasthttp.RequestCtx, k *apiKey, line [][]byte) *problem {
	if text := s.allowed(k, line); text != "" {
		return bad(text)
	}
	v := s.host.Execute(ctx.RemoteAddr().String(), [][][]byte{line})[0]
	if v.IsError() {
		return bad(string(v.Str))
	}
	reply(ctx, newEncoder(ctx).result(nil, v))
	return nil
}

// postPipeline is POST /pipeline: an array of commands, each answered for
// itself.
func (s *Service) postPipeline(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	lines, p := commandLines(ctx.Request.Body())
	if p != nil {
		return p
	}
	refused := make([]string, len(lines))
	var run [][][]byte
	for i, line := range lines {
		if refused[i] = s.allowed(k, line); refused[i] == "" {
			run = append(run, line)
		}
	}
	replies := s.host.Execute(ctx.RemoteAddr().String(), run)
	e := newEncoder(ctx)
	out := []byte{'['}
	for i := range lines {
		if i > 0 {
			out = append(out, ',')
		}
		if refused[i] != "" {
			out = appendProblem(out, bad(refused[i]))
			continue
		}
		out = e.result(out, replies[0])
		replies = replies[1:]
	}
	reply(ctx, append(out, ']'))
	return nil
}

// postTransaction is POST /multi-exec: an array of commands that are one step.
func (s *Service) postTransaction(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	lines, p := commandLines(ctx.Request.Body())
	if p != nil {
		return p
	}
	for _, line := range lines {
		if text := s.allowed(k, line); text != "" {
			return bad(text)
		}
	}
	run := append(append([][][]byte{{[]byte("MULTI")}}, lines...), [][]byte{[]byte("EXEC")})
	replies := s.host.Execute(ctx.RemoteAddr().String(), run)
	last := replies[len(replies)-1]
	if last.IsError() {
		for _, v := range replies { // the cause says more than its consequence
			if v.IsError() {
				return bad(string(v.Str))
			}
		}
	}
	e := newEncoder(ctx)
	out := []byte{'['}
	for i, v := range last.Elems {
		if i > 0 {
			out = append(out, ',')
		}
		out = e.result(out, v)
	}
	reply(ctx, append(out, ']'))
	return nil
}

// commandLine reads a JSON array of arguments.
func commandLine(body []byte) ([][]byte, *problem) {
	if !looksLikeArray(body) {
		return nil, bad("ERR the body must be a JSON array: a command and its arguments")
	}
	d := decode(body)
	defer d.release()
	line, p := readLine(d)
	if p == nil {
		p = atEnd(d)
	}
	return line, p
}

func commandLines(body []byte) ([][][]byte, *problem) {
	if !looksLikeArray(body) {
		return nil, bad("ERR the body must be a JSON array of commands")
	}
	d := decode(body)
	defer d.release()
	var lines [][][]byte
	if _, err := d.ReadToken(); err != nil {
		return nil, malformed(err)
	}
	for d.PeekKind() == '[' {
		line, p := readLine(d)
		if p != nil {
			return nil, p
		}
		if lines = append(lines, line); len(lines) > maxCommands {
			return nil, bad("ERR too many commands")
		}
	}
	if k := d.PeekKind(); k != ']' && k != 0 {
		return nil, bad("ERR each command must be a JSON array")
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, malformed(err)
	}
	return lines, atEnd(d)
}

func atEnd(d *decoder) *problem {
	if _, err := d.ReadToken(); err != io.EOF {
		return bad("malformed JSON: something follows the array")
	}
	return nil
}

func looksLikeArray(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n")
	return len(body) > 0 && body[0] == '['
}

// readLine reads one array of arguments: strings as they are, anything else as
// the JSON it was sent as.
func readLine(d *decoder) ([][]byte, *problem) {
	if _, err := d.ReadToken(); err != nil {
		return nil, malformed(err)
	}
	var line [][]byte
	for {
		switch d.PeekKind() {
		case ']':
			_, _ = d.ReadToken()
			if len(line) == 0 {
				return nil, bad("ERR empty command")
			}
			return line, nil
		case '"':
			v, err := d.ReadValue()
			if err != nil {
				return nil, malformed(err)
			}
			arg, err := jsontext.AppendUnquote(nil, v)
			if err != nil {
				return nil, malformed(err)
			}
			line = append(line, arg)
		default:
			v, err := d.ReadValue()
			if err != nil {
				return nil, malformed(err)
			}
			c := v.Clone()
			_ = c.Compact() // it is valid
			line = append(line, c)
		}
	}
}

// allowed says why a command may not run for the holder of a key, "" if it may.
// For a key with a prefix it puts the prefix before the keys in line.
func (s *Service) allowed(k *apiKey, line [][]byte) string {
	row := s.host.Table().Resolve(line)
	if row == nil || !row.ArityOK(len(line)) {
		return "" // it will be told
	}
	top := row
	if row.Parent() != nil {
		top = row.Parent()
	}
	told := row.Is(command.Informs)
	switch {
	case row.Is(command.NoAuth|command.Admin) && !told,
		row.Is(command.OfConnection | command.Pushes | command.Blocking):
		return "ERR " + strings.ToUpper(top.Name) + " is not available over REST"
	case k.readOnly && !told && (row.Is(command.Write|command.MayReplicate) || !row.Is(command.ReadOnly) && row.Is(command.NoScript)):
		return "NOPERM the API key allows reading only"
	case k.prefix != "":
		return confine(k, row, line)
	}
	return ""
}

func notAllowed(row *command.Row) string {
	return "NOPERM the API key does not allow " + strings.ToUpper(row.Name)
}

// confine keeps a command within the keys of an API key's prefix.
func confine(k *apiKey, row *command.Row, line [][]byte) string {
	if row.Is(command.NoData) {
		return ""
	}
	refused := notAllowed(row)
	if row.Is(command.AllShards|command.TellsKeys) || row.Cats&(command.CatScripting|command.CatPubSub) != 0 {
		return refused
	}
	for i := range row.Keys { // SORT reads keys that it makes up from patterns
		if spec := &row.Keys[i]; spec.Flags&command.KeyIncomplete != 0 || spec.Begin == command.BeginUnknown || spec.Find == command.FindUnknown {
			return refused
		}
	}
	pos, ok := row.AppendKeys(nil, line)
	if !ok || len(pos) == 0 {
		return refused
	}
	for _, at := range pos {
		line[at.Pos] = append([]byte(k.prefix), line[at.Pos]...)
	}
	return ""
}

// encoder writes replies as Upstash's clients read them.
type encoder struct{ base64 bool }

func newEncoder(ctx *fasthttp.RequestCtx) encoder {
	return encoder{bytes.EqualFold(ctx.Request.Header.Peek("Upstash-Encoding"), []byte("base64"))}
}

func (e encoder) result(dst []byte, v resp.Value) []byte {
	if v.IsError() {
		return appendProblem(dst, bad(string(v.Str)))
	}
	return append(e.value(append(dst, `{"result":`...), v), '}')
}

func (e encoder) value(dst []byte, v resp.Value) []byte {
	switch {
	case v.IsNull():
		return append(dst, "null"...)
	case v.Kind == resp.KindInt:
		return strconv.AppendInt(dst, v.Int, 10)
	case v.Kind == resp.KindArray:
		dst = append(dst, '[')
		for i, elem := range v.Elems {
			if i > 0 {
				dst = append(dst, ',')
			}
			if elem.IsError() {
				dst = appendProblem(dst, bad(string(elem.Str)))
			} else {
				dst = e.value(dst, elem)
			}
		}
		return append(dst, ']')
	case e.base64 && (v.Kind != resp.KindStatus || string(v.Str) != "OK"):
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), v.Str)
		return append(dst, '"')
	}
	return appendString(dst, v.Str)
}

// queryToken is the API key in a query's _token, nil if there is none.
func queryToken(query string) []byte {
	for _, pair := range strings.Split(query, "&") {
		if text, ok := strings.CutPrefix(pair, "_token="); ok {
			if token, err := url.QueryUnescape(text); err == nil && token != "" {
				return []byte(token)
			}
		}
	}
	return nil
}
