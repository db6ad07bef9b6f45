package proc

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestParseSpec(t *testing.T) {
	f := func(in, name string, command ...string) {
		t.Helper()
		got, err := ParseSpec(in)
		if err != nil || got.Name != name || !slices.Equal(got.Command, command) {
			t.Errorf("%q: got %q %q, %v", in, got.Name, got.Command, err)
		}
	}
	f("redis=redis-server", "redis", "redis-server")
	f("/usr/bin/valkey-server", "valkey-server", "/usr/bin/valkey-server")
	f("a=x --save '' --y \"b c\"", "a", "x", "--save", "", "--y", "b c")
	f("x --opt=1", "x", "x", "--opt=1")
	for _, bad := range []string{"", "a=", "a=''", "a=x 'y"} {
		if s, err := ParseSpec(bad); err == nil {
			t.Errorf("%q was accepted as %+v", bad, s)
		}
	}
}

func TestArgs(t *testing.T) {
	plain := Spec{Name: "r", Command: []string{"redis-server", "--io-threads", "1"}}.Args(7000, "/d")
	if got := strings.Join(plain, " "); got != "redis-server --io-threads 1 --port 7000 --bind 127.0.0.1 --dir /d --save  --appendonly no" {
		t.Errorf("got %q", got)
	}
	own := Spec{Name: "p", Command: []string{"pogocache", "-p", "{port}", "-d={dir}"}}.Args(7000, "/d")
	if !slices.Equal(own, []string{"pogocache", "-p", "7000", "-d=/d"}) {
		t.Errorf("got %q", own)
	}
}

func TestParseStat(t *testing.T) {
	const line = `5918 (a) b (c) S 5915 5915 2331 0 -1 4194560 1185 0 11 0 250 81 7 9 20 0 5 0 142835 64905216 3227`
	if got, err := parseStat([]byte(line)); err != nil || got != 3310*time.Millisecond {
		t.Errorf("got %v, %v; want utime+stime of 331 ticks", got, err)
	}
	for _, bad := range []string{"", "1 (x) S 2", "1 (x) S 5915 5915 2331 0 -1 4194560 1185 0 11 0 x 81"} {
		if d, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q gave %v", bad, d)
		}
	}
}

func TestParseMemoryAndDelay(t *testing.T) {
	const rollup = "55d-7ff ---p 00000000 00:00 0 [rollup]\nRss:               11404 kB\nPss:    9000 kB\n"
	if n, err := parseKilobytes([]byte(rollup), "Rss:"); err != nil || n != 11404*1024 {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := parseKilobytes([]byte("Pss: 1 kB\n"), "Rss:"); err == nil {
		t.Error("a missing line was not noticed")
	}
	if n, err := parseWritten([]byte("wchar: 5\nwrite_bytes: 4096\ncancelled_write_bytes: 1\n")); err != nil || n != 4096 {
		t.Errorf("got %d, %v", n, err)
	}
	if d, err := parseRunDelay([]byte("106960077 10097027 1710\n")); err != nil || d != 10097027 {
		t.Errorf("got %v, %v", d, err)
	}
}

// spin uses processor time until done.
func spin(done func() bool) {
	for !done() {
	}
}

// What the process's clock and /proc/PID/stat say of our own process must
// agree and must grow as we work.
func TestCPUOfThisProcess(t *testing.T) {
	pid := os.Getpid()
	before, err := CPU(pid)
	if errors.Is(err, ErrNoAccounting) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	const work = 100 * time.Millisecond
	deadline := time.Now().Add(time.Minute)
	spin(func() bool {
		now, _ := CPU(pid)
		return now-before >= work || time.Now().After(deadline)
	})
	after, err := CPU(pid)
	if err != nil || after-before < work {
		t.Fatalf("the clock went from %v to %v while we worked, %v", before, after, err)
	}
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Skip("no /proc")
	}
	ticks, err := parseStat(text)
	if err != nil || (ticks-after).Abs() > 100*time.Millisecond {
		t.Errorf("clock %v, stat %v, %v", after, ticks, err)
	}
	if rss, err := RSS(pid); err != nil || rss < 1<<20 || rss > 1<<33 {
		t.Errorf("resident memory %d, %v", rss, err)
	}
}

func TestStartMeasureStop(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("no redis-server installed")
	}
	cpus := Allowed()
	if len(cpus) > 1 {
		cpus = cpus[:1]
	}
	p, err := Start(context.Background(), Spec{Name: "redis", Command: []string{"redis-server"}}, cpus)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	if CanPin {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.Pid()), "status"))
		if err != nil || !strings.Contains(string(text), "Cpus_allowed_list:\t"+strconv.Itoa(cpus[0])+"\n") {
			t.Errorf("the server is not on processor %d alone: %v", cpus[0], err)
		}
	}
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := ping(p.Addr, time.Minute); err != nil {
		t.Errorf("after pause and resume: %v", err)
	}
	p.Stop()
	if !p.Exited() {
		t.Error("still running after Stop")
	}
	if _, err := os.Stat(p.dir); !os.IsNotExist(err) {
		t.Errorf("its directory is still there: %v", err)
	}
}

func TestStartFails(t *testing.T) {
	if _, err := Start(context.Background(), Spec{Name: "x", Command: []string{"/nonexistent/server"}}, nil); err == nil {
		t.Error("a missing program was started")
	}
	_, err := Start(context.Background(), Spec{Name: "x", Command: []string{"sh", "-c", "echo cannot open the shop >&2; exit 3", "{port}"}}, nil)
	if err == nil || !strings.Contains(err.Error(), "cannot open the shop") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("the server's own words and exit code must show, got %v", err)
	}
}

// Every thread is confined, also those of other goroutines, and free again
// afterwards.
func TestSelfOnCPUs(t *testing.T) {
	all := Allowed()
	if !CanPin || len(all) < 2 {
		t.Skip("nothing to confine to")
	}
	const goroutines = 4
	seen := make(chan []int, goroutines)
	err := SelfOnCPUs(all[1:2], func() error {
		for range goroutines {
			go func() {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				seen <- Allowed()
			}()
		}
		for range goroutines {
			if got := <-seen; !slices.Equal(got, all[1:2]) {
				t.Errorf("a thread may use %v", got)
			}
		}
		return nil
	})
	if err != nil || !slices.Equal(Allowed(), all) {
		t.Errorf("%v; afterwards %v, not %v", err, Allowed(), all)
	}
}
