package config

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func TestArgs(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		cl, err := ParseArgs(args, strings.NewReader("timeout 33\nmaxclients 34"))
		if err != nil {
			t.Errorf("%q: %v", args, err)
			return
		}
		if got := get(cl.Config, "port", "bind", "save", "timeout", "maxclients"); got != want {
			t.Errorf("%q: %s, want %s", args, got, want)
		}
	}
	const (
		bind    = "bind=* -::*; "
		clients = "maxclients=10000; "
		save    = "save=3600 1 300 100 60 10000; "
	)
	f(bind + clients + "port=6379; " + save + "timeout=0")
	f(bind+clients+"port=7; "+save+"timeout=0", "--port", "7")
	f(bind+clients+"port=7; "+save+"timeout=0", "--PORT", "7")
	f(bind+clients+"port=7; "+save+"timeout=0", "--port 7")
	f(bind+clients+"port=7; "+save+"timeout=0", "--port=7")
	f(bind+clients+"port=8; "+save+"timeout=0", "--port", "7", "--port=8")
	f("bind=a b c; "+clients+"port=6379; "+save+"timeout=1", "--bind", "a", "b", "c", "--timeout", "1")
	f("bind=a -::1; "+clients+"port=6379; "+save+"timeout=0", "--bind", "a", "-::1")
	f("bind=--a b; "+clients+"port=6379; "+save+"timeout=1", "--bind", "--a", "b", "--timeout", "1")
	f("bind=; "+clients+"port=6379; "+save+"timeout=0", "--bind")
	f(bind+clients+"port=6379; save=; timeout=0", "--save", "")
	f(bind+clients+"port=6379; save=; timeout=0", "--save")
	f(bind+clients+"port=7; save=; timeout=0", "--save", "--port", "7")
	f(bind+clients+"port=6379; save=; timeout=0", "--save", "1", "2", "--save", "")
	f(bind+clients+"port=6379; save=1 2 3 4; timeout=0", "--save", "1", "2", "--save", "3 4")
	f(bind+clients+"port=6379; save=1 2 3 4; timeout=0", "--save 1 2", "3", "4")
	f("bind=a ::1; "+clients+"port=6379; "+save+"timeout=0", "--bind", "a ::1")
	f("bind=a ::1; "+clients+"port=6379; "+save+"timeout=0", "--bind=a ::1")
	f(bind+"maxclients=34; port=6379; "+save+"timeout=33", "-")
	f(bind+"maxclients=34; port=6379; "+save+"timeout=5", "-", "--timeout", "5")
	f(bind+"maxclients=34; port=6379; "+save+"timeout=5", "--timeout", "5", "-")
	f(bind+clients+"port=6379; "+save+"timeout=0", "--")
}

func TestArgsErrors(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		_, err := ParseArgs(args, strings.NewReader("\nport x"))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", args, err, want)
		}
	}
	f("unknown option --nope", "--nope")
	f("unknown option --nope", "--nope", "1")
	f("unknown option --nope=1", "--nope=1")
	f("option --port: wrong number of arguments", "--port")
	f("option --port 1 2: wrong number of arguments", "--port", "1", "2")
	f("option --port --bind a: wrong number of arguments", "--port", "--bind", "a")
	f("option --port 99999: argument must be between 0 and 65535 inclusive", "--port", "99999")
	f("option --port abc: argument couldn't be parsed into an integer", "--port", "abc")
	f("option --save 1: Invalid save parameters", "--save", "1")
	f("option --requirepass: wrong number of arguments", "--requirepass", "top", "secret")
	f("option --shards 3: argument must be a power of two, or 0", "--shards", "3")
	f("argument -x belongs to no option; options begin with --", "-x")
	f("option --test-memory: this server has no memory test; use memtest86+ or memtester", "--test-memory", "4096")
	f("option --check-system: this server has no system check; see --topology for what it found", "--check-system")
	f("option --sentinel: Sentinel mode is not available", "--sentinel")
	f("standard input:2: port x: argument couldn't be parsed into an integer", "-")
	f(`option --"x: unbalanced quotes`, `--"x`)
	f(`option --save 1 2 3 4: Invalid save parameters`, "--save", "1 2", "3 4")
	f(`option --bind 'a: unbalanced quotes`, "--bind", "'a")
	f(`cannot read configuration file "": no such file or directory`, "--include", "")

	_, err := ParseArgs([]string{"-"}, iotest.ErrReader(errors.New("broken")))
	if err == nil || err.Error() != "standard input: broken" {
		t.Errorf("broken input: %v", err)
	}
}

func TestActions(t *testing.T) {
	f := func(want Action, args ...string) {
		t.Helper()
		cl, err := ParseArgs(args, nil)
		if err != nil || cl.Action != want {
			t.Errorf("%q: %v, %v", args, cl.Action, err)
		}
	}
	f(Run)
	f(ShowHelp, "-h")
	f(ShowHelp, "--help")
	f(ShowHelp, "--port", "1", "--help")
	f(ShowVersion, "-v")
	f(ShowVersion, "--version")
	f(ShowTopology, "--topology")
	f(ShowTopology, "--workers", "4", "--topology", "--pin", "no")
}

// Errors are of one line and of our type; nothing panics.
func FuzzArgs(f *testing.F) {
	for _, seed := range []string{"--port\x007", "--save\x00--port\x001", "-", "--bind\x00a\x00-\x00b\x00-", "--\x00-h", "--port=1\x00--port 2", "--\"a", "--dir\x00/"} {
		f.Add(seed, "timeout 1\nnope")
	}
	f.Fuzz(func(t *testing.T, joined, stdin string) {
		args := strings.Split(joined, "\x00")
		if all := strings.ToLower(joined + stdin); args[0] != "" && args[0][0] != '-' || strings.Contains(all, "include") {
			t.Skip() // would read files of this machine
		}
		cl, err := ParseArgs(args, strings.NewReader(stdin))
		if err == nil {
			if cl.Config == nil {
				t.Error("no error and no settings")
			}
			return
		}
		if e := (*Error)(nil); !errors.As(err, &e) || e.Text == "" {
			t.Errorf("%q: error %#v", args, err)
		}
		if strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("%q: error of several lines: %q", args, err)
		}
	})
}
