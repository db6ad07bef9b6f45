package persist

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"sync"

	"hpkv/persist/vfs"
)

// RepairMode says what Repair gives up.
type RepairMode int

const (
	// RepairCut ends the log before the first damage: a state that once was, but
	// an old one.
	RepairCut RepairMode = iota + 1
	// RepairSkip keeps all that can be read and leaves out the damaged rounds'
	// damaged parts: the newest data, but perhaps a state that never was.
	RepairSkip
)

// RepairReport says what Repair did.
type RepairReport struct {
	LastRound uint64
	LastMs    int64
	LostBytes int64    // that were cut off or skipped, kept in Aside
	Aside     string   // directory with what was left out; empty: nothing was
	Rebuilt   bool     // the manifest was made anew from the segments
	Lost      []string // what was left out, in words
}

// Repair makes a log that Open refuses one that it accepts. What is left out is
// kept in files beside it. The log must not be open. If it is interrupted,
// Repair can be run again. progress may be nil; it is told of segments that were
// read.
func Repair(ctx context.Context, fsys vfs.FS, dir string, mode RepairMode, progress func(done, total int64)) (RepairReport, error) {
	p := repair{ctx: ctx, fs: fsys, dir: dir, progress: progress}
	lock, err := lockForTool(fsys, dir)
	if err != nil {
		return p.report, err
	}
	defer lock.Close()
	man, err := manifestForTool(fsys, dir)
	if isDamage(err) {
		p.report.Rebuilt = true
		man, err = p.rebuild()
	}
	if err != nil {
		return p.report, err
	}
	p.old = man
	for i := range man.segments {
		p.total += p.size(&man.segments[i])
	}
	if mode == RepairCut {
		man, err = p.cut()
	} else {
		man, err = p.skip()
	}
	if err == nil {
		err = p.finish(man)
	}
	if err != nil {
		p.undo()
	}
	return p.report, err
}

type repair struct {
	ctx    context.Context
	fs     vfs.FS
	dir    string
	old    *manifest
	report RepairReport

	kept    []string // files in report.Aside
	changed bool     // the log may have changed: they may be the only copy

	progress    func(done, total int64)
	mu          sync.Mutex // of done
	done, total int64
}

// size returns how many bytes of a segment there are to read.
func (p *repair) size(seg *segmentEntry) int64 {
	info, err := p.fs.Stat(segmentPath(p.dir, seg.number))
	switch {
	case err != nil:
		return 0
	case seg.used > 0:
		return min(seg.used, info.Size)
	}
	return info.Size
}

// tell notes that a segment was read.
func (p *repair) tell(seg *segmentEntry) {
	if p.progress == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += p.size(seg)
	p.progress(p.done, p.total)
}

// rebuild makes a manifest out of the segments' headers.
func (p *repair) rebuild() (*manifest, error) {
	names, err := p.fs.List(p.dir)
	if err != nil {
		return nil, err
	}
	man := &manifest{id: 1, serial: 1, nextSegment: 1, nextGeneration: 1}
	byNumber := make(map[uint64]*generation)
	var order []uint64
	for _, name := range names { // ascending
		n, ok := parseName(name, segmentExt)
		if !ok {
			continue
		}
		man.nextSegment = n + 1
		h, err := p.header(n)
		if errors.Is(err, errHeader) {
			continue // never begun, or lost with its header
		}
		if err != nil {
			return nil, err
		}
		g := byNumber[h.generation]
		if g == nil {
			g = &generation{number: h.generation, first: h.first}
			byNumber[h.generation] = g
			order = append(order, h.generation)
		}
		g.first = min(g.first, h.first)
		g.streams = max(g.streams, int(h.stream)+1)
		man.nextGeneration = max(man.nextGeneration, h.generation+1)
		man.segments = append(man.segments, segmentEntry{number: n, generation: h.generation, stream: int(h.stream), uid: h.uid})
	}
	if len(order) == 0 {
		return nil, fmt.Errorf("%s has neither a manifest nor a segment with a valid header", p.dir)
	}
	for _, n := range order {
		man.generations = append(man.generations, *byNumber[n])
	}
	man.base = man.generations[0].first
	return man, nil
}

