package persist

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"hpkv/persist/vfs"
)

// Backup puts a log into the directory dest that holds everything appended
// before the call. It is consistent, ends at one round, and can be opened,
// restored or checked like any other log. Appending goes on meanwhile.
// Segments that are full are shared with dest by hard links if both are on one
// file system, and copied otherwise. dest must not exist, or be empty; after an
// error, what was made of it is removed. progress may be nil.
func (l *Log) Backup(ctx context.Context, dest string, progress func(done, total int64)) error {
	l.backupMu.RLock() // no segment is removed or reused meanwhile
	defer l.backupMu.RUnlock()
	man, growing, err := l.cut()
	if err != nil {
		return err
	}
	if err := l.syncWritten(); err != nil {
		return err
	}
	c := copier{ctx: ctx, fs: l.o.FS, from: l.o.Dir, to: dest, progress: progress}
	return c.run(man, func(s *segmentEntry) bool { return !growing[s.number] })
}

// cut returns the manifest of a log that ends with what has been appended, and
// which of its segments may still grow.
func (l *Log) cut() (*manifest, map[uint64]bool, error) {
	var man *manifest
	growing := make(map[uint64]bool)
	err := l.do(func() error {
		l.commitRound()
		if s, err := l.State(); s != StateOK {
			return err
		}
		l.manMu.Lock()
		defer l.manMu.Unlock()
		if l.man.last().draft {
			return ErrDraft
		}
		for i := range l.streams {
			if cur := l.streams[i].cur; cur != nil {
				growing[cur.number] = true
			}
		}
		man = l.closedManifest()
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return man, growing, nil
}

// closedManifest returns the manifest as it would be if the log ended with the
// last written round. The caller holds manMu and is the committer, or there is
// none.
func (l *Log) closedManifest() *manifest {
	man := l.man.clone()
	g := man.last()
	g.closed, g.last, g.lastMs = true, l.written.Load(), l.lastMs
	kept := man.segments[:0]
	for _, s := range man.segments {
		if s.generation == g.number {
			if s.used = l.segs[s.number].end.Load(); s.used <= segmentHead {
				continue
			}
		}
		kept = append(kept, s)
	}
	man.segments = kept
	man.dropEmpty()
	return man
}

// copier makes a directory that holds a closed log.
type copier struct {
	ctx      context.Context
	fs       vfs.FS
	from, to string
	progress func(done, total int64)

	done, total int64
	made        []string
	buf         []byte
}

// run copies the segments of man, all of whose generations are closed, sharing
// those that share allows to, and writes man.
func (c *copier) run(man *manifest, share func(*segmentEntry) bool) (err error) {
	if err := c.begin(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			for i := len(c.made) - 1; i >= 0; i-- {
				c.fs.Remove(c.made[i])
			}
		}
	}()
	for _, s := range man.segments {
		c.total += s.used
	}
	for i := range man.segments {
		s := &man.segments[i]
		name := segmentName(s.number)
		to := filepath.Join(c.to, name)
		if share(s) && c.fs.Link(filepath.Join(c.from, name), to) == nil {
			c.made = append(c.made, to)
			c.tell(s.used)
			continue
		}
		if err := c.copy(filepath.Join(c.from, name), to, s.used); err != nil {
			return err
		}
	}
	if err := syncDir(c.fs, c.to); err != nil {
		return err
	}
	if err := c.ctx.Err(); err != nil {
		return err
	}
	c.made = append(c.made, filepath.Join(c.to, manifestTemp), filepath.Join(c.to, manifestName))
	if err := writeManifest(c.fs, c.to, man); err != nil {
		return err
	}
	return syncDir(c.fs, filepath.Dir(c.to))
}

// begin makes the directory, or makes sure that it is empty.
func (c *copier) begin() error {
	names, err := c.fs.List(c.to)
	if errors.Is(err, fs.ErrNotExist) {
		if err := c.fs.Mkdir(c.to); err != nil {
			return err
		}
		c.made = append(c.made, c.to)
		return nil
	}
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return &NotEmptyError{c.to}
	}
	return nil
}

// copy copies the first size bytes of a file and syncs them.
func (c *copier) copy(from, to string, size int64) error {
	src, err := c.fs.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := c.fs.Create(to)
	if err != nil {
		return err
	}
	c.made = append(c.made, to)
	if c.buf == nil {
		c.buf = make([]byte, readWindow)
	}
	for at := int64(0); at < size && err == nil; {
		b := c.buf[:min(int64(len(c.buf)), size-at)]
		if err = c.ctx.Err(); err == nil {
			err = readFull(src, b, at)
		}
		if err == nil {
			_, err = dst.WriteAt(b, at)
		}
		at += int64(len(b))
		c.tell(int64(len(b)))
	}
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}

func (c *copier) tell(n int64) {
	c.done += n
	if c.progress != nil {
		c.progress(c.done, c.total)
	}
}
