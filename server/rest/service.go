package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"

	"hpkv/engine"
	"hpkv/resp"
	"hpkv/server/certs"
	"hpkv/server/command"
	"hpkv/server/config"
)

// Host is what the interfaces need of the server they are part of. Its methods
// are safe for concurrent use.
type Host interface {
	// Record runs f, which carries out c, with a lane that is f's alone until it
	// returns, and returns when what f changed is as safe as the settings ask for.
	// The statistics of commands count it as c.Row; err is f's. down says that f
	// was not run, or that what it changed may not last. It panics as f does.
	Record(c Call, f func(l *engine.Lane) error) (err, down error)
	// Settle returns when the changes that keys of database 0 have gone through are
	// as safe as the settings ask for, or with an error if they never will be.
	Settle(keys func(visit func(key []byte))) error
	// Execute runs command lines, one after the other, as a client of its own
	// would that has logged in as the default user and speaks RESP2, and
	// returns a reply for each. addr is whom they come from.
	Execute(addr string, lines [][][]byte) []resp.Value
	// Listen runs a command line that subscribes, as a client of its own like that
	// of Execute, which hears of what is published until the feed is closed or the
	// client cut off, because it takes too little or its messages may not last. Then
	// ended is called, on a goroutine of the host.
	Listen(addr string, line [][]byte, ended func()) Feed
	// Panicked counts and logs a request that panicked with cause; stack is where.
	Panicked(cause any, stack []byte)
	// Metrics is the server's state in Prometheus' text format.
	Metrics() ([]byte, error)
	// NotReady says why requests should not come now, nil if they may.
	NotReady() error
	// Table is the table of the commands Execute knows.
	Table() *command.Table
}

// Feed is what a client that listens is sent. One goroutine may take, any may close.
type Feed interface {
	// More has something in it when there may be something to take.
	More() <-chan struct{}
	// Take returns replies and pushes in RESP2, whole ones, nil if there are none.
	// They are the caller's. What the last call returned counts as sent.
	Take() []byte
	// Close ends the client. When it returns, nobody finds that it listens.
	Close()
}

// Call is an operation on records, as the command that it is to MONITOR, the
// slow log and the statistics of commands.
type Call struct {
	Row  *command.Row // nil: it is not counted
	From net.Addr     // who asked
	Args [2][]byte    // behind the command's name; the second may be nil. They are read until Record returns.
}

// Options of New. All are required.
type Options struct {
	Config *config.Config // read for as long as the service lives
	Host   Host
	Log    zerolog.Logger
}

// Service answers HTTP requests. New makes it, Serve starts it, Shutdown ends it.
type Service struct {
	cfg    *config.Config
	host   Host
	log    zerolog.Logger
	http   *fasthttp.Server
	keys   keyring
	hub    Hub
	cert   *certs.Identity // nil: no TLS
	rows   Rows
	routes []route
	exact  map[string]*route // those that are matched as a whole

	streams streamBook

	listeners []net.Listener // set by Serve, for Shutdown
	loops     atomic.Int64   // accept loops; who looks may come before Serve
	silent    sync.Map       // net.Conn to nothing: connections without a first request

	Counters Counters
	noRoute  routeCount // requests that no route got

	accepting sync.WaitGroup
	watching  sync.WaitGroup
	stop      chan struct{}
	stopOnce  sync.Once
	ending    atomic.Bool
}

// limits of a request that are not settings: what the longest names need,
// escaped twice, with room for headers and a token.
const (
	headBytes  = 16 << 10
	maxKey     = 512
	maxRangeID = maxKey + 2 // an end of a range may be a key and what follows it
)

// reloadPeriod is how often the files of keys and certificates are looked at.
const reloadPeriod = time.Second

// New reads the files that the settings name. The error says in a user's words
// what is wrong with them.
func New(o Options) (*Service, error) {
	s := &Service{cfg: o.Config, host: o.Host, log: o.Log, stop: make(chan struct{})}
	s.keys.cfg = o.Config
	s.hub.init(s)
	s.rows = NewRows(o.Host.Table())
	s.routes, s.exact = s.table(), make(map[string]*route)
	for i := range s.routes {
		r := &s.routes[i]
		if r.count = new(routeCount); r.prefix == "" {
			s.exact[r.path] = r
		}
	}
	if err := s.keys.load(); err != nil {
		return nil, err
	}
	if s.keys.empty() {
		return nil, errors.New("rest-port is set, but there is no rest-api-key: without one nobody could be let in")
	}
	var err error
	if s.cert, err = loadCertificate(o.Config.RestTLSCertFile.Load(), o.Config.RestTLSKeyFile.Load()); err != nil {
		return nil, err
	}
	timeout := time.Duration(o.Config.RestRequestTimeout.Load()) * time.Second
	s.http = &fasthttp.Server{
		Handler:                       s.handle,
		ErrorHandler:                  s.broken,
		Logger:                        quiet{},
		ConnState:                     s.connState,
		Concurrency:                   int(o.Config.RestMaxConnections.Load()),
		ReadBufferSize:                headBytes,
		ReadTimeout:                   timeout,
		WriteTimeout:                  timeout,
		IdleTimeout:                   time.Duration(o.Config.RestIdleTimeout.Load()) * time.Second,
		MaxRequestBodySize:            int(o.Config.RestBodyLimit.Load()),
		NoDefaultServerHeader:         true,
		NoDefaultContentType:          true,
		DisablePreParseMultipartForm:  true,
		DisableHeaderNamesNormalizing: false,
		CloseOnShutdown:               true,
		TCPKeepalive:                  true,
	}
	o.Config.OnChange("rest-api-key", func() error { return s.reloadKeys() })
	return s, nil
}

