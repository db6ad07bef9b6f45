package hpkv

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hpkv/engine"
	"hpkv/persist"
	"hpkv/server/journal"
)

// SyncPolicy says when changes are forced to disk.
type SyncPolicy int

const (
	// SyncEverySecond forces them once a second: a power failure may take the
	// last second, the end of the process next to nothing.
	SyncEverySecond SyncPolicy = iota
	// SyncAlways forces each before the method that made it returns. Changes of
	// several goroutines share the wait.
	SyncAlways
	// SyncNever leaves it to the operating system.
	SyncNever
)

// ErrLog is what writes return when the log on disk cannot be written, wrapped
// with the reason. A write that finds it so changes nothing; one that was under
// way is done in memory, and may be gone at the next Open. A full disk is got
// over once there is room; after any other failure the DB must be opened again.
var ErrLog = errors.New("hpkv: the log cannot be written")

// openLog loads what is in o.Dir into the engine and keeps its changes there.
func (s *store) openLog(o *Options) error {
	policies := map[SyncPolicy]persist.Policy{SyncEverySecond: persist.EverySec, SyncAlways: persist.Always, SyncNever: persist.No}
	policy, ok := policies[o.Sync]
	if !ok {
		return fmt.Errorf("sync policy %d does not exist", o.Sync)
	}
	jo := journal.Options{Options: persist.Options{Dir: o.Dir, Policy: policy}}
	if o.Clock != nil {
		jo.Clock = o.Clock
	}
	j, _, err := journal.Open(context.Background(), s.engine, jo)
	if err != nil {
		return err
	}
	s.journal, s.always = j, o.Sync == SyncAlways
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { // stopped by Close
		defer close(ended)
		s.compactGrown(ctx)
	}()
	s.stopCompacting = func() { cancel(); <-ended }
	return nil
}

// The log is compacted when it has doubled since the last time, from some size
// on: as the server does by default.
const (
	growthPercent  = 100
	growthMinBytes = 64 << 20
)

func (s *store) compactGrown(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if s.journal.Due(growthPercent, growthMinBytes) {
				_ = s.journal.Compact(ctx) // what keeps it from that keeps writes from succeeding
			}
		}
	}
}

// beginWrite is begin for a change.
func (db *DB) beginWrite() (*lane, *engine.Txn, error) {
	if err := db.writable(); err != nil {
		return nil, nil, err
	}
	return db.begin()
}

// beginWriteOf is beginWrite for a change of one key, whose memory is on its way
// meanwhile.
func (db *DB) beginWriteOf(key []byte) (*lane, *engine.Txn, error) {
	db.engine.Prefetch(db.index, key)
	return db.beginWrite()
}

// writable is why changes are refused, if they are. It waits while so much waits for
// the disk that there must not be more.
func (db *DB) writable() error {
	if db.journal == nil {
		return nil
	}
	l := db.journal.Log()
	if l.Stalled() {
		_ = l.WaitStalled(context.Background()) // Close ends it; the state says the rest
	}
	if state, err := l.State(); state != persist.StateOK {
		return fmt.Errorf("%w: %w", ErrLog, err)
	}
	return nil
}

// endWrite is end for a change. With SyncAlways it waits until the change is on
// the disk; that it will not be is an error, if err holds none.
func (db *DB) endWrite(l *lane, t *engine.Txn, err *error) {
	t.End()
	round := l.TakeRound()
	db.lanes.Put(l)
	if !db.always || round == 0 {
		return
	}
	if failed := db.journal.WaitDurable(context.Background(), round); failed != nil && *err == nil {
		*err = fmt.Errorf("%w: %w", ErrLog, failed)
	}
}

// Sync returns when all changes made so far are on the disk, whatever the
// SyncPolicy. It does nothing if the DB has no directory.
func (db *DB) Sync(ctx context.Context) error {
	if db.closed.Load() {
		return ErrClosed
	}
	if db.journal == nil {
		return nil
	}
	if err := db.journal.Log().Sync(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrLog, err)
	}
	return nil
}

// Compact rewrites the log so that it holds no more than the data take, while
// the DB is in use. It happens by itself when the log has grown to twice its
// size. It does nothing if the DB has no directory.
func (db *DB) Compact(ctx context.Context) error {
	if db.closed.Load() {
		return ErrClosed
	}
	if db.journal == nil {
		return nil
	}
	return db.journal.Compact(ctx)
}

// Backup copies the log, as it is at one moment, to the directory dest, which
// must not exist or be empty; Open can open it. The DB must have a directory.
func (db *DB) Backup(ctx context.Context, dest string) error {
	if db.closed.Load() {
		return ErrClosed
	}
	if db.journal == nil {
		return errors.New("hpkv: a DB without a directory has nothing to back up")
	}
	return db.journal.Log().Backup(ctx, dest, nil)
}
