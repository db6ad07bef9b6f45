package compat_test

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	compat "hpkv/compat_test"
)

const (
	idleConnections = 10_000
	// idleLimitBytes is what an idle connection may cost the process; what the
	// kernel keeps for it is not part of the resident set.
	idleLimitBytes = 2048
)

// TestIdleConnections opens many connections, lets each work a little, and
// measures what they cost once they are idle.
func TestIdleConnections(t *testing.T) {
	compat.NeedOurs(t)
	forEachDriver(t, func(t *testing.T, options []string) {
		n := idleConnections
		// A goroutine's stack alone exceeds the limit, which is the event
		// loop's: on the other driver a few connections show the figure.
		measured := len(options) < 2 || options[1] != "goroutine"
		if !measured {
			n /= 10
		}
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		// Each connection takes a descriptor here and one in the server, which
		// inherits the same limit.
		if limit.Cur < uint64(n)+500 {
			n = int(limit.Cur) - 500
		}
		s := compat.StartOurs(t, append(options, "--maxclients", strconv.Itoa(n+100))...)
		// A round of load first, so that what the process needs once is not
		// counted as the connections' cost.
		value := strings.Repeat("v", 4000)
		warm := make([]*compat.Conn, 200)
		for i := range warm {
			warm[i] = dial(t, s)
			work(t, warm[i], value)
		}
		for _, c := range warm {
			c.Close()
		}
		admin := dial(t, s)
		awaitClients(t, admin, 1)
		before := settledRSS(t, s, 0)

		for i := range n {
			work(t, dial(t, s), value)
			if i == n/2 {
				do(t, admin, "+PONG", "PING")
			}
		}
		awaitClients(t, admin, n+1)
		enough := int64(math.MaxInt64)
		if measured {
			enough = before + int64(n)*idleLimitBytes
		}
		after := settledRSS(t, s, enough)
		each := float64(after-before) / float64(n)
		t.Logf("%d idle connections: RSS %d KiB before, %d KiB after, %.0f bytes each", n, before>>10, after>>10, each)
		if few := n < idleConnections/2; measured && each > idleLimitBytes && !few { // else other things weigh more
			t.Errorf("an idle connection costs %.0f bytes, more than %d", each, idleLimitBytes)
		}
	})
}

// work makes a connection use its buffers in both directions.
func work(t *testing.T, c *compat.Conn, value string) {
	t.Helper()
	do(t, c, "+OK", "SET", "k", value)
	do(t, c, fmt.Sprintf("$%d\r\n%s", len(value), value), "GET", "k")
}

// settledRSS waits until the resident set is no larger than enough, or for a while
// in which the server may give memory back, and returns the lowest seen. With
// enough 0 that is some seconds. It counts looks, as nothing is given back while the
// machine stands still.
func settledRSS(t *testing.T, s *compat.Server, enough int64) int64 {
	t.Helper()
	lowest := rss(t, s)
	looks := 600
	if enough == 0 {
		looks = 30
	}
	for ; looks > 0 && lowest > enough; looks-- {
		time.Sleep(100 * time.Millisecond)
		lowest = min(lowest, rss(t, s))
	}
	return lowest
}

// rss reads the resident set of the server process in bytes.
func rss(t *testing.T, s *compat.Server) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID))
	if err != nil {
		t.Skipf("no /proc here: %v", err)
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		t.Fatal("no VmRSS")
	}
	kb, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
