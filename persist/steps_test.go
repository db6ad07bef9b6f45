package persist

import (
	"sync"
	"testing"
	"time"

	"hpkv/persist/vfs"
)

// gateFS has syncs of files wait while the gate is closed.
type gateFS struct {
	vfs.FS
	gate    sync.RWMutex
	waiting chan struct{} // told of each sync that begins
}

func (g *gateFS) Create(path string) (vfs.File, error) {
	f, err := g.FS.Create(path)
	if err != nil {
		return nil, err
	}
	return &gateFile{f, g}, nil
}

type gateFile struct {
	vfs.File
	g *gateFS
}

func (f *gateFile) Sync() error {
	select {
	case f.g.waiting <- struct{}{}:
	default:
	}
	f.g.gate.RLock()
	defer f.g.gate.RUnlock()
	return f.File.Sync()
}

// The log tells of its steps, and of a write whether a sync was under way.
func TestSteps(t *testing.T) {
	fs := &gateFS{FS: vfs.NewMem("/"), waiting: make(chan struct{}, 1)}
	steps := make(chan Step, 1000)
	want := func(want Step) {
		t.Helper()
		for limit := time.After(time.Minute); ; {
			select {
			case s := <-steps:
				if s == want {
					return
				}
			case <-limit:
				t.Fatalf("step %d is never told", want)
			}
		}
	}
	l, _, _ := mustOpen(t, Options{FS: fs, Dir: "/log", Streams: 1, SegmentBytes: 64 << 10, Policy: No, SyncEvery: time.Hour, OnStep: func(s Step, took time.Duration) {
		if took < 0 {
			t.Errorf("step %d took %v", s, took)
		}
		steps <- s
	}})
	put(l, 0, "one")
	want(StepWrite)
	fs.gate.Lock()
	select {
	case <-fs.waiting:
	default:
	}
	synced := make(chan error, 1)
	go func() { synced <- l.Sync(t.Context()) }()
	<-fs.waiting
	put(l, 0, "two")
	want(StepWriteInSync)
	fs.gate.Unlock()
	want(StepSync)
	if err := <-synced; err != nil {
		t.Fatal(err)
	}
	put(l, 0, "three")
	want(StepWrite)
	c, err := l.BeginCompaction()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(StepManifest)
	mustClose(t, l)
}
