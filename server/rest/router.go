package rest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// route is a path and what its methods do. The description of the interface is
// tested against the table of routes.
type route struct {
	path    string // with a parameter at the end where prefix is set
	prefix  string // of the path, "" for a path that is matched as a whole
	open    bool   // needs no API key
	openGet bool   // needs none for GET and HEAD
	upstash bool   // errors and keys as Upstash's clients expect them
	get     handler
	post    handler
	delete  handler
	count   *routeCount
}

// handler answers a request, or says why it does not.
type handler func(ctx *fasthttp.RequestCtx, k *apiKey) *problem

// recordPath is what the path of a record begins with.
const recordPath = "/record/"

// table lists all routes. One that is matched as a whole goes before those with
// a prefix, and of these the first that fits.
func (s *Service) table() []route {
	return []route{
		{path: "/record", post: s.postRecord},
		{path: "/record/atomic", get: s.getRecord, post: s.postAtomic, delete: s.deleteRecord},
		{path: "/record/{key}", prefix: recordPath, get: s.getRecord, delete: s.deleteRecord},
		{path: "/records", get: s.getRecords},
		{path: "/token/websocket", post: s.token},
		{path: "/ws", open: true, get: s.upgrade}, // which looks for a token or a key
		{path: "/search", post: absent},
		{path: "/query", post: absent},
		{path: "/healthz", open: true, get: s.healthy},
		{path: "/readyz", open: true, get: s.ready},
		{path: "/openapi.json", get: s.openAPI},
		{path: "/metrics", get: s.metrics},
		{path: "/console/app.js", open: true, get: s.consoleAsset},
		{path: "/console/icon.svg", open: true, get: s.consoleAsset},
		{path: "/console/style.css", open: true, get: s.consoleAsset},
		{path: "/", upstash: true, openGet: true, get: s.console, post: s.postCommand},
		{path: "/pipeline", upstash: true, post: s.postPipeline},
		{path: "/multi-exec", upstash: true, post: s.postTransaction},
		{path: "/{command}", prefix: "/", upstash: true, get: s.pathCommand, post: s.pathCommand},
	}
}

// target is the path and the query of a request as they were sent. The path is
// not cleaned: keys may contain any text.
// Its slices are the request's.
type target struct{ path, query []byte }

// targetOf cuts the request's target, which costs less than to keep it.
func targetOf(ctx *fasthttp.RequestCtx) (t target) {
	uri := ctx.Request.Header.RequestURI()
	if len(uri) > 0 && uri[0] != '/' { // the form for proxies
		if i := bytes.Index(uri, []byte("://")); i > 0 {
			uri = uri[i+3:]
			if slash := bytes.IndexByte(uri, '/'); slash >= 0 {
				uri = uri[slash:]
			} else {
				uri = []byte("/")
			}
		}
	}
	t.path, t.query, _ = bytes.Cut(uri, []byte("?"))
	if bytes.HasPrefix(t.path, []byte("//")) { // a base address with a slash at its end
		t.path = t.path[1:]
	}
	return t
}

func (s *Service) find(path []byte) *route {
	if r := s.exact[string(path)]; r != nil {
		return r
	}
	for i := range s.routes {
		if r := &s.routes[i]; r.prefix != "" && len(path) >= len(r.prefix) && string(path[:len(r.prefix)]) == r.prefix {
			return r
		}
	}
	return nil
}

// handle answers every request that could be read.
func (s *Service) handle(ctx *fasthttp.RequestCtx) {
	if ctx.ConnRequestNum() == 1 {
		s.silent.Delete(ctx.Conn())
	}
	count := &s.noRoute
	defer func() {
		if cause := recover(); cause != nil {
			s.fail(ctx, s.panicked(cause))
		}
		count.add(ctx, time.Since(ctx.Time()))
	}()
	s.allowOrigin(ctx)
	t := targetOf(ctx)
	r := s.find(t.path)
	if r != nil {
		count = r.count
	}
	if ctx.IsOptions() {
		s.options(ctx, r)
		return
	}
	if r == nil {
		s.fail(ctx, &problem{404, "no such path"})
		return
	}
	k, p := s.authenticate(ctx, r, t.query)
	if p == nil {
		p = s.dispatch(ctx, r, k)
	}
	if p != nil {
		s.fail(ctx, p)
	}
}

// panicked is the problem of a request that panicked with cause.
func (s *Service) panicked(cause any) *problem {
	s.host.Panicked(cause, debug.Stack())
	return &problem{500, "internal error; the server's log has the details"}
}

func (s *Service) dispatch(ctx *fasthttp.RequestCtx, r *route, k *apiKey) *problem {
	var h handler
	switch {
	case ctx.IsGet(), ctx.IsHead():
		h = r.get
	case ctx.IsPost():
		h = r.post
	case ctx.IsDelete():
		h = r.delete
	}
	if h == nil {
		ctx.Response.Header.Set("Allow", r.methods())
		return &problem{405, "method not allowed; this path takes " + r.methods()}
	}
	return h(ctx, k)
}

func (r *route) methods() string {
	var list []string
	if r.get != nil {
		list = append(list, "GET", "HEAD")
	}
	if r.post != nil {
		list = append(list, "POST")
	}
	if r.delete != nil {
		list = append(list, "DELETE")
	}
	return strings.Join(append(list, "OPTIONS"), ", ")
}

var bearer = []byte("Bearer ")

// presented is the API key that a request shows, nil if it shows none.
func presented(ctx *fasthttp.RequestCtx) (key []byte, isBearer bool) {
	if key := ctx.Request.Header.PeekCanonical(apiKeyHeader); len(key) > 0 {
		return key, false
	}
	auth := ctx.Request.Header.Peek("Authorization")
	if len(auth) > len(bearer) && bytes.EqualFold(auth[:len(bearer)], bearer) {
		return bytes.TrimSpace(auth[len(bearer):]), true
	}
	return nil, false
}

