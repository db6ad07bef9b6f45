package embed

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/store"
)

// Op is one row of the table.
type Op string

// The operations. Insert writes keys that are new, Write overwrites.
const (
	Insert      Op = "insert"
	Read        Op = "read"
	Write       Op = "write"
	Delete      Op = "delete"
	ReadBatch   Op = "read, batch"
	WriteBatch  Op = "write, batch"
	DeleteBatch Op = "delete, batch"
)

// Ops lists them in the order of the table.
var Ops = []Op{Read, Write, Insert, Delete, ReadBatch, WriteBatch, DeleteBatch}

// Figures are what one pass of an operation took, for one key, in nanoseconds.
type Figures struct {
	OpsPerSec float64 `json:"ops_per_sec"`
	P50       float64 `json:"p50_ns"`
	P99       float64 `json:"p99_ns"`
	P999      float64 `json:"p999_ns"`
}

// Setup is what a measurement is of.
type Setup struct {
	Keys       int // one pass is as many operations
	ValueBytes int
	Batch      int
	Seed       uint64
}

// Bench holds the keys and buffers that all stores share.
type Bench struct {
	Setup
	inserts  *keys // in the order of insertion
	accesses *keys // in the order of access
	value    []byte
	other    []byte // for overwrites
	took     []uint32
	clock    time.Duration
	epoch    time.Time
}

// New prepares a measurement.
func New(s Setup) *Bench {
	b := &Bench{
		Setup: s, inserts: newKeys(s.Keys, s.Seed), accesses: newKeys(s.Keys, s.Seed+1),
		value: []byte(fmt.Sprintf("%0*d", s.ValueBytes, 1)), other: []byte(fmt.Sprintf("%0*d", s.ValueBytes, 2)),
		took: make([]uint32, 0, s.Keys), epoch: time.Now(),
	}
	b.clock = clockCost(b.epoch)
	return b
}

// ClockCost is what was subtracted from each latency.
func (b *Bench) ClockCost() time.Duration { return b.clock }

// clockCost is the median distance of two clock readings in a row.
func clockCost(epoch time.Time) time.Duration {
	const readings = 100_001
	distances := make([]time.Duration, readings)
	last := time.Since(epoch)
	for i := range distances {
		now := time.Since(epoch)
		distances[i] = now - last
		last = now
	}
	slices.Sort(distances)
	return distances[readings/2]
}

// Latency measures all operations on a fresh store.
func (b *Bench) Latency(maker store.Maker) (map[Op]Figures, error) {
	// What earlier stores left must not be collected on this one's time.
	runtime.GC()
	debug.FreeOSMemory()
	s, err := maker.Open(b.Keys)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	p := &passes{b: b, s: s, figures: map[Op]Figures{}}
	p.singles()
	p.batches()
	return p.figures, p.err
}

// passes runs the passes on one store. The first wrong answer is kept in err:
// a store that does not do the work must not get a figure.
type passes struct {
	b       *Bench
	s       store.Store
	figures map[Op]Figures
	err     error
}

func (p *passes) singles() {
	b, s := p.b, p.s
	var dst []byte
	read := func(i int) {
		var ok bool
		if dst, ok = s.Get(dst[:0], b.accesses.at(i)); !ok || len(dst) != b.ValueBytes {
			p.fail(Read, i)
		}
	}
	insert := func(i int) { s.Set(b.inserts.at(i), b.value) }
	write := func(i int) { s.Set(b.accesses.at(i), b.other) }
	remove := func(i int) {
		if !s.Delete(b.accesses.at(i)) {
			p.fail(Delete, i)
		}
	}
	each := []struct {
		op Op
		do func(i int)
	}{{Insert, insert}, {Read, read}, {Write, write}, {Delete, remove}}
	for _, e := range each {
		p.figures[e.op] = b.timed(e.do)
		p.expect(e.op)
	}
	for _, e := range each {
		f := p.figures[e.op]
		f.OpsPerSec = b.untimed(e.do)
		p.figures[e.op] = f
		p.expect(e.op)
	}
}

