package persist

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"path/filepath"
	"time"

	"hpkv/persist/vfs"
)

// The layout of the manifest: FORMAT.md, "Manifest".
const (
	manifestMagic  = "HPKVMANI"
	manifestFixed  = 16 + 9*8
	generationSize = 8 + 2 + 2 + 8 + 8 + 8
	entrySize      = 8 + 8 + 2 + 2 + 8 + 8
	maxManifest    = 64 << 20

	generationClosed = 1 << 0
	generationDraft  = 1 << 1
	entryReused      = 1 << 0
)

var errManifest = errors.New("the manifest has no valid form")

// manifest lists what belongs to a log.
type manifest struct {
	id             uint64 // of the log, the same for life and in backups
	serial         uint64 // counts the manifests of the log
	nextSegment    uint64
	nextGeneration uint64
	base           uint64 // rounds below are gone: compaction dropped them
	complete       uint64 // the state is whole only from this round on
	completeMs     int64  // when that round was written
	baseBytes      int64  // size of the log right after the last compaction
	compactions    uint64
	generations    []generation // ascending
	segments       []segmentEntry
}

// generation is the log of one run.
type generation struct {
	number  uint64
	streams int
	closed  bool
	draft   bool   // does not count yet: the last compaction is to end first
	first   uint64 // its first round
	last    uint64 // if closed: the last round that counts, first-1 if none
	lastMs  int64
}

// segmentEntry is one segment; entries are in ascending order of number.
type segmentEntry struct {
	number     uint64
	generation uint64
	stream     int
	reused     bool // the file has had other contents before
	uid        uint64
	used       int64 // of a closed generation: bytes that count
}

