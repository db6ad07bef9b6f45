package rest

import (
	"errors"
	"io"
	"net/url"
	"sync"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"
)

// Close codes.
const (
	closeGoingAway = websocket.CloseGoingAway
	closePolicy    = websocket.ClosePolicyViolation
	closeTooSlow   = websocket.CloseTryAgainLater
	closeInternal  = websocket.CloseInternalServerErr
)

// Times of a WebSocket. Peers that vanish are noticed when they answer no ping.
const (
	pingPeriod    = 30 * time.Second
	pongWait      = 75 * time.Second
	closeWait     = 2 * time.Second // for the peer's part of a closing handshake
	writeWait     = 10 * time.Second
	handshakeWait = time.Minute
	frameBuffer   = 4 << 10
	maxUnread     = 1 << 20 // bytes of answers not taken before requests wait
	discardBytes  = 8 << 20 // of a message that is too long
)

var writeBuffers sync.Pool

// upgrade is GET /ws. Credentials are checked before anything else, since a
// client takes 403 for a refusal and all else for trouble on the way.
func (s *Service) upgrade(ctx *fasthttp.RequestCtx, _ *apiKey) *problem {
	c, p := s.newSocket(ctx)
	if p != nil {
		s.Counters.Refused.Add(1)
		return p
	}
	if !websocket.FastHTTPIsWebSocketUpgrade(ctx) {
		ctx.Response.Header.Set("Upgrade", "websocket")
		return &problem{fasthttp.StatusUpgradeRequired, "this path speaks WebSocket only"}
	}
	up := websocket.FastHTTPUpgrader{
		HandshakeTimeout: writeWait,
		ReadBufferSize:   frameBuffer,
		WriteBufferSize:  frameBuffer,
		WriteBufferPool:  &writeBuffers,
		CheckOrigin:      func(*fasthttp.RequestCtx) bool { return true }, // pages of any origin may have a token
	}
	// Who has seen the answer to the handshake hears of every change from then
	// on, so the subscription comes first.
	if p := s.hub.add(c, c.subscribe); p != nil {
		return p
	}
	if err := up.Upgrade(ctx, c.serve); err != nil {
		s.hub.remove(c)
		return bad(err.Error())
	}
	// When the answer cannot be written, nobody calls serve.
	c.unserved = time.AfterFunc(handshakeWait, func() { s.hub.remove(c) })
	return nil
}

// newSocket finds out who connects.
func (s *Service) newSocket(ctx *fasthttp.RequestCtx) (*socket, *problem) {
	refused := &problem{403, "a valid token or API key is needed"}
	query, err := url.ParseQuery(string(targetOf(ctx).query))
	if err != nil {
		return nil, refused
	}
	c := &socket{s: s, wake: make(chan struct{}, 1), space: make(chan struct{}, 1)}
	if token := query.Get("token"); token != "" {
		claims, k, ok := s.keys.verify(token, time.Now())
		if !ok {
			return nil, refused
		}
		c.key, c.scope = k, k.scope(ctx)
		a := newAccess(claims)
		c.scope.only = &a
		c.subscribe = claims.Subscribe
		c.expires = time.Unix(claims.Expires, 0)
	} else {
		shown := []byte(query.Get("apiKey"))
		if len(shown) == 0 {
			shown, _ = presented(ctx)
		}
		if c.key = s.keys.find(shown); c.key == nil {
			return nil, refused
		}
		c.scope = c.key.scope(ctx)
	}
	return c, nil
}

// socket is one WebSocket. The goroutine that serves it reads; a second one
// writes what is in its outbox.
type socket struct {
	s         *Service
	conn      *websocket.Conn
	key       *apiKey
	scope     scope
	subscribe []string
	expires   time.Time // zero: never
	unserved  *time.Timer

	groups []*group // owned by the hub
	round  uint64   // owned by the hub: the last delivery

	wake  chan struct{} // capacity 1: the outbox has something
	space chan struct{} // capacity 1: it had less than maxUnread when last looked at

	out struct { // leaf lock
		sync.Mutex
		frames  []frame
		answers int // bytes of frames not written that answer requests
		pushed  int // bytes of those that do not
		ending  bool
		code    int
		why     string
	}
}

// frame is one message to the peer. Its bytes may be shared.
type frame struct {
	text   []byte
	pushed bool // it answers nothing
}

