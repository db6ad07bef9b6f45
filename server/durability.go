package server

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"hpkv/persist"
	"hpkv/resp"
	"hpkv/server/command"
	"hpkv/server/config"
	"hpkv/server/journal"
)

// What may stand in the way of commands; bits of durability.obstacle.
const (
	obstacleLoading = 1 << iota // the log is being replayed
	obstacleDisk                // the log cannot be written
)

// defaultLogDir is the log's directory when neither dir nor appenddirname is given.
const defaultLogDir = "hpkv-data"

// durability is the server's side of the log: when it is replayed, begun and
// ended, what its state means for clients, and what is told of it.
type durability struct {
	srv *Server
	dir string // of the log; immutable after New

	// Any goroutine, without a lock: commands look at these.
	obstacle atomic.Uint32
	waits    atomic.Bool // a reply to a change waits until the change is durable
	journal  atomic.Pointer[journal.Journal]
	loaded   atomic.Int64 // keys there were after the data were loaded the last time

	load loadProgress

	mu     sync.Mutex // held while the log is begun or ended
	rounds uint64     // no round of a log that has ended is higher; under mu
	policy sync.Mutex // held while the log is told of its policy

	backup struct { // those that are being written
		sync.Mutex
		running     int64
		done, total int64 // bytes of the one that told last
	}

	stall stall

	compaction task
	save       task
	saved      struct { // the last save; under save.mu
		unix    int64
		changes uint64
	}
}

// mustWait reports whether a reply to a change of this round has to wait.
func (d *durability) mustWait(round uint64) bool { return d.waits.Load() && round > d.durable() }

// durable is the last round that is durable; without a log nothing is awaited.
func (d *durability) durable() uint64 {
	if j := d.journal.Load(); j != nil {
		return j.Durable()
	}
	return math.MaxUint64
}

// released is the last round that no reply has to wait for.
func (d *durability) released() uint64 {
	if !d.waits.Load() {
		return math.MaxUint64
	}
	return d.durable()
}

// hurry has the changes made so far written, for replies that wait for them. Once
// for many is best: they share a round.
func (d *durability) hurry() {
	if j := d.journal.Load(); j != nil {
		j.Log().Hurry()
	}
}

// lost reports whether what is not durable now will never be. That is known when
// changes are refused, not before: who is told of it may not make another.
func (d *durability) lost() bool {
	j := d.journal.Load()
	if j == nil {
		return false
	}
	state, _ := j.Log().State()
	return state == persist.StateFailed && d.obstacle.Load()&obstacleDisk != 0
}

// wait returns when no reply to a change of the round has to wait, with an error
// if the change may not last. For those who have no connection of this package.
func (d *durability) wait(round uint64) error {
	if j := d.journal.Load(); j != nil && round != 0 && d.mustWait(round) {
		return j.WaitDurable(context.Background(), round)
	}
	return nil
}

// admit is refusal for requests that are no commands.
func (d *durability) admit(write bool) error {
	switch o := d.obstacle.Load(); {
	case o&obstacleLoading != 0:
		return errors.New("the data are being loaded")
	case o&obstacleDisk != 0 && write:
		return errors.New("the log cannot be written: " + d.reason())
	}
	return nil
}

// refusal is why a command may not run while something is in the way, as the
// wire text; "" if it may. txWrites: it is the EXEC of a transaction that
// writes.
func (d *durability) refusal(row *command.Row, txWrites bool) string {
	switch o := d.obstacle.Load(); {
	case o&obstacleDisk != 0 && (row.Is(command.Write|command.Probe) || txWrites):
		return resp.MisconfAOF(d.reason())
	case o&obstacleLoading != 0 && !row.Is(command.Loading):
		return resp.ErrLoading
	}
	return ""
}

// reason names what is wrong with the disk as the C library does.
func (d *durability) reason() string {
	j := d.journal.Load()
	if j == nil {
		return "Success"
	}
	_, err := j.Log().State()
	var errno syscall.Errno
	if errors.As(err, &errno) {
		if text := []byte(errno.Error()); len(text) > 0 && text[0] >= 'a' && text[0] <= 'z' {
			text[0] -= 'a' - 'A'
			return string(text)
		}
		return errno.Error()
	}
	if err == nil { // it has just recovered
		return "Success"
	}
	return err.Error()
}

