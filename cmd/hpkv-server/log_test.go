package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"hpkv/server/config"
)

func parse(t *testing.T, args ...string) *config.Config {
	t.Helper()
	cl, err := config.ParseArgs(args, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	return cl.Config
}

// TestSyslog: the system's log gets what the other one gets, with facility,
// severity and name.
func TestSyslog(t *testing.T) {
	dir, err := os.MkdirTemp("", "hpkv") // short, for the socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "log")
	system, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer system.Close()

	var own bytes.Buffer
	out, err := withSyslog(&own, parse(t, "--syslog-enabled", "yes", "--syslog-ident", "cache", "--syslog-facility", "local3"), "unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	log := zerolog.New(out)
	const local3 = 19
	for _, c := range []struct {
		write    func() *zerolog.Event
		severity int
	}{{log.Error, 3}, {log.Warn, 4}, {log.Info, 6}} {
		own.Reset()
		c.write().Msg("hello")
		if !strings.Contains(own.String(), `"message":"hello"`) {
			t.Errorf("our own log has %q", own.String())
		}
		system.SetReadDeadline(time.Now().Add(time.Minute))
		buf := make([]byte, 1024)
		n, _, err := system.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		got := string(buf[:n])
		if want := fmt.Sprintf("<%d>", local3*8+c.severity); !strings.HasPrefix(got, want) ||
			!strings.Contains(got, fmt.Sprintf(" cache[%d]: ", os.Getpid())) || !strings.Contains(got, `"message":"hello"`) {
			t.Errorf("the system's log has %q, not %s of cache", got, want)
		}
	}
}

// TestNoSyslog: without the setting nothing is sent, and a system's log that is
// not there does not silence ours.
func TestNoSyslog(t *testing.T) {
	var own bytes.Buffer
	nowhere := filepath.Join(t.TempDir(), "nothing")
	if out, err := withSyslog(&own, parse(t), "unixgram", nowhere); out != &own || err != nil {
		t.Errorf("not asked for: %v, %v", out, err)
	}
	if out, err := withSyslog(&own, parse(t, "--syslog-enabled", "yes"), "unixgram", nowhere); out != &own || err == nil {
		t.Errorf("not there: %v, %v", out, err)
	}
}