// serve runs a connection to its end.
func (c *socket) serve(conn *websocket.Conn) {
	if !c.unserved.Stop() {
		return // it was given up
	}
	c.conn = conn
	defer c.s.hub.remove(c)
	conn.SetReadLimit(c.s.cfg.RestBodyLimit.Load())
	_ = conn.SetReadDeadline(time.Now().Add(pongWait))
	conn.SetPongHandler(func(string) error { return conn.SetReadDeadline(time.Now().Add(pongWait)) })
	if !c.expires.IsZero() {
		expiry := time.AfterFunc(time.Until(c.expires), func() {
			c.s.Counters.Expired.Add(1)
			c.end(closePolicy, "the token has expired")
		})
		defer expiry.Stop()
	}
	written := make(chan struct{})
	go func() { // ends when end was called, which is below at the latest
		defer close(written)
		c.write()
	}()
	tooLong := false
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			tooLong = errors.Is(err, websocket.ErrReadLimit)
			break
		}
		if !c.await() {
			break
		}
		if kind != websocket.TextMessage {
			c.answer(appendAnswerProblem(nil, nil, bad("messages must be text")))
			continue
		}
		c.answer(c.request(message))
	}
	c.end(websocket.CloseNormalClosure, "")
	<-written
	if tooLong {
		// Closing with input unread would reset the connection, and take from the
		// peer the frame that says why. finish has bounded the time.
		_, _ = io.CopyN(io.Discard, conn.NetConn(), discardBytes)
	}
}

// await holds requests back while the peer does not take its answers. It
// reports false when the connection has ended.
func (c *socket) await() bool {
	for {
		c.out.Lock()
		room, ending := c.out.answers < maxUnread, c.out.ending
		c.out.Unlock()
		if room || ending {
			return !ending
		}
		<-c.space
	}
}

func (c *socket) answer(text []byte) {
	c.out.Lock()
	c.out.frames = append(c.out.frames, frame{text, false})
	c.out.answers += len(text)
	c.out.Unlock()
	signal(c.wake)
}

// push queues a notification. Any goroutine. A peer that lets too many of them
// wait is disconnected: a gap would mislead it, a reconnect does not.
func (c *socket) push(text []byte) {
	c.out.Lock()
	if c.out.ending {
		c.out.Unlock()
		return
	}
	if limit := c.s.cfg.RestPushLimit.Load(); int64(c.out.pushed+len(text)) > limit {
		c.out.frames = nil
		c.out.Unlock()
		c.s.Counters.TooSlow.Add(1)
		c.end(closeTooSlow, "notifications are not read fast enough")
		return
	}
	c.out.frames = append(c.out.frames, frame{text, true})
	c.out.pushed += len(text)
	c.out.Unlock()
	signal(c.wake)
}

// end closes the connection with a code once what is queued was written. Any
// goroutine; the first call counts.
func (c *socket) end(code int, why string) {
	c.out.Lock()
	if !c.out.ending {
		c.out.ending, c.out.code, c.out.why = true, code, why
	}
	c.out.Unlock()
	signal(c.wake)
	signal(c.space)
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// write sends frames and pings until the connection ends.
func (c *socket) write() {
	ping := time.NewTicker(pingPeriod)
	defer ping.Stop()
	defer c.finish()
	for {
		select {
		case <-c.wake:
		case <-ping.C:
			if c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWait)) != nil {
				return
			}
			continue
		}
		for {
			c.out.Lock()
			frames, ending := c.out.frames, c.out.ending
			c.out.frames = nil
			c.out.Unlock()
			if len(frames) == 0 {
				if ending {
					return
				}
				break
			}
			for _, f := range frames {
				_ = c.conn.SetWriteDeadline(time.Now().Add(writeWait))
				if c.conn.WriteMessage(websocket.TextMessage, f.text) != nil {
					return
				}
				c.written(f)
			}
		}
	}
}

// written takes a frame off the books.
func (c *socket) written(f frame) {
	c.out.Lock()
	if f.pushed {
		c.out.pushed -= len(f.text)
	} else {
		c.out.answers -= len(f.text)
	}
	c.out.Unlock()
	if !f.pushed {
		signal(c.space)
	}
}

// finish says goodbye, and makes the reader see the end soon.
func (c *socket) finish() {
	c.end(closeInternal, "")
	c.out.Lock()
	code, why := c.out.code, c.out.why
	c.out.frames = nil
	c.out.Unlock()
	_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why), time.Now().Add(closeWait))
	_ = c.conn.SetReadDeadline(time.Now().Add(closeWait))
	signal(c.space)
}