func (m *manifest) encode() []byte {
	b := make([]byte, 0, manifestFixed+8+len(m.generations)*generationSize+len(m.segments)*entrySize+4)
	b = append(b, manifestMagic...)
	b = binary.LittleEndian.AppendUint16(b, version)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(cap(b)))
	for _, v := range []uint64{m.id, m.serial, m.nextSegment, m.nextGeneration, m.base, m.complete, uint64(m.completeMs), uint64(m.baseBytes), m.compactions} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.generations)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.segments)))
	for _, g := range m.generations {
		b = binary.LittleEndian.AppendUint64(b, g.number)
		b = binary.LittleEndian.AppendUint16(b, uint16(g.streams))
		b = binary.LittleEndian.AppendUint16(b, bit(g.closed, generationClosed)|bit(g.draft, generationDraft))
		b = binary.LittleEndian.AppendUint64(b, g.first)
		b = binary.LittleEndian.AppendUint64(b, g.last)
		b = binary.LittleEndian.AppendUint64(b, uint64(g.lastMs))
	}
	for _, s := range m.segments {
		b = binary.LittleEndian.AppendUint64(b, s.number)
		b = binary.LittleEndian.AppendUint64(b, s.generation)
		b = binary.LittleEndian.AppendUint16(b, uint16(s.stream))
		b = binary.LittleEndian.AppendUint16(b, bit(s.reused, entryReused))
		b = binary.LittleEndian.AppendUint64(b, s.uid)
		b = binary.LittleEndian.AppendUint64(b, uint64(s.used))
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func bit(on bool, flag uint16) uint16 {
	if on {
		return flag
	}
	return 0
}

func decodeManifest(b []byte) (*manifest, error) {
	if len(b) < manifestFixed+8+4 || string(b[:8]) != manifestMagic {
		return nil, errManifest
	}
	if int64(binary.LittleEndian.Uint32(b[12:])) != int64(len(b)) ||
		binary.LittleEndian.Uint32(b[len(b)-4:]) != crc32.Checksum(b[:len(b)-4], castagnoli) {
		return nil, errChecksum
	}
	if v := binary.LittleEndian.Uint16(b[8:]); v != version {
		return nil, fmt.Errorf("the manifest has format version %d; this program knows %d", v, version)
	}
	d := fields{b[16 : len(b)-4]}
	m := &manifest{
		id: d.u64(), serial: d.u64(), nextSegment: d.u64(), nextGeneration: d.u64(), base: d.u64(),
		complete: d.u64(), completeMs: int64(d.u64()), baseBytes: int64(d.u64()), compactions: d.u64(),
	}
	generations, segments := int64(d.u32()), int64(d.u32())
	if int64(len(d.b)) != generations*generationSize+segments*entrySize {
		return nil, errManifest
	}
	for range generations {
		g := generation{number: d.u64(), streams: int(d.u16())}
		flags := d.u16()
		g.closed, g.draft = flags&generationClosed != 0, flags&generationDraft != 0
		g.first, g.last, g.lastMs = d.u64(), d.u64(), int64(d.u64())
		m.generations = append(m.generations, g)
	}
	for range segments {
		s := segmentEntry{number: d.u64(), generation: d.u64(), stream: int(d.u16())}
		s.reused = d.u16()&entryReused != 0
		s.uid = d.u64()
		used := d.u64()
		if used > math.MaxInt64 {
			return nil, errManifest
		}
		s.used = int64(used)
		m.segments = append(m.segments, s)
	}
	return m, m.validate()
}

// validate holds the parts of a manifest against each other.
func (m *manifest) validate() error {
	known := make(map[uint64]*generation, len(m.generations))
	for i := range m.generations {
		g := &m.generations[i]
		open := !g.closed && i < len(m.generations)-1 // only the last may be open
		if g.streams < 1 || g.streams > MaxStreams || g.number >= m.nextGeneration || open || g.first == 0 ||
			i > 0 && (g.number <= m.generations[i-1].number || g.first != m.generations[i-1].last+1) ||
			g.closed && g.last < g.first-1 || g.draft && (g.closed || i < len(m.generations)-1) {
			return errManifest
		}
		known[g.number] = g
	}
	for i, s := range m.segments {
		g := known[s.generation]
		if g == nil || s.stream >= g.streams || s.number >= m.nextSegment || i > 0 && s.number <= m.segments[i-1].number ||
			g.closed && s.used < segmentHead || !g.closed && s.used != 0 {
			return errManifest
		}
	}
	return nil
}

// fields reads integers off the front of b, which is long enough.
type fields struct{ b []byte }

func (f *fields) u16() uint16 {
	v := binary.LittleEndian.Uint16(f.b)
	f.b = f.b[2:]
	return v
}

func (f *fields) u32() uint32 {
	v := binary.LittleEndian.Uint32(f.b)
	f.b = f.b[4:]
	return v
}

func (f *fields) u64() uint64 {
	v := binary.LittleEndian.Uint64(f.b)
	f.b = f.b[8:]
	return v
}

// last returns the last generation, nil if there is none.
func (m *manifest) last() *generation {
	if len(m.generations) == 0 {
		return nil
	}
	return &m.generations[len(m.generations)-1]
}

// lastRound is the last round known to count, and its time.
func (m *manifest) lastRound() (uint64, int64) {
	g := m.last()
	if g == nil {
		return 0, 0
	}
	if !g.closed {
		return g.first - 1, 0
	}
	return g.last, g.lastMs
}

// segmentsOf returns the segments of one stream of one generation, in order.
func (m *manifest) segmentsOf(generation uint64, stream int) []segmentEntry {
	var list []segmentEntry
	for _, s := range m.segments {
		if s.generation == generation && s.stream == stream {
			list = append(list, s)
		}
	}
	return list
}

func (m *manifest) clone() *manifest {
	c := *m
	c.generations = append([]generation(nil), m.generations...)
	c.segments = append([]segmentEntry(nil), m.segments...)
	return &c
}

// dropDraft removes a generation that does not count yet, if there is one.
func (m *manifest) dropDraft() {
	g := m.last()
	if g == nil || !g.draft {
		return
	}
	kept := m.segments[:0]
	for _, s := range m.segments {
		if s.generation != g.number {
			kept = append(kept, s)
		}
	}
	m.segments = kept
	m.generations = m.generations[:len(m.generations)-1]
}

// readManifest returns nil and no error if there is no manifest.
func readManifest(fsys vfs.FS, dir string) (*manifest, error) {
	f, err := fsys.Open(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	corrupt := func(err error) error { return &CorruptError{dir, manifestName, 0, err.Error()} }
	if size > maxManifest {
		return nil, corrupt(errManifest)
	}
	b := make([]byte, size)
	if err := readFull(f, b, 0); err != nil {
		return nil, err
	}
	m, err := decodeManifest(b)
	if err != nil {
		return nil, corrupt(err)
	}
	return m, nil
}

// dirSyncError is a failure after which it is unknown what a crash would leave
// of a directory.
type dirSyncError struct{ err error }

func (e *dirSyncError) Error() string { return e.err.Error() }
func (e *dirSyncError) Unwrap() error { return e.err }

func syncDir(fsys vfs.FS, dir string) error {
	if err := fsys.SyncDir(dir); err != nil {
		return &dirSyncError{fmt.Errorf("sync of directory %s: %w", dir, err)}
	}
	return nil
}

// replaceManifest is writeManifest for a log in use.
func (l *Log) replaceManifest(m *manifest) error {
	began := time.Now()
	err := writeManifest(l.o.FS, l.o.Dir, m)
	l.took(StepManifest, time.Since(began))
	return err
}

// writeManifest replaces the manifest in one step: a crash leaves the old one
// or the new one.
func writeManifest(fsys vfs.FS, dir string, m *manifest) error {
	temp := filepath.Join(dir, manifestTemp)
	if err := fsys.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeFile(fsys, temp, m.encode()); err != nil {
		return err
	}
	if err := fsys.Rename(temp, filepath.Join(dir, manifestName)); err != nil {
		return err
	}
	return syncDir(fsys, dir)
}

// writeFile creates a file with the given contents and syncs it.
func writeFile(fsys vfs.FS, path string, b []byte) error {
	f, err := fsys.Create(path)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
