package persist

import (
	"errors"
	"fmt"
)

// Close writes and syncs what was appended, closes the generation and releases
// the directory. An error means that something appended may not be there at the
// next Open. Nothing may be appended once Close is called.
func (l *Log) Close() error {
	if l.closed.Swap(true) {
		return ErrClosed
	}
	close(l.closing)
	<-l.done
	l.work.Wait()
	err := l.closeGeneration()
	l.closeFiles()
	l.news.send()
	return errors.Join(err, l.lock.Close())
}

// closeGeneration records where the generation ends, so that the next Open need
// not look for it.
func (l *Log) closeGeneration() error {
	if err := l.syncWritten(); err != nil {
		return err
	}
	l.manMu.Lock()
	defer l.manMu.Unlock()
	man := l.man.clone()
	man.serial++
	g := man.last()
	g.closed, g.last, g.lastMs = true, l.written.Load(), l.lastMs
	var unused, mine []*segment
	kept := man.segments[:0]
	for _, s := range man.segments {
		if s.generation == g.number {
			seg := l.segs[s.number]
			if seg.end.Load() <= segmentHead {
				unused = append(unused, seg)
				continue
			}
			s.used = seg.end.Load()
			mine = append(mine, seg)
		}
		kept = append(kept, s)
	}
	man.segments = kept
	man.dropEmpty()
	if err := writeManifest(l.o.FS, l.o.Dir, man); err != nil {
		return fmt.Errorf("persist: %w", err)
	}
	l.man = man
	for _, seg := range unused {
		l.o.FS.Remove(segmentPath(l.o.Dir, seg.number))
	}
	for _, seg := range mine {
		trim(l.o.FS, segmentPath(l.o.Dir, seg.number), seg.end.Load())
	}
	return nil
}

// closeFiles closes every file that is open.
func (l *Log) closeFiles() {
	l.readers.close()
	for _, seg := range l.next {
		if seg != nil {
			seg.file.Close()
		}
	}
	for i := range l.streams {
		if cur := l.streams[i].cur; cur != nil {
			cur.file.Close()
		}
	}
	for _, seg := range l.dirty {
		seg.file.Close() // again, for some: no harm
	}
}
