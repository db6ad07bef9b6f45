package persist

import (
	"context"
	"errors"

	"hpkv/persist/vfs"
)

// Problem is something wrong with a log.
type Problem struct {
	File   string // within the directory
	Offset int64
	Bytes  int64 // that cannot be read; 0: unknown
	Text   string
}

// CheckReport says what Check found.
type CheckReport struct {
	Generations int
	Segments    int
	Records     int64
	Bytes       int64 // looked at
	LastRound   uint64
	LastMs      int64
	Problems    []Problem // none: the log can be opened
	Cuts        []Cut     // what Open would leave out
}

// Check reads a whole log or backup, which must not be open, and changes
// nothing. The error is of reading; damage is in the report. progress may be nil.
func Check(ctx context.Context, fsys vfs.FS, dir string, progress func(done, total int64)) (CheckReport, error) {
	var report CheckReport
	lock, err := lockForTool(fsys, dir)
	if err != nil {
		return report, err
	}
	defer lock.Close()
	man, err := manifestForTool(fsys, dir)
	if err == nil {
		report.Generations, report.Segments = len(man.generations), len(man.segments)
		err = report.segments(ctx, fsys, dir, man, progress)
	}
	if err == nil {
		err = report.end(ctx, fsys, dir, man)
	}
	var corrupt *CorruptError
	if errors.As(err, &corrupt) {
		report.add(Problem{corrupt.File, corrupt.Offset, 0, corrupt.Problem})
		err = nil
	}
	return report, err
}

// segments reads every segment.
func (r *CheckReport) segments(ctx context.Context, fsys vfs.FS, dir string, man *manifest, progress func(done, total int64)) error {
	sizes := make([]int64, len(man.segments))
	total := int64(0)
	for i, s := range man.segments {
		sizes[i] = s.used
		if info, err := fsys.Stat(segmentPath(dir, s.number)); err == nil && s.used == 0 {
			sizes[i] = info.Size
		}
		total += sizes[i]
	}
	for i := range man.segments {
		began := r.Bytes
		err := walkSegment(ctx, fsys, dir, &man.segments[i], func(it *Item) error {
			switch it.Kind {
			case ItemRecord, ItemBarrier:
				r.Records++
			case ItemDamage:
				r.add(Problem{segmentName(it.Segment), it.Offset, it.Bytes, it.Problem})
			}
			if at := began + it.Offset; progress != nil && at-r.Bytes >= readWindow {
				r.Bytes = at
				progress(at, total)
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.Bytes = began + sizes[i]
	}
	return nil
}

// end finds where the log ends, as Open does.
func (r *CheckReport) end(ctx context.Context, fsys vfs.FS, dir string, man *manifest) error {
	settled, cuts, err := settle(ctx, fsys, dir, man, false)
	if err != nil {
		return err
	}
	r.Cuts = cuts
	r.LastRound, r.LastMs = settled.lastRound()
	return nil
}

// add notes a problem unless the same place is known already.
func (r *CheckReport) add(p Problem) {
	for _, q := range r.Problems {
		if q.File == p.File && p.Offset >= q.Offset && p.Offset <= q.Offset+q.Bytes {
			return
		}
	}
	r.Problems = append(r.Problems, p)
}
