// Package disk measures what the disk under a directory needs to make bytes
// safe, and counts how often it was asked to.
package disk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Block is the number of bytes before each sync: a page, the least that a file
// system writes.
const Block = 4096

// ErrNoCount says that this platform, or this kind of disk, does not count its
// flushes.
var ErrNoCount = errors.New("the disk's flushes are not counted")

// Sync writes a block to a file in dir and forces it to the disk with
// fdatasync, n times, and returns how long each took, ascending. With ready
// the file has its whole size beforehand, as the segments of a log that are
// made ahead and used again; otherwise it grows, and its new size is forced
// to the disk too.
func Sync(dir string, n int, ready bool) (took []time.Duration, err error) {
	f, err := os.CreateTemp(dir, "sync-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer func() { err = errors.Join(err, f.Close()) }()
	if ready {
		if _, err := f.Write(make([]byte, n*Block)); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
	}
	block := bytes.Repeat([]byte{'x'}, Block)
	for i := range n {
		start := time.Now()
		if _, err := f.WriteAt(block, int64(i)*Block); err != nil {
			return nil, err
		}
		if err := dataSync(f); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took, nil
}

// Flushes returns how often the disk under dir has emptied its write cache
// since the system started: what an fdatasync ends in. Those of all processes
// count.
func Flushes(dir string) (int64, error) {
	major, minor, err := device(dir)
	if err != nil {
		return 0, err
	}
	home := fmt.Sprintf("/sys/dev/block/%d:%d", major, minor)
	if _, err := os.Stat(filepath.Join(home, "partition")); err == nil {
		// Flushes count for the whole disk only. Not joined: that would take the
		// link's parent, not its target's.
		home += "/.."
	}
	text, err := os.ReadFile(home + "/stat")
	if err != nil {
		return 0, ErrNoCount
	}
	return parseFlushes(text)
}

// parseFlushes returns the sixteenth field of a block device's stat file.
func parseFlushes(text []byte) (int64, error) {
	const flushes = 16 - 1
	f := bytes.Fields(text)
	if len(f) <= flushes {
		return 0, ErrNoCount // a kernel before 5.5
	}
	return strconv.ParseInt(string(f[flushes]), 10, 64)
}