func (p *passes) batches() {
	b, many := p.b, p.s.NewMany()
	for i := range b.Keys {
		p.s.Set(b.inserts.at(i), b.value)
	}
	batch := store.Batch{Bytes: make([][]byte, b.Batch), Text: make([]string, b.Batch)}
	values := slices.Repeat([][]byte{b.other}, b.Batch)
	p.figures[ReadBatch] = b.timedBatch(batch, func(i int) {
		if found, bytes := many.Get(batch); found != b.Batch || bytes != b.Batch*b.ValueBytes {
			p.fail(ReadBatch, i)
		}
	})
	p.figures[WriteBatch] = b.timedBatch(batch, func(int) { many.Set(batch, values) })
	p.expect(WriteBatch)
	p.figures[DeleteBatch] = b.timedBatch(batch, func(i int) {
		if many.Delete(batch) != b.Batch {
			p.fail(DeleteBatch, i)
		}
	})
	if left := p.s.Len(); left != b.Keys%b.Batch {
		p.fail(DeleteBatch, left)
	}
}

func (p *passes) fail(op Op, i int) {
	if p.err == nil {
		p.err = fmt.Errorf("%s: wrong result at operation %d", op, i)
	}
}

// expect checks the number of keys after a whole pass.
func (p *passes) expect(op Op) {
	want := p.b.Keys
	if op == Delete {
		want = 0
	}
	if n := p.s.Len(); n != want {
		p.fail(op, n)
	}
}

// timed runs do for every key and returns the latencies.
func (b *Bench) timed(do func(i int)) Figures {
	waited := b.begin()
	for i := range b.Keys {
		start := time.Since(b.epoch)
		do(i)
		b.keep(time.Since(b.epoch) - start)
	}
	return b.sum(1, waited())
}

// timedBatch is timed with batches, which are put together outside the time.
func (b *Bench) timedBatch(batch store.Batch, do func(i int)) Figures {
	waited := b.begin()
	for i := 0; i+b.Batch <= b.Keys; i += b.Batch {
		b.accesses.batch(batch, i)
		start := time.Since(b.epoch)
		do(i)
		b.keep(time.Since(b.epoch) - start)
	}
	return b.sum(b.Batch, waited())
}

// begin starts a pass. The returned function ends it and says how long the
// thread had no processor meanwhile.
func (b *Bench) begin() (waited func() time.Duration) {
	runtime.LockOSThread()
	b.took = b.took[:0]
	delay := proc.ThreadDelay()
	before := delay()
	return func() time.Duration {
		defer runtime.UnlockOSThread()
		return delay() - before
	}
}

// keep stores one latency; four seconds stand for anything longer.
func (b *Bench) keep(d time.Duration) {
	b.took = append(b.took, uint32(min(max(d-b.clock, 0), 1<<32-1)))
}

// sum works out a pass of batches of per keys. Single latencies keep the
// times without a processor (they are in the highest percentiles), the
// throughput leaves them out.
func (b *Bench) sum(per int, waited time.Duration) Figures {
	total := 0.0
	for _, ns := range b.took {
		total += float64(ns)
	}
	slices.Sort(b.took)
	at := func(percent float64) float64 { return float64(report.Percentile(b.took, percent)) / float64(per) }
	return Figures{
		OpsPerSec: float64(len(b.took)*per) / max(total-float64(waited), 1) * 1e9,
		P50:       at(50), P99: at(99), P999: at(99.9),
	}
}

// untimed runs do for every key and returns the operations per second.
func (b *Bench) untimed(do func(i int)) float64 {
	waited := b.begin()
	start := time.Now()
	for i := range b.Keys {
		do(i)
	}
	took := time.Since(start)
	return float64(b.Keys) / max(took-waited(), 1).Seconds()
}
