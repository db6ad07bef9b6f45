package progress

import (
	"strings"
	"testing"
	"time"
)

func TestLine(t *testing.T) {
	var out strings.Builder
	at := time.Unix(0, 0)
	l := &Line{w: &out, now: func() time.Time { return at }}
	step := func(d time.Duration, text string) { at = at.Add(d); l.Printf("%s", text) }

	step(time.Second, "a")
	step(time.Second, "b") // too soon
	step(lineEvery, "c")
	l.Clear()
	if got := out.String(); got != "a\nc\n" {
		t.Errorf("a log got %q", got)
	}

	out.Reset()
	l.terminal = true
	step(redrawEvery, "d")
	step(redrawEvery/2, "e") // too soon
	step(redrawEvery, strings.Repeat("f", 200))
	l.Clear()
	want := "\r\x1b[Kd" + "\r\x1b[K" + strings.Repeat("f", 110) + "\r\x1b[K"
	if got := out.String(); got != want {
		t.Errorf("a terminal got %q", got)
	}

	var silent *Line
	silent.Printf("x")
	silent.Clear()
}

func TestBytes(t *testing.T) {
	var out strings.Builder
	l := &Line{w: &out, now: func() time.Time { return time.Unix(0, 0) }}
	l.Bytes("read", 0, 0, time.Second)
	l.Bytes("read", 1<<20, 3<<20, time.Millisecond)
	l.Bytes("read", 1<<30, 3<<30, 5*time.Second)
	if got, want := out.String(), "read [##########....................] 1024 of 3072 MB, 10s left\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	out.Reset()
	l.last = time.Time{}
	l.Bytes("read", 1<<20, 3<<20, 5*time.Second)
	if got, want := out.String(), "read [##########....................] 1024 of 3072 KB, 10s left\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEta(t *testing.T) {
	for _, c := range []struct {
		done, total int
		more        time.Duration
		want        string
	}{{0, 10, 0, ""}, {2, 10, 0, ", 40s left"}, {2, 10, 20 * time.Second, ", 1m0s left"}, {10, 10, 0, ", 0s left"}, {11, 10, 0, ""}} {
		if got := Eta(c.done, c.total, time.Duration(c.done)*5*time.Second, c.more); got != c.want {
			t.Errorf("%d of %d: %q, want %q", c.done, c.total, got, c.want)
		}
	}
}