// logDir is where the log is or would be, by its full name: the working directory
// follows the setting dir.
func (s *Server) logDir() (string, error) {
	dir := defaultLogDir
	if s.cfg.Given("dir") || s.cfg.Given("appenddirname") {
		dir = filepath.Join(s.cfg.Dir.Load(), s.cfg.AppendDirName.Load())
	}
	return filepath.Abs(dir)
}

// segmentBudget bounds the disk space that segments prepared ahead take, all
// streams together: each has one in use and one to come.
const (
	segmentBudget   = 512 << 20
	minSegmentBytes = 4 << 20
	maxSegmentBytes = 64 << 20
)

func (s *Server) fsyncPolicy() persist.Policy {
	switch s.cfg.AppendFsync.Load() {
	case config.FsyncAlways:
		return persist.Always
	case config.FsyncNo:
		return persist.No
	}
	return persist.EverySec
}

// options are those of the log to be opened next. REQUIRES: d.mu.
func (d *durability) options() journal.Options {
	s := d.srv
	o := journal.Options{RoundsBefore: d.rounds}
	o.Dir, o.Policy, o.Clock = d.dir, s.fsyncPolicy(), s.clock
	o.SegmentBytes = int64(min(max(segmentBudget/(2*s.engine.Homes()), minSegmentBytes), maxSegmentBytes))
	o.OnDurable = func(uint64) { s.wakeWithheld() }
	o.OnState = d.stateChanged
	o.OnStep = d.step
	o.OnProgress = d.progress
	if s.tuneLog != nil {
		s.tuneLog(&o)
	}
	return o
}

// stateChanged is called by the log.
func (d *durability) stateChanged(state persist.State, err error) {
	log := &d.srv.log
	switch state {
	case persist.StateOK:
		d.clear(obstacleDisk)
		log.Info().Msg("the log can be written again")
	case persist.StateDiskFull:
		d.set(obstacleDisk)
		log.Error().Err(err).Msg("there is no room for the log: changes are refused until there is")
		d.save.abandon() // nobody knows when there will be room
	case persist.StateFailed:
		d.set(obstacleDisk)
		log.Error().Err(err).Msg("the log has failed: changes are refused until the server is started again")
		d.srv.wakeWithheld()
	}
}

// wakeWithheld has replies delivered that need not wait any longer.
func (s *Server) wakeWithheld() {
	s.driver.wakeWithheld()
	if s.side != nil {
		s.side.wakeWithheld()
	}
}

func (d *durability) set(bit uint32)   { d.obstacle.Or(bit) }
func (d *durability) clear(bit uint32) { d.obstacle.And(^bit) }

// attach makes j the log that is in use. REQUIRES: d.mu.
func (d *durability) attach(j *journal.Journal) {
	d.journal.Store(j)
	d.applyPolicy(j) // which a client may have changed since j was opened
}

// applyPolicy has j follow the setting appendfsync.
func (d *durability) applyPolicy(j *journal.Journal) {
	d.policy.Lock()
	defer d.policy.Unlock()
	p := d.srv.fsyncPolicy()
	j.Log().SetPolicy(p)
	d.waits.Store(p == persist.Always)
}