func (p *repair) header(n uint64) (h header, err error) {
	f, err := p.fs.Open(segmentPath(p.dir, n))
	if err != nil {
		return h, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil || size < segmentHead {
		return h, errors.Join(err, errHeader)
	}
	b := make([]byte, segmentHead)
	if err := readFull(f, b, 0); err != nil {
		return h, err
	}
	if h, err = decodeHeader(b); err == nil && (h.number != n || h.stream >= MaxStreams) {
		err = errHeader
	}
	return h, err
}

// bound is the last round that generation i may have.
func (p *repair) bound(i int) uint64 {
	switch g := &p.old.generations[i]; {
	case g.closed:
		return g.last
	case i+1 < len(p.old.generations):
		return p.old.generations[i+1].first - 1
	}
	return math.MaxUint64
}

// cut ends the log before the first damage.
func (p *repair) cut() (*manifest, error) {
	man := p.old.clone()
	man.generations, man.segments = nil, nil
	for i, g := range p.old.generations {
		bound := p.bound(i)
		closed, used, cuts, err := findLast(p.ctx, p.fs, p.dir, p.old, g, bound, p)
		if err != nil {
			return nil, err
		}
		man.generations = append(man.generations, closed)
		man.segments = append(man.segments, used...)
		for _, c := range cuts {
			p.report.Lost = append(p.report.Lost, c.String())
		}
		if bound != math.MaxUint64 && closed.last < bound {
			break
		}
	}
	sortSegments(man.segments)
	kept := make(map[uint64]int64)
	for _, s := range man.segments {
		kept[s.number] = s.used
	}
	for _, s := range p.old.segments {
		to := int64(math.MaxInt64)
		if s.used > 0 {
			to = s.used
		}
		if err := p.keepAside(s.number, kept[s.number], to); err != nil {
			return nil, err
		}
	}
	return man, nil
}

// keepAside copies the bytes from one offset to another, or the file's end if
// that comes first, into the directory of what was left out. What is zero to
// the end needs no keeping.
func (p *repair) keepAside(number uint64, from, to int64) error {
	f, err := p.fs.Open(segmentPath(p.dir, number))
	if errors.Is(err, fs.ErrNotExist) {
		p.report.Lost = append(p.report.Lost, segmentName(number)+" is missing")
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	to = min(to, size)
	if from >= to {
		return nil
	}
	rest, err := scanRest(f, 0, from, to, false)
	if err != nil || rest.bytes == 0 {
		return err
	}
	to = from + rest.bytes
	if p.report.Aside == "" {
		if p.report.Aside, err = asidePath(p.fs, p.dir); err != nil {
			return err
		}
		if err := p.fs.Mkdir(p.report.Aside); err != nil {
			return err
		}
	}
	path := filepath.Join(p.report.Aside, fmt.Sprintf("%s.%d", segmentName(number), from))
	out, err := p.fs.Create(path)
	if err != nil {
		return err
	}
	p.kept = append(p.kept, path)
	buf := make([]byte, readWindow)
	for at := from; at < to && err == nil; at += int64(len(buf)) {
		b := buf[:min(int64(len(buf)), to-at)]
		if err = readFull(f, b, at); err == nil {
			_, err = out.WriteAt(b, at-from)
		}
	}
	if err == nil {
		err = out.Sync()
	}
	p.report.LostBytes += to - from
	return errors.Join(err, out.Close())
}

// finish puts the repaired manifest in place.
func (p *repair) finish(man *manifest) error {
	if p.report.Aside != "" {
		if err := syncDir(p.fs, p.report.Aside); err != nil {
			return err
		}
	}
	for i := range man.segments {
		if err := syncSegment(p.fs, p.dir, man.segments[i].number); err != nil {
			return err
		}
	}
	man.serial++
	if last, ms := man.lastRound(); p.report.Rebuilt || last < man.complete {
		man.complete, man.completeMs = last, ms // what the last compaction left is unknown, or not all there
	}
	man.dropEmpty()
	if err := man.validate(); err != nil {
		return fmt.Errorf("this log is beyond repair: %w", err)
	}
	if err := syncDir(p.fs, p.dir); err != nil {
		return err
	}
	p.changed = true
	if err := writeManifest(p.fs, p.dir, man); err != nil {
		return err
	}
	p.report.LastRound, p.report.LastMs = man.lastRound()
	return nil
}

// undo removes what a repair that failed has made, so that attempts on a full disk
// do not make it fuller: all of it, unless the log has changed already.
func (p *repair) undo() {
	p.fs.Remove(filepath.Join(p.dir, repairTemp))
	if p.changed || p.report.Aside == "" {
		return
	}
	for _, path := range p.kept {
		p.fs.Remove(path)
	}
	p.fs.Remove(p.report.Aside)
	p.report.Aside = ""
}
