package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRepairCut(t *testing.T) {
	dir := newLog(t, "one", "two", "three")
	spoil(t, dir, "two")
	out := mustAdmin(t, "repair", dir, "--cut")
	if !strings.Contains(out, "the log ends at round 1 of 2025-11-30T17:01:00.000Z") || !strings.Contains(out, "damaged-1") {
		t.Error(out)
	}
	if out := mustAdmin(t, "repair", dir, "--cut"); !strings.Contains(out, "nothing was damaged") {
		t.Errorf("a second time: %s", out)
	}
	if got := contents(t, dir); got != "one" {
		t.Errorf("left is %q", got)
	}
}

func TestRepairSkip(t *testing.T) {
	dir := newLog(t, "one", "two", "three")
	spoil(t, dir, "two")
	if out := mustAdmin(t, "repair", "--skip", dir); !strings.Contains(out, "23 bytes kept in") {
		t.Error(out)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "damaged-1", "*"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept are %v, %v", kept, err)
	}
	if b, err := os.ReadFile(kept[0]); err != nil || !strings.HasSuffix(string(b), "wo") {
		t.Errorf("kept is %q, %v", b, err)
	}
	if got := contents(t, dir); got != "one three" {
		t.Errorf("left is %q", got)
	}
}

func TestRepairManifest(t *testing.T) {
	dir := newLog(t, "one", "two")
	if err := os.Remove(filepath.Join(dir, "MANIFEST")); err != nil {
		t.Fatal(err)
	}
	if out := mustAdmin(t, "repair", "--cut", dir); !strings.Contains(out, "the manifest was made anew") {
		t.Error(out)
	}
	if got := contents(t, dir); got != "one two" {
		t.Errorf("left is %q", got)
	}
}
