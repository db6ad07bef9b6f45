package persist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"hpkv/persist/vfs"
)

// Item is one thing that Walk finds in a log.
type Item struct {
	Generation uint64
	Stream     int
	Addr
	Kind  ItemKind
	Bytes int64 // on disk

	Record Record // of ItemRecord and ItemBarrier; valid during the call
	// Of ItemMark:
	Round, SyncedRound uint64
	Ms                 int64
	// Of ItemDamage:
	Problem string

	entry []byte // as it is in the file, of anything with a Record, and of ItemEcho
}

// ItemKind says what an Item is.
type ItemKind uint8

// Kinds of items.
const (
	ItemSegment ItemKind = iota + 1 // a segment begins
	ItemRecord
	ItemMark   // a round's part in the stream ends
	ItemDamage // bytes that cannot be read; what follows them is found again

	// What is read and not written any more: FORMAT.md, "Barriers".
	ItemBarrier
	ItemEcho
)

// Walk visits everything in a log, segment by segment in the order of their
// numbers, whether or not it counts. Damage does not stop it. The log must not
// be open. An error of visit ends it.
func Walk(ctx context.Context, fsys vfs.FS, dir string, visit func(*Item) error) error {
	lock, err := lockForTool(fsys, dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	man, err := manifestForTool(fsys, dir)
	if err != nil {
		return err
	}
	for i := range man.segments {
		if err := walkSegment(ctx, fsys, dir, &man.segments[i], visit); err != nil {
			return err
		}
	}
	return nil
}

type noLock struct{}

func (noLock) Close() error { return nil }

// lockForTool takes the lock of a directory without changing anything in it: a
// backup has none.
func lockForTool(fsys vfs.FS, dir string) (io.Closer, error) {
	lock, err := lockDir(fsys, dir, false)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := fsys.Stat(dir); err != nil {
			return nil, err
		}
		return noLock{}, nil
	}
	if err != nil {
		return nil, err
	}
	return lock, nil
}

// manifestForTool reads a manifest that must exist.
func manifestForTool(fsys vfs.FS, dir string) (*manifest, error) {
	man, err := readManifest(fsys, dir)
	if err == nil && man == nil {
		if _, err := fsys.List(dir); err == nil && !IsLog(fsys, dir) {
			return nil, fmt.Errorf("there is no log in %s", dir)
		}
		return nil, &CorruptError{dir, manifestName, 0, "there are segments, but no manifest"}
	}
	if err == nil {
		man.dropDraft()
	}
	return man, err
}

// walkSegment visits what is in one segment. A segment that was never begun has
// nothing in it.
func walkSegment(ctx context.Context, fsys vfs.FS, dir string, seg *segmentEntry, visit func(*Item) error) error {
	item := Item{Generation: seg.generation, Stream: seg.stream, Addr: Addr{Segment: seg.number}, Kind: ItemSegment}
	damage := func(at, bytes int64, problem string) error {
		item.Kind, item.Offset, item.Bytes, item.Problem = ItemDamage, at, bytes, problem
		return visit(&item)
	}
	f, err := openSegment(fsys, dir, seg.number)
	if isDamage(err) {
		return damage(0, 0, "the segment is missing")
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	limit := size
	if seg.used > 0 {
		limit = min(size, seg.used)
	}
	seed := seedOf(seg.uid)
	_, err = readHeader(f, size, dir, seg)
	switch {
	case err == nil:
	case errors.Is(err, errHeader) && seg.used == 0:
		found, err := scanRest(f, seed, 0, limit, true)
		if err != nil || found.marks == 0 {
			return err // never begun
		}
		fallthrough
	case errors.Is(err, errHeader) || isDamage(err):
		if err := damage(0, segmentHead, errHeader.Error()); err != nil {
			return err
		}
	default:
		return err
	}
	if item.Kind == ItemSegment {
		if err := visit(&item); err != nil {
			return err
		}
	}
	w := walker{ctx: ctx, f: f, seed: seed, limit: limit, closed: seg.used > 0, item: &item, visit: visit, damage: damage}
	if err := w.run(); err != nil {
		return err
	}
	if limit < seg.used {
		return damage(limit, seg.used-limit, "the segment is shorter than it was")
	}
	return nil
}

// walker visits the entries of one segment.
type walker struct {
	ctx    context.Context
	f      vfs.File
	seed   uint32
	limit  int64
	closed bool // all bytes up to the limit must be valid
	item   *Item
	visit  func(*Item) error
	damage func(at, bytes int64, problem string) error
}

func (w *walker) run() error {
	var r segmentReader
	from := int64(segmentHead)
	if from > w.limit {
		return nil
	}
	r.reset(w.f, w.seed, from, w.limit)
	begin, records := from, uint32(0)
	var e entry
	for n := 0; ; n++ {
		if n%1024 == 0 && w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		at := r.offset()
		err := r.next(&e)
		var m mark
		if err == nil && e.kind == typeMark {
			m, err = decodeMark(&e, nil)
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errForm) || errors.Is(err, errChecksum):
			next, err := w.skip(at, err.Error())
			if err != nil || next < 0 {
				return err
			}
			r.reset(w.f, w.seed, next, w.limit)
			begin = -1 // unknown
			continue
		default:
			return err
		}
		it := w.item
		if e.kind == typeMark {
			if begin >= 0 && (m.start != begin || m.records != records) {
				if !w.closed && records == 0 {
					return nil // a copy of an earlier end
				}
				if err := w.damage(at, int64(e.size), "a round mark does not fit the records before it"); err != nil {
					return err
				}
			}
			begin, records = r.offset(), 0
			it.Kind, it.Round, it.SyncedRound, it.Ms = ItemMark, m.round, m.synced, m.ms
		} else {
			records++
			it.Kind, it.Record, it.entry = ItemRecord, e.Record, r.last(&e)
			switch {
			case e.flags&flagEcho != 0:
				it.Kind = ItemEcho
			case e.flags&flagBarrier != 0:
				it.Kind = ItemBarrier
			}
		}
		it.Offset, it.Bytes = at, int64(e.size)
		if err := w.visit(it); err != nil {
			return err
		}
	}
}

// skip tells of damage at an offset and returns where a mark begins behind it,
// -1 if none does. Then, in a segment that was not closed, it may be just the
// end.
func (w *walker) skip(at int64, problem string) (next int64, err error) {
	found, err := scanRest(w.f, w.seed, at, w.limit, true)
	if err != nil {
		return -1, err
	}
	if found.marks > 0 {
		return found.at, w.damage(at, found.at-at, problem)
	}
	if w.closed {
		return -1, w.damage(at, w.limit-at, problem)
	}
	return -1, nil
}

// asidePath is where the files of a repair go.
func asidePath(fsys vfs.FS, dir string) (string, error) {
	for n := 1; ; n++ {
		path := filepath.Join(dir, fmt.Sprintf("damaged-%d", n))
		if _, err := fsys.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return path, nil
		} else if err != nil {
			return "", err
		}
	}
}
