package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"hpkv/engine"
	"hpkv/server/journal"
)

// loadProgress is how far the replay of the log is.
type loadProgress struct {
	sync.Mutex
	begun       time.Time
	done, total int64     // bytes
	first       int64     // what was done when it was first told
	at          time.Time // when that was: what goes before is no measure
	told        time.Time // when the log of the server last had a line about it
}

// tellEvery is the time between two lines about a replay's progress.
const tellEvery = 2 * time.Second

// progress is called by the log while it is replayed.
func (d *durability) progress(done, total int64) {
	l := &d.load
	l.Lock()
	defer l.Unlock()
	l.done, l.total = done, total
	if l.first == 0 {
		l.first, l.at = done, time.Now()
	}
	if time.Since(l.told) < tellEvery {
		return
	}
	l.told = time.Now()
	d.srv.log.Info().Int64("bytes", done).Int64("total", total).Int64("percent", done*100/max(total, 1)).
		Int64("eta_seconds", d.etaLocked()).Msg("loading")
}

// etaLocked guesses the seconds a replay will still take. REQUIRES: d.load is held.
func (d *durability) etaLocked() int64 {
	l := &d.load
	if l.done == l.first {
		return 1
	}
	return int64(time.Since(l.at).Seconds() * float64(l.total-l.done) / float64(l.done-l.first))
}

// recover replays the log if obstacleLoading says that there is one to load. The
// obstacle decides, not the setting, which a client may change at any time. Clients
// are answered meanwhile as far as they can be; after an error nobody may see what
// was loaded until then.
func (d *durability) recover(ctx context.Context) (err error) {
	s := d.srv
	d.mu.Lock()
	defer d.mu.Unlock()
	defer func() {
		if err == nil {
			d.clear(obstacleLoading)
		}
	}()
	if d.obstacle.Load()&obstacleLoading == 0 {
		return nil
	}
	d.load.Lock()
	d.load.begun, d.load.told = time.Now(), time.Now()
	d.load.Unlock()
	o := d.options()
	j, report, err := journal.Open(ctx, s.engine, o)
	var few *engine.DatabaseError
	if errors.As(err, &few) {
		return fmt.Errorf("the log in %s has keys in database %d, but the setting databases is %d: raise it to %d or more",
			o.Dir, few.DB, few.Databases, few.DB+1)
	}
	if err != nil {
		return fmt.Errorf("cannot open the log in %s: %w", o.Dir, err)
	}
	for _, cut := range report.Cuts {
		s.log.Warn().Stringer("cut", cut).Msg("the end of the log was left out: it was not written completely")
	}
	s.log.Info().Str("dir", o.Dir).Int64("records", report.Records).Int64("bytes", report.Bytes).
		Dur("elapsed_ms", report.Elapsed).Msg("data loaded from the log")
	d.attach(j)
	d.noteSaved()
	d.noteLoaded()
	return nil
}

// noteLoaded counts the keys after the data were loaded.
func (d *durability) noteLoaded() {
	keys := 0
	for _, db := range d.srv.engine.Stats().Databases {
		keys += db.Keys
	}
	d.loaded.Store(int64(keys))
}