// authenticate finds the key that a request may use. A path that is none of
// ours is a command only to who speaks Upstash's way.
func (s *Service) authenticate(ctx *fasthttp.RequestCtx, r *route, query []byte) (*apiKey, *problem) {
	if r.open || r.openGet && (ctx.IsGet() || ctx.IsHead()) {
		return nil, nil
	}
	shown, isBearer := presented(ctx)
	if r.upstash && shown == nil {
		shown = queryToken(string(query))
		isBearer = shown != nil
	}
	if r.prefix == "/" && !isBearer {
		return nil, &problem{404, "no such path"}
	}
	if shown == nil {
		s.Counters.Refused.Add(1)
		return nil, &problem{401, "an API key is missing: send it as x-api-key"}
	}
	k := s.keys.find(shown)
	if k == nil {
		s.Counters.Refused.Add(1)
		if isBearer {
			return nil, &problem{401, "Unauthorized: the API key is not valid"}
		}
		return nil, &problem{403, "the API key is not valid"}
	}
	if !k.allow(s.cfg.RestRateLimit.Load()) {
		return nil, errRate
	}
	return k, nil
}

var errRate = &problem{429, "too many requests"}

// fail answers with a problem.
func (s *Service) fail(ctx *fasthttp.RequestCtx, p *problem) {
	ctx.Response.ResetBody()
	ctx.SetStatusCode(p.code)
	reply(ctx, appendProblem(nil, p))
}

// reply sets the body, JSON, which must not change any more.
func reply(ctx *fasthttp.RequestCtx, body []byte) {
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBodyRaw(body)
}

// bodyOf lends the response's body, empty, for an answer to be appended;
// replyBody makes it the body.
func bodyOf(ctx *fasthttp.RequestCtx) []byte { return ctx.Response.SwapBody(nil)[:0] }

func replyBody(ctx *fasthttp.RequestCtx, body []byte) {
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SwapBody(body)
}

func replyText(ctx *fasthttp.RequestCtx, body string) {
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBodyString(body)
}

// Headers in their canonical form, which need not be brought into it each time.
var (
	allowOriginHeader = []byte("Access-Control-Allow-Origin")
	apiKeyHeader      = []byte("X-Api-Key")
)

// allowOrigin lets pages of other origins read the answer.
func (s *Service) allowOrigin(ctx *fasthttp.RequestCtx) {
	if origin := s.cfg.RestCORSOrigin.Load(); origin != "" {
		ctx.Response.Header.SetCanonical(allowOriginHeader, []byte(origin))
	}
}

// options answers a browser that asks what it may do.
func (s *Service) options(ctx *fasthttp.RequestCtx, r *route) {
	methods := "GET, HEAD, POST, DELETE, OPTIONS"
	if r != nil {
		methods = r.methods()
	}
	h := &ctx.Response.Header
	h.Set("Allow", methods)
	if s.cfg.RestCORSOrigin.Load() != "" {
		h.Set("Access-Control-Allow-Methods", methods)
		h.Set("Access-Control-Allow-Headers", allowedHeaders(ctx.Request.Header.Peek("Access-Control-Request-Headers")))
		h.Set("Access-Control-Max-Age", "86400")
	}
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}

// allowedHeaders allows what is asked for, since clients send headers of their
// own, or names those that matter.
func allowedHeaders(asked []byte) string {
	const ours = "content-type, x-api-key, authorization, upstash-encoding"
	if len(asked) == 0 || len(asked) > 1<<10 {
		return ours
	}
	for _, c := range asked {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == ',' || c == ' ') {
			return ours
		}
	}
	return string(asked)
}

// broken answers a request that could not be read.
func (s *Service) broken(ctx *fasthttp.RequestCtx, err error) {
	p := bad("malformed request")
	var small *fasthttp.ErrSmallBuffer
	var timeout net.Error
	switch {
	case errors.As(err, &small):
		p = &problem{431, fmt.Sprintf("the head of the request is longer than %d bytes", headBytes)}
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		p = &problem{413, fmt.Sprintf("the body is longer than %d bytes", s.cfg.RestBodyLimit.Load())}
	case errors.As(err, &timeout) && timeout.Timeout():
		p = &problem{408, "the request took too long to arrive"}
	}
	s.allowOrigin(ctx)
	s.fail(ctx, p)
	ctx.SetConnectionClose()
	linger(ctx.Conn())
	s.noRoute.add(ctx, 0)
}

func absent(*fasthttp.RequestCtx, *apiKey) *problem {
	return &problem{501, "search is not part of this server"}
}

func (s *Service) healthy(ctx *fasthttp.RequestCtx, _ *apiKey) *problem {
	replyText(ctx, `{"status":"ok"}`)
	return nil
}

// ready says whether requests are welcome: not while data are loaded, changes
// are refused, or the server is ending.
func (s *Service) ready(ctx *fasthttp.RequestCtx, _ *apiKey) *problem {
	if s.ending.Load() {
		return &problem{503, "the server is shutting down"}
	}
	if err := s.host.NotReady(); err != nil {
		return &problem{503, err.Error()}
	}
	replyText(ctx, `{"status":"ready"}`)
	return nil
}

// metrics is GET /metrics. A key that is confined to its keys is not told about
// the whole server.
func (s *Service) metrics(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	if k.prefix != "" {
		return &problem{403, "the API key does not allow this"}
	}
	text, err := s.host.Metrics()
	if err != nil {
		return &problem{500, err.Error()}
	}
	ctx.Response.Header.SetContentType("text/plain; version=0.0.4; charset=utf-8")
	ctx.Response.SetBodyRaw(text)
	return nil
}
