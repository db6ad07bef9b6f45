package journal

import (
	"context"
	"time"

	"hpkv/engine"
	"hpkv/persist"
)

// A compaction works in bursts with pauses between, so that it takes a quarter of
// one core at the most from those who serve clients, and never for long: they may
// have one core alone, and wait for each burst. With bursts of 250 us their p99
// beside a compaction is 2.0 times the idle one's, with these 1.4, with 100 us 1.2;
// a timer's pause is 750 us at least where the core is busy, so shorter bursts make
// the compaction longer. There are no pauses while it is behind: see pace.
const (
	captureBurst = 150 * time.Microsecond
	capturePause = 450 * time.Microsecond
)

// pace has a compaction write as much as everybody else does meanwhile, at least:
// what it leaves is then twice what lives at most, about, however fast clients
// write. With the default percentage the next one begins at four times.
type pace struct {
	begin    int64 // size of the log when the compaction began
	captured int64 // bytes that it has written
}

// took notes a step of the compaction.
func (p *pace) took(s engine.CaptureStep) {
	p.captured += int64(s.Bytes + s.Effects*persist.RecordOverhead)
}

// behind reports whether others have written more than the compaction when the log
// has size bytes.
func (p *pace) behind(size int64) bool { return size-p.begin > 2*p.captured }

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
	if err := j.capture(ctx, j.pause); err != nil {
		pass.Abort()
		return err
	}
	return pass.Finish(ctx)
}

// Compacting reports whether a compaction is under way.
func (j *Journal) Compacting() bool { return j.compacting.Load() }

// capture appends the state of all shards, with pauses after each burst.
func (j *Journal) capture(ctx context.Context, pause func(context.Context)) error {
	l := j.e.NewLane()
	defer l.Close()
	p := pace{begin: j.log.Size()}
	burst := time.Now()
	for shard := 0; shard < j.e.Shards(); {
		step, err := l.Capture(shard)
		if err != nil {
			return err
		}
		p.took(step)
		if step.Done {
			shard++
		}
		if time.Since(burst) < captureBurst {
			continue
		}
		if !p.behind(j.log.Size()) {
			pause(ctx)
		}
		if err := j.room(ctx); err != nil {
			return err
		}
		burst = time.Now()
	}
	return nil
}

// pause lets others work.
func (j *Journal) pause(ctx context.Context) {
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
	}
}

// room lets the disk catch up, and fails if nothing can be written any more or ctx
// has ended.
func (j *Journal) room(ctx context.Context) error {
	if j.log.Pressure() {
		return j.log.WaitRoom(ctx)
	}
	if _, err := j.log.State(); err != nil {
		return err
	}
	return ctx.Err()
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
