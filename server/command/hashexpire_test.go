package command

import (
	"fmt"
	"testing"
	"time"

	"hpkv/engine"
)

// The reference has no fields that expire: texts and numbers are those that the
// documentation of 7.4 gives.
func TestHashExpireCommands(t *testing.T) {
	clock := engine.NewManualClock(1_700_000_000_000)
	r := newRig(t, engine.Options{Clock: clock})
	f := func(line, want string) {
		t.Helper()
		if got := string(r.run(commandLine(t, line))); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	f("hexpire nokey 10 fields 2 a b", "*2\r\n:-2\r\n:-2\r\n")
	f("hset h a 1 b 2 c 3 d 4", ":4\r\n")
	f("hexpire h 10 fields 3 a b x", "*3\r\n:1\r\n:1\r\n:-2\r\n")
	f("object encoding h", "$10\r\nlistpackex\r\n")
	f("httl h fields 3 a c x", "*3\r\n:10\r\n:-1\r\n:-2\r\n")
	f("hpttl h fields 1 a", "*1\r\n:10000\r\n")
	f("hexpiretime h fields 1 a", "*1\r\n:1700000010\r\n")
	f("hpexpiretime h fields 1 a", "*1\r\n:1700000010000\r\n")
	f("hexpire h 20 nx fields 2 a c", "*2\r\n:0\r\n:1\r\n")
	f("hexpire h 30 xx fields 2 a d", "*2\r\n:1\r\n:0\r\n")
	f("hexpire h 20 gt fields 2 a d", "*2\r\n:0\r\n:0\r\n")
	f("hexpire h 20 lt fields 2 a d", "*2\r\n:1\r\n:1\r\n")
	f("hpersist h fields 3 d x b", "*3\r\n:1\r\n:-2\r\n:1\r\n")
	f("hpersist h fields 1 b", "*1\r\n:-1\r\n")
	f("hset h a 5", ":0\r\n")
	f("httl h fields 1 a", "*1\r\n:-1\r\n") // HSET drops the expiry
	f("hexpire h 10 fields 1 a", "*1\r\n:1\r\n")
	f("hincrby h a 1", ":6\r\n")
	f("httl h fields 1 a", "*1\r\n:10\r\n") // HINCRBY keeps it
	f("hexpire h 0 fields 1 d", "*1\r\n:2\r\n")
	f("hlen h", ":3\r\n")
	clock.Advance(10 * time.Second)
	f("hget h a", "$-1\r\n")
	f("hlen h", ":2\r\n")
	f("hpexpireat h 1 fields 2 b c", "*2\r\n:2\r\n:2\r\n")
	f("exists h", ":0\r\n")

	f("set s v", "+OK\r\n")
	f("hexpire s 1 fields 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n")
	f("httl s fields 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n")
	f("hset h a 1", ":1\r\n")
	f("hexpire h x fields 1 a", "-ERR value is not an integer or out of range\r\n")
	f("hexpire h -1 fields 1 a", "-ERR invalid expire time, must be >= 0\r\n")
	f("hexpire h 9223372036854775807 fields 1 a", "-ERR invalid expire time in 'hexpire' command\r\n")
	f("hexpire h 1 foo 1 a b", "-ERR Mandatory argument FIELDS is missing or not at the right position\r\n")
	f("hexpire h 1 fields 0 a", "-ERR Parameter `numFields` should be greater than 0\r\n")
	f("hexpire h 1 fields 2 a", "-ERR The `numfields` parameter must match the number of arguments\r\n")
	f("hexpire h 1 fields 1", "-ERR wrong number of arguments for 'hexpire' command\r\n")
}

// Fields go by themselves when their time has come, and with the last one the
// key.
func TestHashFieldsGoByThemselves(t *testing.T) {
	clock := engine.NewManualClock(1_700_000_000_000)
	r := newRig(t, engine.Options{Clock: clock})
	keeper := r.e.NewLane()
	defer keeper.Close()
	for i := range 500 {
		r.do(fmt.Sprintf("hset h%d a 1 b 2", i))
		r.do(fmt.Sprintf("hexpire h%d %d fields 1 a", i, 1+i%5))
		if i%2 == 0 {
			r.do(fmt.Sprintf("hexpire h%d %d fields 1 b", i, 6))
		}
	}
	maintain := func() {
		for home := range r.e.Homes() {
			for r.e.Maintain(keeper, home, time.Second) == 0 {
			}
		}
	}
	clock.Advance(5 * time.Second)
	maintain()
	// HLEN would remove them by itself: ask the memory first.
	if got := r.e.Stats().Databases[0].Keys; got != 500 {
		t.Fatalf("%d keys, want 500", got)
	}
	for i := range 500 {
		if got := r.do(fmt.Sprintf("hlen h%d", i)); got.Int != 1 {
			t.Fatalf("h%d has %v fields", i, got)
		}
	}
	clock.Advance(time.Second)
	maintain()
	if got := r.e.Stats().Databases[0].Keys; got != 250 {
		t.Errorf("%d keys, want 250", got)
	}
}
