package journal

import (
	"context"
	"encoding/binary"
	"runtime"
	"testing"

	"hpkv/engine"
	"hpkv/persist"
	"hpkv/persist/vfs"
)

// nowhere is a file system whose files forget what is written to them.
type nowhere struct{ vfs.FS }

type nowhereFile struct{ vfs.File }

func (n nowhere) Create(path string) (vfs.File, error) {
	f, err := n.FS.Create(path)
	return nowhereFile{f}, err
}

func (nowhereFile) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }

// benchJournal opens an engine with a journal on fs. With -cpu 1 a benchmark's time
// includes that of the committer.
func benchJournal(b *testing.B, fs vfs.FS) (*engine.Engine, *Journal) {
	e, err := engine.Open(engine.Options{Databases: 1, Clock: engine.SystemClock{}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { e.Close() })
	j, _, err := Open(context.Background(), e, Options{Options: persist.Options{FS: fs, Dir: b.TempDir() + "/log", Policy: persist.EverySec}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { j.Close() })
	b.ReportAllocs()
	return e, j
}

// BenchmarkAppend hands the journal effects of short keys and values, and lets its
// committer write each round.
func BenchmarkAppend(b *testing.B) {
	_, j := benchJournal(b, nowhere{vfs.OS()})
	ef := engine.Effect{Kind: engine.EffectPut, Type: engine.TypeString, Key: []byte("key:000000012345"), Value: []byte("1000000000000000")}
	for i := uint64(0); b.Loop(); i++ {
		if j.Append(0, int(i)&15, i, &ef); i%4300 == 0 {
			runtime.Gosched() // about a full buffer
		}
	}
}

// BenchmarkSet sets a million keys of 16 bytes over and over.
func BenchmarkSet(b *testing.B) {
	for _, bc := range []struct {
		name string
		fs   vfs.FS
	}{{"unlogged", nil}, {"nowhere", nowhere{vfs.OS()}}, {"logged", vfs.OS()}} {
		b.Run(bc.name, func(b *testing.B) {
			e, _ := benchJournal(b, bc.fs)
			if bc.fs == nil {
				e.SetJournal(nil)
			}
			l := e.NewLane()
			defer l.Close()
			key, val := make([]byte, 16), []byte("1000000000000000")
			set := func(n uint64) {
				binary.LittleEndian.PutUint64(key, n)
				if _, err := l.Begin(0).Set(key, val, engine.SetOptions{}); err != nil {
					b.Fatal(err)
				}
			}
			const keys = 1 << 20
			for n := range uint64(keys) {
				set(n)
			}
			n := uint64(1)
			for b.Loop() {
				n = n*6364136223846793005 + 1442695040888963407
				set(n >> 44)
			}
		})
	}
}
