package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"hpkv/engine"
	"hpkv/numa"
	"hpkv/server/certs"
	"hpkv/server/command"
	"hpkv/server/config"
	"hpkv/server/journal"
	"hpkv/server/latency"
	"hpkv/server/rest"
)

// Options is what New needs beside the settings.
type Options struct {
	Config     *config.Config // required; read for as long as the server lives
	ConfigFile string         // absolute path of the file Config was read from, for INFO and CONFIG REWRITE; "" when there is none
	Log        zerolog.Logger

	// Topology and Plan are used when set; otherwise New detects and plans.
	Topology *numa.Topology
	Plan     *numa.Plan

	// Listeners are served beside those of the settings port, bind and
	// unixsocket. The server closes them.
	Listeners []net.Listener

	// RESTListeners are served beside those of the setting rest-port. The server
	// closes them.
	RESTListeners []net.Listener

	// Clock is the time the data and the clients live by; nil is the system's.
	Clock engine.Clock

	// Ready, if set, is called when the data are loaded and every command is
	// answered.
	Ready func()

	rows    []command.Row          // tests add commands of their own
	tuneLog func(*journal.Options) // tests put another disk below the log
}

// Server is one running instance. New opens it, Run serves until it is told
// to stop.
//
// A field with a struct type of this package or of package latency guards itself: the
// type says how. Any other is constant after New, or atomic, unless it says whose
// it is.
type Server struct {
	// What it was started with.
	cfg        *config.Config
	configFile string
	log        zerolog.Logger
	clock      engine.Clock
	ready      func()
	tuneLog    func(*journal.Options) // or nil
	runID      string
	replID     atomic.Pointer[string] // as INFO shows it
	started    time.Time

	// The machine, and the data.
	topology   *numa.Topology
	plan       *numa.Plan
	placer     *numa.Placer
	engine     *engine.Engine
	durability durability                         // the log
	background struct{ stop, done chan struct{} } // of the engine's background work

	// Commands.
	table           *command.Table
	executors       executorPool
	deferred        deferredBook
	blocked         blockedBook
	pauses          pauseBook
	stands          standstill
	packedThreshold atomic.Int64 // of DEBUG QUICKLIST-PACKED-THRESHOLD

	// Connections over RESP and RIOC.
	driver       driver
	side         driver // carries TLS connections; nil: there are none
	listeners    []listening
	listening    listeningBook
	clients      registry
	writeTimes   *writeTimes     // nil: RIOC's timestamps are ignored
	riocIdentity *certs.Identity // nil: RIOC is not encrypted
	riocLooked   time.Time       // cron's: when its files were last looked at

	// HTTP.
	rest             *rest.Service  // nil: not asked for
	records          rest.Rows      // what operations on records count as
	restListeners    []net.Listener // until Run
	restAddrs        []net.Addr
	feeds            registry // subscribers, which are no connections of this package
	metrics          *prometheus.Registry
	metricsListeners []net.Listener
	metricsServer    *http.Server
	metricsLoops     sync.WaitGroup

	// Messages.
	hub       hub
	notifier  notifier
	monitored atomic.Int32 // clients under MONITOR

	// Figures.
	totals              totals
	stats               statsBook
	commands            commandBook
	errors              errorBook
	slowlog             slowlog
	latency             latency.Book
	startMemory         int64        // used when New returned, in bytes
	garbage             atomic.Int64 // bytes of large buffers that went out of use; see cron
	backlogged          atomic.Int64 // connections with replies their peer has not taken
	recentIn, recentOut recentPeak   // bytes that a client's input and output waited with

	// Cron's own, but what is atomic.
	procs   procs // once it runs
	samples struct {
		commands, netIn, netOut rate
		peakMemory              atomic.Int64
		engineMs                int64
		defragmenting           time.Duration // by then
		garbage                 int64         // as it was last seen
		garbageAt               time.Time     // when it last changed
		engine                  atomic.Pointer[engine.Stats]
		engineBase              atomic.Pointer[engine.Stats] // at the last CONFIG RESETSTAT
		over, defrag            spells                       // memory above its limit; records being moved
		defragPercent           atomic.Int64                 // of the last second, spent on that
	}

	// The end.
	stopOnce sync.Once
	stopping chan struct{} // closed when the server shall stop
	exit     func(code int)
}

