package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"hpkv/cmd/internal/cli"
)

func TestCheck(t *testing.T) {
	dir := newLog(t, "one", "two", "three")
	out := mustAdmin(t, "check", dir)
	if !strings.Contains(out, "3 records of") || !strings.Contains(out, "sound up to its end, round 3 of 2025-11-30T17:03:00.000Z") {
		t.Errorf("a sound log:\n%s", out)
	}
	at := spoil(t, dir, "two") - 20 // where the record begins
	out, _, err := admin("check", dir)
	if !errors.Is(err, cli.ErrFound) || !strings.Contains(out, fmt.Sprintf("0000000000000001.seg, offset %d, 23 bytes: the checksum does not match", at)) {
		t.Errorf("a damaged log: %v\n%s", err, out)
	}
}
