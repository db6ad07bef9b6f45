package compat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	compat "hpkv/compat_test"
)

// TestCrashWhileTurned kills the server while a client turns the log off and on. What
// was acknowledged while the log was whole is there afterwards, whatever became of the
// log since; a log that is turned on counts when its first compaction has ended.
func TestCrashWhileTurned(t *testing.T) {
	compat.NeedOurs(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := compat.StartOurs(t, logOf("log", "always")...)
	c := dial(t, s)
	const ballast = 2000 // keys: what a compaction has to do
	for i := range ballast {
		if got := ask(t, c, "SET", fmt.Sprint("ballast:", i), strings.Repeat("b", 500)); got != "+OK" {
			t.Fatal(got)
		}
	}
	n, safe, turns := 0, 0, 0
	for range 12 {
		killed := make(chan error, 1)
		time.AfterFunc(time.Duration(r.IntN(150))*time.Millisecond, func() { killed <- s.Signal(syscall.SIGKILL) })
		whole := true // nobody has asked for the log to end
		step := func(line ...string) (reply string, alive bool) {
			raw, err := c.Do(line...)
			return string(raw), err == nil
		}
		for alive, ok := true, false; alive; {
			var reply string
			switch r.IntN(30) {
			case 0: // its end may take effect, whether or not it is acknowledged
				whole = false
				_, alive = step("CONFIG", "SET", "appendonly", "no")
				turns++
			case 1:
				if reply, alive = step("CONFIG", "SET", "appendonly", "yes"); alive && reply != "+OK\r\n" {
					t.Fatal(reply)
				}
			case 2:
				if reply, alive = step("INFO", "persistence"); alive && !whole {
					whole = strings.Contains(reply, "aof_enabled:1\r\n") && strings.Contains(reply, "aof_rewrite_in_progress:0\r\n") &&
						strings.Contains(reply, "aof_last_bgrewrite_status:ok\r\n")
				}
			default:
				n++
				reply, alive = step("SET", "n", strconv.Itoa(n))
				if ok = alive && reply == "+OK\r\n"; ok && whole {
					safe = n
				}
			}
		}
		if err := <-killed; err != nil {
			t.Fatal(err)
		}
		<-s.Exited()
		if err := s.Restart(); err != nil {
			t.Fatal(err)
		}
		c = dial(t, s)
		_, text, _ := strings.Cut(ask(t, c, "GET", "n"), "\r\n")
		got, _ := strconv.Atoi(text)
		if got < safe || got > n {
			t.Fatalf("n is %d; %d was acknowledged by a whole log, %d is the last that was sent", got, safe, n)
		}
		safe = got
		if got := ask(t, c, "DBSIZE"); got != fmt.Sprint(":", ballast+1) && (got != fmt.Sprint(":", ballast) || safe > 0) {
			t.Fatalf("%d keys of ballast, DBSIZE gives %s", ballast, got)
		}
	}
	t.Logf("%d changes, the log turned off %d times", n, turns)
}

// TestSameStateAfterKill: a kill and a shutdown leave the same keys with the same
// expiries, and what had expired, whether or not it had been removed, stays so.
func TestSameStateAfterKill(t *testing.T) {
	compat.NeedOurs(t)
	s := compat.StartOurs(t, append(smallForms, logOf("log", "always")...)...)
	c := dial(t, s)
	soon := time.Now().Add(200 * time.Millisecond).UnixMilli()
	later := time.Now().Add(time.Hour).UnixMilli()
	for i := range 200 {
		id := strconv.Itoa(i)
		at := []int64{soon, later, later + int64(i)}[i%3]
		ask(t, c, "SET", "s"+id, id, "PXAT", strconv.FormatInt(at, 10))
		ask(t, c, "RPUSH", "l"+id, id, id, id)
		ask(t, c, "PEXPIREAT", "l"+id, strconv.FormatInt(at, 10))
		ask(t, c, "HSET", "h"+id, "f", id)
		ask(t, c, "ZADD", "z"+strconv.Itoa(i%7), id, id)
		ask(t, c, "PERSIST", "s"+strconv.Itoa(i/2))
		if i%5 == 0 {
			ask(t, c, "DEL", "h"+id)
		}
	}
	for i := 0; i < 200; i += 3 {
		await(t, c, func(reply string) bool { return reply == ":0" }, "EXISTS", "l"+strconv.Itoa(i))
	}
	want := dump(t, c)
	if n := strings.Count(want, "\n"); n < 350 {
		t.Fatalf("only %d keys", n)
	}
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL} {
		if err := s.Signal(sig); err != nil {
			t.Fatal(err)
		}
		<-s.Exited()
		if err := s.Restart(); err != nil {
			t.Fatal(err)
		}
		if got := dump(t, dial(t, s)); got != want {
			t.Fatalf("after %v:\n%s\nbefore:\n%s", sig, got, want)
		}
	}
}

// dump is every key with its expiry and its value, in order.
func dump(t *testing.T, c *compat.Conn) string {
	t.Helper()
	reply, err := c.Node("KEYS", "*")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, key := range reply.Elems {
		line := key.Text + " " + ask(t, c, "PEXPIRETIME", key.Text)
		switch key.Text[0] {
		case 's':
			line += ask(t, c, "GET", key.Text)
		case 'l':
			line += ask(t, c, "LRANGE", key.Text, "0", "-1")
		case 'h':
			line += ask(t, c, "HGETALL", key.Text)
		case 'z':
			line += ask(t, c, "ZRANGE", key.Text, "0", "-1", "WITHSCORES")
		}
		lines = append(lines, strings.ReplaceAll(line, "\r\n", " "))
	}
	slices.Sort(lines)
	return "\n" + strings.Join(lines, "\n") + "\n"
}