// New opens the engine and the listeners. Clients can connect when it returns,
// and are served once Run is called. It fails with one clear line when an
// address is in use, a directory is missing or a limit of the system is in the
// way.
func New(o Options) (*Server, error) {
	s := &Server{
		cfg:        o.Config,
		tuneLog:    o.tuneLog,
		configFile: o.ConfigFile,
		ready:      o.Ready,
		log:        o.Log,
		clock:      o.Clock,
		runID:      newRunID(),
		started:    time.Now(),
		stopping:   make(chan struct{}),
		exit:       os.Exit,
	}
	if s.clock == nil {
		s.clock = engine.SystemClock{}
	}
	s.replID.Store(&s.runID)
	table, err := newTable(o.rows)
	if err != nil {
		return nil, fmt.Errorf("command table: %w", err)
	}
	s.table = table
	s.records = rest.NewRows(table)
	s.hub = newHub()
	s.notifier.hub, s.notifier.wake = &s.hub, make(chan struct{}, 1)
	s.packedThreshold.Store(defaultPackedThreshold)
	s.durability.srv = s
	if s.durability.dir, err = s.logDir(); err != nil {
		return nil, fmt.Errorf("cannot tell where the log is: %w", err)
	}
	if err := s.place(o); err != nil {
		return nil, err
	}
	if err := s.raiseFileLimit(); err != nil {
		return nil, err
	}
	if err := s.open(o); err != nil {
		s.closeListeners()
		return nil, err
	}
	s.watchSettings()
	s.startMemory = s.engineStats(nil).Memory.InUseBytes + goMemory()
	s.durability.noteSaved()
	s.engineStats(nil)
	s.samples.engineBase.Store(new(engine.Stats))
	return s, nil
}

// open opens the listeners, the engine and the driver. After an error only
// listeners may be open.
func (s *Server) open(o Options) (err error) {
	for _, ln := range o.Listeners {
		s.listeners = append(s.listeners, listening{Listener: ln})
	}
	if err := s.listen(); err != nil {
		return err
	}
	if err := s.openMetrics(); err != nil {
		return err
	}
	if err := s.openREST(o.RESTListeners); err != nil {
		return err
	}
	if s.engine, err = s.openEngine(); err != nil {
		return err
	}
	if s.driver, err = s.newDriver(); err != nil {
		return errors.Join(err, s.engine.Close())
	}
	return nil
}

// newTable builds the table of all commands of a server: those of package
// command, those of this package, and more.
func newTable(more []command.Row) (*command.Table, error) {
	return command.NewTable(append(command.WithSubs(command.Data(), "memory", memoryRows()), connectionRows(), transactionRows(), pubsubRows(), replicationRows(), serverRows(), durabilityRows(), more)...)
}

// place finds out where workers and shards go.
func (s *Server) place(o Options) (err error) {
	s.topology, s.plan = o.Topology, o.Plan
	if s.topology == nil {
		if s.topology, err = numa.Detect(); err != nil {
			return fmt.Errorf("cannot read the machine's topology: %w", err)
		}
	}
	if s.plan == nil {
		s.plan = s.topology.Plan(PlanOptions(s.cfg))
	}
	s.placer = numa.NewPlacer(s.topology, s.plan, func(err error) {
		s.log.Warn().Err(err).Msg("running without placement")
	})
	return nil
}

// PlanOptions are the settings that decide about workers and shards.
func PlanOptions(cfg *config.Config) numa.PlanOptions {
	o := numa.PlanOptions{Workers: int(cfg.Workers.Load()), Shards: int(cfg.Shards.Load())}
	switch cfg.Pin.Load() {
	case config.PinYes:
		o.Pin = numa.PinOn
	case config.PinNo:
		o.Pin = numa.PinOff
	}
	return o
}