// appendOnlyChanged follows the setting while the server runs. A log that is turned
// on holds the data, and takes the place of an older one, when its first compaction
// has ended. One that is turned off is off, even if it could not be written to its end:
// an error would have the setting say that it is still on.
func (d *durability) appendOnlyChanged() error {
	if d.obstacle.Load()&obstacleLoading != 0 {
		return errors.New("the data are being loaded")
	}
	if !d.srv.cfg.AppendOnly.Load() {
		if err := d.detach(); err != nil {
			d.srv.log.Error().Err(err).Msg("the log was turned off and lacks the last changes: it could not be written")
		}
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.journal.Load() != nil {
		return nil
	}
	j, err := journal.Start(d.srv.engine, d.options())
	if err != nil {
		return errors.New(logText(err))
	}
	d.attach(j)
	d.compact()
	return nil
}

// detach ends the log: everything is written, and nothing more.
func (d *durability) detach() error {
	d.compaction.stop()
	d.save.stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	j := d.journal.Load()
	if j == nil {
		return nil
	}
	err := j.Close()
	d.rounds = j.Appended()
	d.waits.Store(false)
	d.journal.Store(nil)
	d.clear(obstacleDisk)
	d.srv.wakeWithheld()
	return err
}

func (d *durability) fsyncChanged() error {
	if j := d.journal.Load(); j != nil {
		d.applyPolicy(j)
		d.srv.wakeWithheld()
	}
	return nil
}

// compact starts a compaction in the background; false if one is under way or
// there is no log.
func (d *durability) compact() bool {
	j := d.journal.Load()
	if j == nil {
		return false
	}
	ctx, cancel := context.WithCancel(context.Background())
	if !d.compaction.begin(cancel) {
		cancel()
		return false
	}
	log := &d.srv.log
	go func() { // stopped by detach
		defer cancel()
		before := j.Log().Size()
		err := j.Compact(ctx)
		d.compaction.end(err)
		if err != nil {
			log.Warn().Err(err).Msg("the log was not compacted")
			return
		}
		log.Info().Int64("bytes", j.Log().Size()).Int64("before", before).Msg("log compacted")
	}()
	return true
}

// autoCompact starts a compaction when the log has grown enough. Called by cron.
func (d *durability) autoCompact() {
	j := d.journal.Load()
	if j == nil || d.compaction.failedWithin(retryCompaction) ||
		!j.Due(d.srv.cfg.AutoRewritePercentage.Load(), d.srv.cfg.AutoRewriteMinSize.Load()) {
		return
	}
	if j.Log().Whole() {
		d.srv.log.Info().Int64("bytes", j.Log().Size()).Msg("compacting the log: it has grown enough")
	}
	d.compact()
}

// retryCompaction is how long after a failure the next compaction begins by
// itself.
const retryCompaction = time.Second

// complete returns when the log holds the whole state: at once, but for one that
// was begun while the server ran. To end that earlier would leave what was on the
// disk before it.
func (d *durability) complete(ctx context.Context) error {
	j := d.journal.Load()
	if j == nil || j.Log().Whole() {
		return nil
	}
	d.srv.log.Info().Msg("the log does not hold all data yet: waiting until it does")
	tick := time.NewTicker(cronPeriod)
	defer tick.Stop()
	for !j.Log().Whole() {
		if _, err := j.Log().State(); err != nil {
			return err
		}
		d.compact() // unless that is under way
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// sync has everything that was changed so far on the disk when it returns.
func (d *durability) sync(ctx context.Context) error {
	j := d.journal.Load()
	if j == nil {
		return errNoLog
	}
	if state, err := j.Log().State(); state != persist.StateOK {
		return err
	}
	changes := d.srv.engine.Stats().Changes
	if err := j.Log().Sync(ctx); err != nil {
		if state, cause := j.Log().State(); state != persist.StateOK {
			return cause
		}
		return err
	}
	d.save.mu.Lock()
	defer d.save.mu.Unlock()
	d.saved.unix, d.saved.changes = time.Now().Unix(), changes
	return nil
}

// cannotSave says why what was changed so far cannot be on the disk when the server
// ends. must: it is an error, too, if nothing is kept at all.
func (d *durability) cannotSave(must bool) error {
	if d.obstacle.Load()&obstacleLoading != 0 {
		return nil // nothing has been changed
	}
	j := d.journal.Load()
	if j == nil {
		if must {
			return errNoLog
		}
		return nil
	}
	_, err := j.Log().State()
	return err
}

// syncNow is sync for a server that cannot be closed in order, within a second
// or two.
func (d *durability) syncNow() error {
	j := d.journal.Load()
	if j == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	return j.Log().Sync(ctx)
}

// noteSaved makes now the time of the last save.
func (d *durability) noteSaved() {
	changes := d.srv.engine.Stats().Changes
	d.save.mu.Lock()
	defer d.save.mu.Unlock()
	d.saved.unix, d.saved.changes = time.Now().Unix(), changes
}

// lastSave returns when everything was last known to be on disk, and how many
// changes there were by then.
func (d *durability) lastSave() (unix int64, changes uint64) {
	d.save.mu.Lock()
	defer d.save.mu.Unlock()
	return d.saved.unix, d.saved.changes
}

// pending is how many bytes of changes are in memory and not yet in a file.
func (d *durability) pending() int64 {
	if j := d.journal.Load(); j != nil {
		return j.Log().Stats().Pending
	}
	return 0
}

var errNoLog = errors.New("the log is off: see the setting appendonly")
