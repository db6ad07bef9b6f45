package journal

import (
	"context"
	"time"

	"hpkv/persist"
)

// A compaction works in bursts with pauses between, so that it takes a quarter of
// one core at the most from those who serve clients, and never for long: they may
// have one core alone, and wait for each burst. With bursts of 250 us their p99
// beside a compaction is 2.0 times the idle one's, with these 1.4, with 100 us 1.2;
// a timer's pause is 750 us at least where the core is busy, so shorter bursts make
// the compaction longer.
const (
	captureBurst = 150 * time.Microsecond
	capturePause = 450 * time.Microsecond
)

// Compact writes every key's state to the log's end, between the changes that go
// on, and then drops what the log held before. The end of ctx, and a log that
// cannot be written, give it up: nothing is dropped then. One at a time:
// ErrCompacting.
func (j *Journal) Compact(ctx context.Context) error {
	if !j.compacting.CompareAndSwap(false, true) {
		return ErrCompacting
	}
	defer j.compacting.Store(false)
	for shard := range j.e.Shards() {
		j.e.BeginCapture(shard)
		defer j.e.EndCapture(shard)
	}
	pass, err := j.log.BeginCompaction()
	if err != nil {
		return err
	}
	if err := j.capture(ctx); err != nil {
		pass.Abort()
		return err
	}
	return pass.Finish(ctx)
}

// Compacting reports whether a compaction is under way.
func (j *Journal) Compacting() bool { return j.compacting.Load() }

// capture appends the state of all shards.
func (j *Journal) capture(ctx context.Context) error {
	l := j.e.NewLane()
	defer l.Close()
	burst := time.Now()
	for shard := 0; shard < j.e.Shards(); {
		done, err := l.Capture(shard)
		if err != nil {
			return err
		}
		if done {
			shard++
		}
		if time.Since(burst) < captureBurst {
			continue
		}
		if err := j.pause(ctx); err != nil {
			return err
		}
		burst = time.Now()
	}
	return nil
}

// pause lets others work, and the disk catch up.
func (j *Journal) pause(ctx context.Context) error {
	// What the burst has appended is written now. Gathered with that of others, it
	// would be written in one go, which takes a core for a millisecond and more.
	// Under Always each round is synced: there, others ask for rounds.
	if j.log.Policy() != persist.Always {
		j.log.Hurry()
	}
	timer := time.NewTimer(capturePause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	if j.log.Pressure() {
		return j.log.WaitRoom(ctx)
	}
	if _, err := j.log.State(); err != nil {
		return err
	}
	return nil
}

// Due reports whether the log has grown so much since the last compaction that
// it should be compacted: beyond minSize bytes, and by percent of its size then.
// A percent of 0 means never. A log that was started and holds nothing yet is due
// in any case.
func (j *Journal) Due(percent, minSize int64) bool {
	if j.Compacting() { // looked at first: one that ends makes the log whole before
		return false
	}
	if state, _ := j.log.State(); !j.log.Whole() && state == persist.StateOK {
		return true
	}
	if percent <= 0 {
		return false
	}
	size, base := j.log.Size(), j.log.BaseSize()
	return size > minSize && size-base > base/100*percent
}