func (s *Server) openEngine() (*engine.Engine, error) {
	var told changesTo
	if s.rest != nil {
		told = append(told, s.rest.Changes())
	}
	if s.cfg.RiocTimestamps.Load() == config.NewestWins {
		s.writeTimes = new(writeTimes)
		told = append(told, s.writeTimes)
	}
	var changes engine.Changes
	switch len(told) {
	case 0:
	case 1:
		changes = told[0]
	default:
		changes = told
	}
	e, err := engine.Open(engine.Options{
		Changes:        changes,
		Events:         &s.notifier,
		Databases:      int(s.cfg.Databases.Load()),
		Plan:           s.plan,
		Clock:          s.clock,
		MaxValueBytes:  s.cfg.ProtoMaxBulkLen.Load(),
		MaxMemoryBytes: s.cfg.MaxMemory.Load(),
		OrderedIndex:   s.cfg.OrderedIndex.Load() == config.IndexAlways,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot open the engine: %w", err)
	}
	e.SetSparseMaxBytes(s.cfg.HLLSparseMaxBytes.Load())
	return e, nil
}

// Run serves clients until ctx ends, SHUTDOWN is called or Shutdown is called,
// then drains and closes everything. It may be called once.
func (s *Server) Run(ctx context.Context) error {
	s.procs.begin(s.driver.threads())
	if os.Getenv("GOGC") == "" {
		// The data are not in Go's heap, and requests leave no garbage: collecting
		// at 2 MB instead of 4 costs nothing.
		debug.SetGCPercent(50)
	}
	if s.cfg.AppendOnly.Load() {
		s.durability.set(obstacleLoading)
	}
	if err := s.serve(); err != nil {
		return errors.Join(err, s.engine.Close())
	}
	s.background.stop, s.background.done = make(chan struct{}), make(chan struct{})
	go func() { // stopped by close
		defer close(s.background.done)
		s.engine.RunBackground(s.background.stop, s.worked)
	}()
	s.serveREST()
	s.serveMetrics()
	go s.notifier.run(s.stopping)
	cron := make(chan struct{})
	go func() { // stopped by s.stopping
		defer close(cron)
		s.cron()
	}()
	err := s.serveUntilStopped(ctx)
	s.stop()
	return errors.Join(err, s.close(cron))
}

// serveUntilStopped loads the data, says that the server is ready and returns
// when it shall stop, with an error if the data could not be loaded.
func (s *Server) serveUntilStopped(ctx context.Context) error {
	// Not stopped by ctx itself: a load that was given up must not look like one that failed.
	loading, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	loaded := make(chan error, 1)
	go func() { loaded <- s.durability.recover(loading) }()
	for {
		select {
		case err := <-loaded:
			if err != nil {
				return err
			}
			loaded = nil
			debug.FreeOSMemory() // what starting and loading have left behind: 3 MB at least
			s.log.Info().Str("version", config.Version).Str("driver", s.driver.name()).Int("workers", len(s.plan.Workers)).
				Int("shards", s.engine.Shards()).Stringers("listening", stringers(s.Addrs())).Msg("ready to accept connections")
			if s.ready != nil {
				s.ready()
			}
			continue
		case <-ctx.Done():
		case <-s.stopping:
		}
		if giveUp(); loaded != nil {
			<-loaded // it stops at the next record; why it failed does not matter any more
		}
		return nil
	}
}

// serve hands the listeners to the drivers.
func (s *Server) serve() error {
	var plain, encrypted []listening
	for _, ln := range s.listeners {
		if ln.tls {
			encrypted = append(encrypted, ln)
		} else {
			plain = append(plain, ln)
		}
	}
	s.listeners = nil
	if len(encrypted) > 0 {
		s.side = newGoroutineDriver(s)
		if err := s.side.serve(encrypted); err != nil {
			return err
		}
	}
	return s.driver.serve(plain)
}

// Shutdown makes Run stop. It does not wait; Run returns when everything is
// closed.
func (s *Server) Shutdown() { s.stop() }

func (s *Server) stop() { s.stopOnce.Do(func() { close(s.stopping) }) }

// close drains the connections and closes the engine, once cron has ended, too. It
// takes little longer than shutdown-timeout.
func (s *Server) close(cron <-chan struct{}) error {
	s.log.Info().Msg("shutting down")
	s.unpause()
	wait := time.Duration(s.cfg.ShutdownTimeout.Load()) * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	ended := s.closeREST(ctx)
	s.closeMetrics(ctx)
	ended = s.driver.shutdown(ctx) && ended
	if s.side != nil {
		ended = s.side.shutdown(ctx) && ended
	}
	left := s.deferred.wait(ctx)
	select {
	case <-cron:
	case <-ctx.Done():
		ended = endsSoon(cron) && ended // it looks at every shard, and one may be locked
	}
	close(s.background.stop)
	s.executors.close()
	s.removeSocketFile()
	for _, d := range left {
		s.log.Warn().Str("command", d.call.row.FullName()).Int64("client", d.c.id).Str("addr", d.c.addr).
			Dur("running_ms", time.Since(d.since)).Msg("command abandoned: it was still running after shutdown-timeout")
	}
	if len(left) > 0 || !ended { // they still use the engine's memory
		_ = s.durability.syncNow()
		return errors.New("shutdown-timeout is over: a command did not end and was abandoned")
	}
	<-s.background.done
	if err := errors.Join(s.durability.complete(context.Background()), s.durability.detach()); err != nil {
		return errors.Join(fmt.Errorf("cannot close the log: %w", err), s.engine.Close())
	}
	if err := s.engine.Close(); err != nil {
		return fmt.Errorf("cannot close the engine: %w", err)
	}
	s.log.Info().Msg("bye")
	return nil
}

// abort ends the process at once: going on might answer with damaged data.
func (s *Server) abort(why string) {
	s.log.WithLevel(zerolog.FatalLevel).Msg("stopping the server: " + why)
	s.exit(2)
}

func newRunID() string {
	var b [20]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func stringers(addrs []net.Addr) []fmt.Stringer {
	list := make([]fmt.Stringer, len(addrs))
	for i, a := range addrs {
		list[i] = a
	}
	return list
}
