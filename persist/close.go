package persist

import "errors"

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
	man, current := l.closedManifest(), l.man.last().number
	draft := l.man.last().draft
	if draft {
		man = l.man.clone()
		man.dropDraft()
	}
	man.serial++
	if err := writeManifest(l.o.FS, l.o.Dir, man); err != nil {
		return err
	}
	l.man = man
	for _, seg := range l.segs {
		switch path := segmentPath(l.o.Dir, seg.number); {
		case seg.generation != current:
		case draft || seg.end.Load() <= segmentHead:
			l.o.FS.Remove(path)
		default:
			trim(l.o.FS, path, seg.end.Load())
		}
	}
	return nil
}

// closeFiles closes every file that is open.
func (l *Log) closeFiles() {
	l.dropMu.Lock() // no ReadAt is under way
	l.readers.close()
	l.dropMu.Unlock()
	l.manMu.Lock() // nor is a compaction making segments or a manifest
	defer l.manMu.Unlock()
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