// connState notes connections that no request has come from yet, as browsers
// and pools open them in reserve: http would wait for one when it ends.
func (s *Service) connState(c net.Conn, state fasthttp.ConnState) {
	switch state {
	case fasthttp.StateNew:
		s.silent.Store(c, nil)
	case fasthttp.StateClosed:
		s.silent.Delete(c)
	}
}

// quiet drops what fasthttp would log about single connections.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// Hub receives the changes that subscribers are told about; it is for
// engine.Options.Changes.
func (s *Service) Changes() engine.Changes { return &s.hub }

// Secure reports whether the service speaks TLS.
func (s *Service) Secure() bool { return s.cert != nil }

// Serve starts serving the listeners, which become the service's, and returns.
func (s *Service) Serve(listeners []net.Listener) {
	s.listeners = listeners
	s.loops.Store(int64(len(listeners)))
	for _, ln := range listeners {
		ln = lazyListener{ln}
		if s.cert != nil {
			ln = tls.NewListener(ln, s.cert.Config())
		}
		s.accepting.Go(func() { // ended by Shutdown
			if err := s.http.Serve(ln); err != nil && !s.ending.Load() {
				s.log.Error().Err(err).Stringer("addr", ln.Addr()).Msg("REST: accept loop ended")
			}
		})
	}
	s.watching.Go(s.hub.run) // both ended by Shutdown
	s.watching.Go(s.watchFiles)
}

// Shutdown stops accepting, lets requests finish, ends streams of events, closes
// WebSockets with the code for a server that goes away, and returns when all are gone or ctx ends.
func (s *Service) Shutdown(ctx context.Context) error {
	s.ending.Store(true)
	s.stopOnce.Do(func() { close(s.stop) })
	s.hub.closeAll()
	s.streams.end(func(*apiKey) bool { return true })
	for _, ln := range s.listeners { // an accept loop that has yet to start is unknown to http
		ln.Close()
	}
	s.silent.Range(func(c, _ any) bool {
		c.(net.Conn).Close()
		return true
	})
	err := s.http.ShutdownWithContext(ctx)
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	s.hub.closeAll() // upgraded meanwhile
	if e := s.hub.wait(ctx); err == nil {
		err = e
	}
	if e := s.streams.wait(ctx); err == nil {
		err = e
	}
	done := make(chan struct{})
	go func() { // ends with them
		s.accepting.Wait()
		s.watching.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		select {
		case <-done:
		case <-time.After(closeGrace):
		}
	}
	select { // the last of several things to happen may be any
	case <-done:
		return err
	default:
		return ErrStuck
	}
}

// closeGrace is how long what need not wait for anybody may take to end when the time
// of a shutdown is over.
const closeGrace = time.Second

// ErrStuck is returned by Shutdown when the service still uses the host: a change that
// it is to tell of is of a key that somebody has locked.
var ErrStuck = errors.New("the key of a change is locked")

// Connections is the number of open HTTP connections, without WebSockets and streams
// of events.
func (s *Service) Connections() int {
	// http counts each listener as a connection to come, and takes one off.
	return max(int(s.http.GetOpenConnectionsCount())+1-int(s.loops.Load()), 0)
}

// Streams is the number of open streams of events.
func (s *Service) Streams() int { return s.streams.count() }

// Sockets is the number of open WebSockets.
func (s *Service) Sockets() int { return s.hub.Sockets() }

// Subscriptions is the number of different patterns subscribed to.
func (s *Service) Subscriptions() int { return s.hub.subscriptions() }

// watchFiles reads the files of keys and certificates again when they change.
// What cannot be read leaves the service as it was.
func (s *Service) watchFiles() {
	tick := time.NewTicker(reloadPeriod)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		if s.keys.fileChanged() {
			if err := s.reloadKeys(); err != nil {
				s.log.Warn().Err(err).Msg("REST: keeping the API keys as they were")
			}
		}
		if s.cert != nil {
			if changed, err := s.cert.Refresh(); err != nil {
				s.log.Warn().Err(err).Msg("REST: keeping the certificate as it was")
			} else if changed {
				s.log.Info().Msg("REST: the certificate was read again")
			}
		}
	}
}

// reloadKeys takes the keys of settings and file, and closes the WebSockets and
// streams of keys that are gone.
func (s *Service) reloadKeys() error {
	if err := s.keys.load(); err != nil {
		return err
	}
	gone := func(k *apiKey) bool { return s.keys.byID(k.id) == nil }
	s.hub.dropKeys(gone)
	s.streams.end(gone)
	return nil
}
