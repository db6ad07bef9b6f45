package persist

import (
	"context"
	"fmt"
	"time"

	"hpkv/persist/vfs"
)

// Target is the point that Restore goes to: the log's end if both are 0.
type Target struct {
	Round uint64 // the last round to restore
	Ms    int64  // rounds up to this Unix time in milliseconds
}

// RestoreReport says what was restored.
type RestoreReport struct {
	Round uint64 // the last one
	Ms    int64  // when it was written
	Bytes int64
	Cuts  []Cut // what the source's end lacked, as at Open
}

// TargetError says that a log cannot be restored to a point.
type TargetError struct{ Problem string }

func (e *TargetError) Error() string { return e.Problem }

// Restore copies the log or backup in src to the directory dir, which must not
// exist or be empty, up to the target. src is not changed; it must not be open.
// A compaction drops what it replaces, so a target before the end of the last
// one is a TargetError; so is one before the first round of a log that has any:
// an empty log is hardly what was asked for. progress may be nil.
func Restore(ctx context.Context, fsys vfs.FS, src, dir string, to Target, progress func(done, total int64)) (RestoreReport, error) {
	var report RestoreReport
	lock, err := lockForTool(fsys, src)
	if err != nil {
		return report, err
	}
	defer lock.Close()
	man, err := manifestForTool(fsys, src)
	if err != nil {
		return report, err
	}
	if man, report.Cuts, err = settle(ctx, fsys, src, man, false); err != nil {
		return report, err
	}
	if err := man.restoreTo(ctx, fsys, src, to); err != nil {
		return report, err
	}
	c := copier{ctx: ctx, fs: fsys, from: src, to: dir, progress: progress}
	if err := c.run(man, func(*segmentEntry) bool { return false }); err != nil {
		return report, err
	}
	report.Round, report.Ms = man.lastRound()
	report.Bytes = c.total
	return report, nil
}

// restoreTo cuts a log whose generations are all closed off at the target.
func (m *manifest) restoreTo(ctx context.Context, fsys vfs.FS, dir string, to Target) error {
	last, _ := m.lastRound()
	switch {
	case to.Round == 0 && to.Ms == 0:
		return nil
	case to.Round > last:
		return &TargetError{fmt.Sprintf("the log ends at round %d; there is no round %d", last, to.Round)}
	}
	round, ms := uint64(0), int64(0)
	first, firstMs := uint64(0), int64(0) // of all rounds; 0: there is none
	ends := make(map[uint64]int64)        // of the target's last round, by segment
	for i := range m.segments {
		s := &m.segments[i]
		ends[s.number] = 0
		err := walkSegment(ctx, fsys, dir, s, func(it *Item) error {
			if it.Kind == ItemDamage {
				return &CorruptError{dir, segmentName(it.Segment), it.Offset, it.Problem}
			}
			if it.Kind == ItemMark && (first == 0 || it.Round < first) {
				first, firstMs = it.Round, it.Ms
			}
			if it.Kind != ItemMark || to.Round != 0 && it.Round > to.Round || to.Round == 0 && it.Ms > to.Ms {
				return nil
			}
			ends[s.number] = it.Offset + it.Bytes
			if it.Round > round {
				round, ms = it.Round, it.Ms
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if round < m.complete || round == 0 && m.base > 1 {
		return &TargetError{fmt.Sprintf("the state is whole only from round %d, %s, on: the compaction that ended there dropped what was before",
			m.complete, momentOf(m.completeMs))}
	}
	if round == 0 && first > 0 {
		return &TargetError{fmt.Sprintf("the log begins with round %d, %s: there is nothing before", first, momentOf(firstMs))}
	}
	m.cutAt(round, ms, ends)
	return nil
}

// momentOf writes a time to the millisecond: a target that is taken from a message
// must not be before what the message spoke of.
func momentOf(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// cutAt ends the log with a round, given where that is in every segment; 0: the
// segment has no round as early.
func (m *manifest) cutAt(round uint64, ms int64, ends map[uint64]int64) {
	segments := m.segments[:0]
	for _, s := range m.segments {
		if s.used = ends[s.number]; s.used > 0 {
			segments = append(segments, s)
		}
	}
	m.segments = segments
	for i := range m.generations {
		g := &m.generations[i]
		if i > 0 && g.first > round {
			m.generations = m.generations[:i]
			break
		}
		if g.last > round {
			g.last, g.lastMs = max(round, g.first-1), ms
		}
	}
}
