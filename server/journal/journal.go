// Package journal keeps an engine's data in a log on disk. It hands the engine's
// effects to package persist, replays them into an empty engine, and compacts
// the log while it is in use. persist knows nothing of data, the engine nothing
// of files: this is where they meet.
package journal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"hpkv/engine"
	"hpkv/persist"
)

// Options are those of the log, but for its streams, of which there is one for
// each of the engine's homes, and for what Journal sets itself.
type Options struct {
	persist.Options

	// RoundsBefore is added to the numbers of rounds, so that they grow from
	// one journal of an engine to the next.
	RoundsBefore uint64
}

// Journal is an open log of an engine. It is safe for concurrent use.
type Journal struct {
	e    *engine.Engine
	log  *persist.Log
	base uint64
	txns sync.Pool // of *[]persist.Part

	compacting atomic.Bool
}

// ErrCompacting is returned by Compact while another is under way.
var ErrCompacting = errors.New("journal: a compaction is under way")

// Open replays the log in o.Dir into e, which must be empty and serve nobody,
// and has e append to it from then on. The end of ctx ends a replay.
func Open(ctx context.Context, e *engine.Engine, o Options) (*Journal, persist.RecoveryReport, error) {
	r := newReplayer(ctx, e)
	j, report, err := open(e, o, r)
	if err != nil {
		r.close()
		return nil, report, err
	}
	e.SetJournal(j)
	r.close()
	return j, report, nil
}

// Start begins to journal an engine that has been in use without. Compact must
// follow to bring in what the engine holds already: until it has ended, the log in
// o.Dir is what it was, no change is durable, and nobody waits for one to be.
func Start(e *engine.Engine, o Options) (*Journal, error) {
	o.Draft = true
	j, _, err := open(e, o, nil)
	if err != nil {
		return nil, err
	}
	l := e.NewLane()
	defer l.Close()
	for shard := range e.Shards() {
		e.BeginCapture(shard)
	}
	l.StartJournal(j)
	return j, nil
}

func open(e *engine.Engine, o Options, r persist.Replayer) (*Journal, persist.RecoveryReport, error) {
	o.Streams = e.Homes()
	j := &Journal{e: e, base: o.RoundsBefore}
	if told := o.OnDurable; told != nil {
		o.OnDurable = func(round uint64) { told(j.base + round) }
	}
	told := o.OnProgress
	o.OnProgress = func(done, total int64) {
		e.LoadProgress(done, total)
		if told != nil {
			told(done, total)
		}
	}
	log, report, err := persist.Open(o.Options, r)
	if err != nil {
		return nil, report, err
	}
	j.log = log
	j.txns.New = func() any { return new([]persist.Part) }
	return j, report, nil
}

// Append implements engine.Journal.
func (j *Journal) Append(home, shard int, seq uint64, ef *engine.Effect) uint64 {
	payload := engine.PutEffect(j.log.Begin(home, ef.Room()), ef)
	return j.base + j.log.End(home, uint16(shard), seq, payload)
}

// AppendTxn implements engine.Journal.
func (j *Journal) AppendTxn(recs []engine.JournalRecord) uint64 {
	parts := j.txns.Get().(*[]persist.Part)
	for i := range recs {
		*parts = append(*parts, persist.Part{Stream: recs[i].Home, Record: record(&recs[i])})
	}
	round := j.log.AppendTxn(*parts)
	clear(*parts) // they refer to the transaction's memory
	*parts = (*parts)[:0]
	j.txns.Put(parts)
	return j.base + round
}

func record(rec *engine.JournalRecord) persist.Record {
	return persist.Record{Shard: uint16(rec.Shard), Seq: rec.Seq, Txn: rec.Txn, Payload: rec.Payload}
}

// Log returns the log, for its figures, its state and its policy. The rounds it
// speaks of are its own.
func (j *Journal) Log() *persist.Log { return j.log }

// Durable returns the last round that is durable under the log's policy, or that
// need not become so: see Start.
func (j *Journal) Durable() uint64 {
	if j.log.Draft() {
		return math.MaxUint64
	}
	return j.base + j.log.Durable()
}

// Synced reports whether round, and all that was changed before it, is on the disk.
// Of what was changed before a Start nothing is, until the log is whole.
func (j *Journal) Synced(round uint64) bool {
	return j.log.Whole() && round <= j.base+j.log.Synced()
}

// Appended returns the last round that holds a change already handed over.
func (j *Journal) Appended() uint64 { return j.base + j.log.Appended() }

// WaitDurable returns when round is durable under the log's policy, ctx ends, or
// the log fails.
func (j *Journal) WaitDurable(ctx context.Context, round uint64) error {
	if round <= j.base {
		return nil
	}
	return j.log.WaitDurable(ctx, round-j.base)
}

// WaitSynced returns when round is on the disk, see Synced, ctx ends, or the log
// fails or is closed.
func (j *Journal) WaitSynced(ctx context.Context, round uint64) error {
	return j.log.WaitSynced(ctx, round-min(round, j.base))
}

// Close has the engine append nothing more, and closes the log when all that
// was appended is on the disk.
func (j *Journal) Close() error {
	j.e.SetJournal(nil)
	return j.log.Close()
}

// replayer applies a log's records to an engine.
type replayer struct {
	ctx context.Context
	e   *engine.Engine

	whole   *engine.Loader                     // there from beginning to end: it keeps the engine from expiring keys
	loaders [persist.MaxStreams]*engine.Loader // by stream; one goroutine's at a time
}

func newReplayer(ctx context.Context, e *engine.Engine) *replayer {
	return &replayer{ctx: ctx, e: e, whole: e.NewLoader()}
}

func (r *replayer) loader(stream int) *engine.Loader {
	if r.loaders[stream] == nil {
		r.loaders[stream] = r.e.NewLoader()
	}
	return r.loaders[stream]
}

// Apply implements persist.Replayer.
func (r *replayer) Apply(stream int, batch []persist.Placed) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	l := r.loader(stream)
	for i := range batch {
		if err := l.Take(int(batch[i].Shard), batch[i].Payload); err != nil {
			return fmt.Errorf("replay of the record at %v: %w", batch[i].At, err)
		}
	}
	if n, err := l.Apply(); err != nil {
		return fmt.Errorf("replay of the record at %v: %w", batch[n].At, err)
	}
	return nil
}

func (r *replayer) close() {
	for _, l := range r.loaders {
		if l != nil {
			l.Close()
		}
	}
	r.whole.Close()
}
