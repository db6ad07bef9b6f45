package server

import (
	"bytes"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func lineOf(args ...string) (line [][]byte) {
	for _, arg := range args {
		line = append(line, []byte(arg))
	}
	return line
}

// TestRequestLongerThanMayWait: a request whose replies wait for the disk, more of
// them than a connection would be read on for, is executed to its end all the same.
func TestRequestLongerThanMayWait(t *testing.T) {
	d := newDisk()
	in := start(t, setup{driver: "goroutine", tuneLog: d.tune, settings: []string{"--appendonly", "yes", "--dir", t.TempDir(), "--appendfsync", "always"}})
	t.Cleanup(d.release)
	in.loaded()
	const reads, size = 50, 1 << 20
	if reads*size <= pauseBytes {
		t.Fatal("the replies are too short")
	}
	val := strings.Repeat("x", size)
	lines := [][][]byte{lineOf("SET", "long", val)}
	for range reads {
		lines = append(lines, lineOf("GET", "long"))
	}
	lines = append(lines, lineOf("INCR", "n"), lineOf("GET", "n"))
	d.hold()
	done := make(chan []string, 1)
	go func() {
		var texts []string
		for _, v := range (restHost{in.Server}).Execute("test", lines) {
			texts = append(texts, v.Text())
		}
		done <- texts
	}()
	stacks := make([]byte, 1<<20)
	in.eventually("the request waits for the disk", func() bool {
		return bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("awaitWithheld"))
	})
	select {
	case <-done:
		t.Error("the replies did not wait for the disk")
	default:
	}
	d.release()
	texts := <-done
	if texts[0] != "OK" {
		t.Error(texts[0])
	}
	for i, text := range texts[1 : 1+reads] {
		if text != val {
			t.Errorf("read %d: %d bytes, %.60q", i, len(text), text)
		}
	}
	if n := len(texts); texts[n-2] != "1" || texts[n-1] != "1" {
		t.Errorf("the last commands: %q", texts[n-2:])
	}
}

// TestRequestWhoseLogFails: commands that were executed, but never will be durable,
// are not said to be untouched.
func TestRequestWhoseLogFails(t *testing.T) {
	d := newDisk()
	in := start(t, setup{driver: "goroutine", tuneLog: d.tune, fails: "cannot close the log", settings: []string{"--appendonly", "yes", "--dir", t.TempDir(), "--appendfsync", "always"}})
	t.Cleanup(d.release)
	in.loaded()
	d.change(func() { d.sync = syscall.EIO })
	got := restHost{in.Server}.Execute("test", [][][]byte{lineOf("SET", "k", "v"), lineOf("GET", "k")})
	for _, v := range got {
		if string(v.Str) != textLost || !v.IsError() {
			t.Errorf("%v", v)
		}
	}
	if got := (restHost{in.Server}).Execute("test", [][][]byte{lineOf("SET", "k", "w")}); !bytes.HasPrefix(got[0].Str, []byte("MISCONF")) {
		t.Errorf("%v", got)
	}
}

// TestRequestWithEndlessReplies: no more is executed once the replies are too long,
// and what was executed is answered.
func TestRequestWithEndlessReplies(t *testing.T) {
	in := start(t, setup{driver: "goroutine"})
	const size = 1 << 20
	lines := [][][]byte{lineOf("SETRANGE", "long", "1048575", "x")}
	for range maxReplies/size + 3*windowSize {
		lines = append(lines, lineOf("GET", "long"))
	}
	lines = append(lines, lineOf("SET", "behind", "v"))
	got := restHost{in.Server}.Execute("test", lines)
	answered := 0
	for i := range got {
		if !got[i].IsError() {
			answered++
		}
	}
	if last := got[len(got)-1]; string(last.Str) != textTooMuch {
		t.Errorf("%.80q", last.Str)
	}
	if answered < maxReplies/size || answered > maxReplies/size+2*windowSize {
		t.Errorf("%d replies", answered)
	}
	in.dial().do("EXISTS behind", ":0\r\n")
}
