package rest

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"

	"hpkv/resp"
	"hpkv/server/command"
)

// heartbeat is how long a stream of events is silent at most. Who has vanished is
// noticed by what cannot be sent, at the latest.
const heartbeat = 15 * time.Second

const (
	eventBytes = 32 << 10 // of events that are sent at once
	pieceBytes = 64 << 10 // that a peer must take within writeWait
)

var silence = []byte(":\n\n") // a comment

// stream is a request that is answered by what is published, for as long as
// somebody reads it. The connection is no HTTP connection any more for fasthttp: one
// goroutine waits for the peer to go, a second one writes.
type stream struct {
	s        *Service
	key      *apiKey
	line     [][]byte // what subscribes
	head     []byte   // of the answer
	chunked  bool
	conn     net.Conn
	unserved *time.Timer

	quit chan struct{} // closed when the stream shall end
	once sync.Once
}

// streamBook knows the open streams.
type streamBook struct {
	open sync.WaitGroup // counts all
	mu   sync.Mutex
	all  map[*stream]struct{}
}

// wantsEvents says whether a request, which has the command line in its path, asks
// for the messages of channels.
func wantsEvents(ctx *fasthttp.RequestCtx, row *command.Row, line [][]byte) bool {
	return row != nil && row.Is(command.Events) && row.ArityOK(len(line)) && !ctx.IsHead() &&
		bytes.Contains(bytes.ToLower(ctx.Request.Header.Peek("Accept")), []byte("text/event-stream"))
}

// events answers with a stream.
func (s *Service) events(ctx *fasthttp.RequestCtx, k *apiKey, row *command.Row, line [][]byte) *problem {
	if k.prefix != "" { // which confines keys; channels are nobody's
		return bad(notAllowed(row))
	}
	h := &ctx.Response.Header
	h.SetContentType("text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no") // proxies must not gather events
	h.SetConnectionClose()
	st := &stream{s: s, key: k, line: line, conn: ctx.Conn(), chunked: ctx.Request.Header.IsHTTP11(), quit: make(chan struct{})}
	if st.chunked {
		h.SetContentLength(-1)
	}
	if p := s.addStream(st); p != nil {
		return p
	}
	st.head = h.AppendBytes(nil)
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(st.serve)
	// When the connection breaks before, nobody calls serve.
	st.unserved = time.AfterFunc(handshakeWait, func() { s.removeStream(st) })
	return nil
}

func (s *Service) addStream(st *stream) *problem {
	b := &s.streams
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case s.ending.Load():
		return &problem{503, "the server is shutting down"}
	case int64(len(b.all)) >= s.cfg.RestMaxConnections.Load():
		return &problem{503, "too many connections"}
	}
	if b.all == nil {
		b.all = make(map[*stream]struct{})
	}
	b.all[st] = struct{}{}
	b.open.Add(1)
	return nil
}

func (s *Service) removeStream(st *stream) {
	b := &s.streams
	b.mu.Lock()
	delete(b.all, st)
	b.mu.Unlock()
	b.open.Done()
}

// count is the number of open streams.
func (b *streamBook) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.all)
}

// end ends the streams whose keys are chosen.
func (b *streamBook) end(chosen func(*apiKey) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for st := range b.all {
		if chosen(st.key) {
			st.end()
		}
	}
}

// wait returns when all streams have ended; none may be added any more.
func (b *streamBook) wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() { // ends with the streams
		b.open.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end has what is there written, for closeWait at most, and the connection closed.
// Any goroutine.
func (st *stream) end() {
	st.once.Do(func() {
		time.AfterFunc(closeWait, func() { st.conn.Close() })
		close(st.quit)
	})
}

// serve runs a stream to its end.
func (st *stream) serve(in net.Conn) {
	if !st.unserved.Stop() {
		return // it was given up
	}
	defer st.s.removeStream(st)
	feed := st.s.host.Listen(st.conn.RemoteAddr().String(), st.line, func() { st.conn.Close() })
	written := make(chan struct{})
	go func() { // ends when end was called, which is below at the latest
		defer close(written)
		st.write(feed)
		st.conn.Close() // ends the reading below
	}()
	_, _ = io.Copy(io.Discard, in) // the peer has nothing more to say
	st.end()
	<-written
	feed.Close()
}

// write sends events until the stream ends or the peer does not take them.
func (st *stream) write(feed Feed) {
	out := bufio.NewWriterSize(pacedConn{st.conn}, frameBuffer)
	var body io.Writer = out
	if st.chunked {
		body = httputil.NewChunkedWriter(out)
	}
	if _, err := out.Write(st.head); err != nil || out.Flush() != nil {
		return
	}
	put := func(text []byte) bool {
		_, err := body.Write(text)
		return err == nil && out.Flush() == nil
	}
	send := func(p []byte) bool {
		return eachEvents(p, func(text []byte, events int) bool {
			if !put(text) {
				return false
			}
			st.s.Counters.Events.Add(int64(events))
			return true
		})
	}
	idle := time.NewTimer(heartbeat)
	defer idle.Stop()
	for {
		select {
		case <-st.quit:
			if send(feed.Take()) && st.chunked {
				_, _ = out.WriteString("0\r\n\r\n")
				_ = out.Flush()
			}
			return
		case <-idle.C:
			if !put(silence) {
				return
			}
		case <-feed.More():
			for p := feed.Take(); len(p) > 0; p = feed.Take() {
				if !send(p) {
					return
				}
			}
		}
		idle.Reset(heartbeat)
	}
}

// eachEvents calls put for the pushes in p, in RESP, as the text of events, some at
// a time, until it returns false.
func eachEvents(p []byte, put func(text []byte, events int) bool) bool {
	var text []byte
	events := 0
	for len(p) > 0 {
		v, rest, err := resp.ParseValue(p)
		if err != nil || v.Kind != resp.KindArray {
			return false // no push: there will be none
		}
		text, p = appendEvent(text, v), rest
		events++
		if len(text) >= eventBytes || len(p) == 0 {
			if !put(text, events) {
				return false
			}
			text, events = text[:0], 0
		}
	}
	return true
}

// appendEvent appends a push as an event: what it is, names and a number or a
// message, with commas between.
func appendEvent(dst []byte, push resp.Value) []byte {
	dst = append(dst, "data: "...)
	for i, part := range push.Elems {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch {
		case part.Kind == resp.KindInt:
			dst = strconv.AppendInt(dst, part.Int, 10)
		case !bytes.ContainsAny(part.Str, "\r\n"):
			dst = append(dst, part.Str...)
		case i < len(push.Elems)-1: // a name
			for _, b := range part.Str {
				if b == '\r' || b == '\n' {
					b = ' '
				}
				dst = append(dst, b)
			}
		default:
			dst = appendOneLine(dst, part.Str)
		}
	}
	return append(dst, "\n\n"...)
}

// appendOneLine appends a message that has line breaks, where a reader takes a line
// break for the event's end, as JSON that has none: without its white space if it is
// JSON, else as a string. Upstash's client decodes either.
func appendOneLine(dst, text []byte) []byte {
	if v := jsontext.Value(bytes.Clone(text)); v.Compact() == nil {
		return append(dst, v...)
	}
	return appendString(dst, text)
}

// pacedConn gives the peer writeWait for each piece.
type pacedConn struct{ net.Conn }

// Write implements io.Writer.
func (c pacedConn) Write(p []byte) (n int, err error) {
	for err == nil && n < len(p) {
		var more int
		_ = c.SetWriteDeadline(time.Now().Add(writeWait))
		more, err = c.Conn.Write(p[n:min(n+pieceBytes, len(p))])
		n += more
	}
	return n, err
}
