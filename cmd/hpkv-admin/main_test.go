package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hpkv/cmd/internal/cli"
	"hpkv/persist"
)

// admin runs one command line and returns what it printed.
func admin(args ...string) (out, errOut string, err error) {
	var o, e bytes.Buffer
	err = program.Run(context.Background(), cli.Env{Out: &o, Err: &e}, args)
	return o.String(), e.String(), err
}

// mustAdmin is admin that must succeed.
func mustAdmin(t *testing.T, args ...string) string {
	t.Helper()
	out, errOut, err := admin(args...)
	if err != nil {
		t.Fatalf("hpkv-admin %s: %v\n%s%s", strings.Join(args, " "), err, out, errOut)
	}
	return out
}

type stepClock struct{ ms int64 }

func (c *stepClock) NowMs() int64 {
	c.ms += 60_000
	return c.ms
}

// begin is the time of a test log before its first round; each round is a minute
// later: 2025-11-30, 17:00 UTC.
const begin = 1764522000000

// newLog makes a log of the given records, each in a round of its own, and
// returns its directory.
func newLog(t *testing.T, records ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "log")
	l, _, err := persist.Open(persist.Options{
		Dir: dir, Streams: 1, SegmentBytes: 4096, Policy: persist.Always, Clock: &stepClock{begin},
	}, &reader{})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		round := l.Append(0, persist.Record{Shard: 3, Seq: uint64(i), Payload: []byte(r)})
		if err := l.WaitDurable(context.Background(), round); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

type reader struct{ payloads []string }

func (r *reader) Apply(_ int, batch []persist.Placed) error {
	for i := range batch {
		r.payloads = append(r.payloads, string(batch[i].Payload))
	}
	return nil
}

// contents opens a log and returns its records.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var r reader
	l, _, err := persist.Open(persist.Options{Dir: dir, Streams: 1, SegmentBytes: 4096}, &r)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return strings.Join(r.payloads, " ")
}

// spoil changes the byte of the first segment at which text begins.
func spoil(t *testing.T, dir, text string) (offset int) {
	t.Helper()
	path := filepath.Join(dir, fmt.Sprintf("%016x.seg", 1))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if offset = bytes.Index(b, []byte(text)); offset < 0 {
		t.Fatalf("no %q in %s", text, path)
	}
	b[offset] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return offset
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want error
		out  string
	}{
		{nil, cli.ErrUsage, "Usage: hpkv-admin SUBCOMMAND"},
		{[]string{"--help"}, nil, "restore"},
		{[]string{"nonsense"}, cli.ErrUsage, `no subcommand "nonsense"`},
		{[]string{"check"}, cli.ErrUsage, "1 argument needed, 0 given"},
		{[]string{"check", "--loudly", "x"}, cli.ErrUsage, "loudly"},
		{[]string{"repair", "x"}, cli.ErrUsage, "one of --cut and --skip is needed"},
		{[]string{"repair", "--cut", "x", "--skip"}, cli.ErrUsage, "one of --cut and --skip is needed"},
		{[]string{"restore", "x", "y", "--to-seq", "1", "--to-time", "2025-11-30"}, cli.ErrUsage, "exclude"},
		{[]string{"restore", "x", "y", "--to-time", "soon"}, cli.ErrUsage, "no time of the form"},
	} {
		out, errOut, err := admin(c.args...)
		if !errors.Is(err, c.want) || !strings.Contains(out+errOut, c.out) {
			t.Errorf("%q: %v\n%s%s", c.args, err, out, errOut)
		}
	}
	for _, c := range program.Commands {
		_, errOut, err := admin(c.Name, "--help")
		if !errors.Is(err, flag.ErrHelp) || !strings.Contains(errOut, "Usage: hpkv-admin "+c.Name+" ") {
			t.Errorf("%s --help: %v\n%s", c.Name, err, errOut)
		}
		if _, _, err := admin(append([]string{c.Name, filepath.Join(t.TempDir(), "none")}, map[string][]string{
			"repair": {"--cut"}, "backup": {t.TempDir()}, "restore": {t.TempDir()},
		}[c.Name]...)...); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s of nothing: %v", c.Name, err)
		}
	}
}
