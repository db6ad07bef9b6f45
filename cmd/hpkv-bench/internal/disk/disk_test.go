package disk

import (
	"errors"
	"os"
	"slices"
	"testing"
)

func TestSync(t *testing.T) {
	dir := t.TempDir()
	for _, ready := range []bool{false, true} {
		took, err := Sync(dir, 5, ready)
		if err != nil || len(took) != 5 || !slices.IsSorted(took) || took[0] <= 0 {
			t.Errorf("ready %t: %v, %v", ready, took, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := Sync(dir+"/none", 1, false); err == nil {
		t.Error("a missing directory was accepted")
	}
}

func TestParseFlushes(t *testing.T) {
	const line = "743587 87577 19937514 802686 818792 386612 51414088 408236 0 134900 1266103 407843 278 623022400 35662 256627 19518"
	if n, err := parseFlushes([]byte(line)); err != nil || n != 256627 {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := parseFlushes([]byte("1 2 3 4 5 6 7 8 9 10 11\n")); !errors.Is(err, ErrNoCount) {
		t.Errorf("an old kernel's line gave %v", err)
	}
}

// The count never falls and, where the disk counts, grows with syncs that were
// not absorbed by memory (a directory on tmpfs has no disk).
func TestFlushes(t *testing.T) {
	dir := t.TempDir()
	before, err := Flushes(dir)
	if err != nil {
		t.Skip(err)
	}
	if _, err := Sync(dir, 3, false); err != nil {
		t.Fatal(err)
	}
	if after, err := Flushes(dir); err != nil || after < before {
		t.Errorf("from %d to %d, %v", before, after, err)
	}
}
