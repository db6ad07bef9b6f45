package config

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"hpkv/engine"
)

func set(c *Config, args ...string) string {
	return setAs(c, false, args...)
}

func setAs(c *Config, local bool, args ...string) string {
	list := make([][]byte, len(args))
	for i, a := range args {
		list[i] = []byte(a)
	}
	if err := c.Set(list, local); err != nil {
		return err.Error()
	}
	return "OK"
}

func get(c *Config, patterns ...string) string {
	list := make([][]byte, len(patterns))
	for i, p := range patterns {
		list[i] = []byte(p)
	}
	var out []string
	c.Get(list, func(name, value string) { out = append(out, name+"="+value) })
	return strings.Join(out, "; ")
}

// The texts are those of redis-server 7.0.15; TestSetAsRedis compares more of them.
func TestSetErrors(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		c := New()
		before := get(c, "*")
		if got := set(c, args...); got != want {
			t.Errorf("CONFIG SET %q:\n got %s\nwant %s", args, got, want)
		}
		if after := get(c, "*"); after != before {
			t.Errorf("CONFIG SET %q failed, but changed settings", args)
		}
	}
	related := func(name, reason string) string {
		return "ERR CONFIG SET failed (possibly related to argument '" + name + "') - " + reason
	}
	f("ERR syntax error")
	f("ERR syntax error", "a", "b", "c")
	f("ERR Unknown option or number of arguments for CONFIG SET - 'Nope'", "Nope", "1")
	f("ERR Unknown option or number of arguments for CONFIG SET - 'nope'", "maxclients", "100", "nope", "1")
	f(related("DATABASES", "can't set immutable config"), "DATABASES", "5")
	f(related("databases", "can't set immutable config"), "timeout", "5", "databases", "5", "nope", "1")
	f(related("dir", "can't set protected config"), "maxmemory", "100kb", "dir", "/")
	f(related("timeout", "duplicate parameter"), "timeout", "1", "timeout", "2")
	f(related("timeout", "argument couldn't be parsed into an integer"), "TIMEOUT", "x")
	f(related("lua-time-limit", "argument must be between 0 and 9223372036854775807 inclusive"), "lua-time-limit", "-4")
	f(related("port", "argument must be between 0 and 65535 inclusive"), "timeout", "7", "port", "99999")
	f(related("port", "can't be changed while the server runs"), "timeout", "7", "port", "1")
	f(related("loglevel", "can't be changed while the server runs"), "loglevel", "debug")
	f(related("cluster-link-sendbuf-limit", "argument must be a memory value"), "cluster-link-sendbuf-limit", "1.5gb")
	f(related("min-slaves-to-write", "replication is not available yet: writes would not be held back as the setting asks"), "min-slaves-to-write", "1")
}

func TestSetAndGet(t *testing.T) {
	f := func(name, value, want string) {
		t.Helper()
		c := New()
		if got := set(c, name, value); got != "OK" {
			t.Errorf("CONFIG SET %s %q: %s", name, value, got)
		}
		if got := get(c, name); got != name+"="+want {
			t.Errorf("CONFIG SET %s %q, then GET: %s, want %s", name, value, got, want)
		}
	}
	f("maxmemory", "1gb", "1073741824")
	f("maxmemory", "1G", "1000000000")
	f("maxmemory", "", "0")
	f("maxmemory-clients", "5%", "5%")
	f("maxmemory-clients", "1mb", "1048576")
	f("appendonly", "YES", "yes")
	f("maxmemory-policy", "AllKeys-LRU", "allkeys-lru")
	f("oom-score-adj", "yes", "yes")
	f("oom-score-adj", "relative", "yes")
	f("hz", "100000", "500")
	f("hz", "0", "1")
	f("save", "100 10 60 1000", "100 10 60 1000")
	f("save", "", "")
	f("latency-tracking-info-percentiles", "50 99.990", "50 99.99")
	f("latency-tracking-info-percentiles", "", "")
	f("client-output-buffer-limit", "replica 1b 1k 5 NORMAL 1kb 1mb 3", "normal 1024 1048576 3 slave 1 1000 5 pubsub 33554432 8388608 60")
	f("client-output-buffer-limit", "", "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60")
	f("notify-keyspace-events", "Kg$", "g$K")
	f("notify-keyspace-events", "KEAmn", "AKEm")
	f("shutdown-on-sigterm", "nosave now force", "nosave now force")
	f("shutdown-on-sigterm", "default now", "now")
	f("min-replicas-to-write", "0", "0")
	f("port", "6379", "6379")
}

func TestTypedValues(t *testing.T) {
	c := New()
	if got := set(c, "maxclients", "7", "maxmemory-policy", "volatile-ttl", "requirepass", "s3cret", "protected-mode", "no",
		"client-output-buffer-limit", "pubsub 3 2 1", "save", "5 6", "notify-keyspace-events", "Kx"); got != "OK" {
		t.Fatal(got)
	}
	if c.MaxClients.Load() != 7 || c.MaxMemoryPolicy.Load() != VolatileTTL || c.RequirePass.Load() != "s3cret" || c.ProtectedMode.Load() {
		t.Error("fields do not hold what was set")
	}
	if l := c.ClientOutputBufferLimit.Load(ClassPubsub); l != (BufferLimit{Hard: 3, Soft: 2, SoftSeconds: 1}) {
		t.Errorf("pubsub limit %+v", l)
	}
	if got := c.Save.Load(); !slices.Equal(got, []SavePoint{{5, 6}}) {
		t.Errorf("save %v", got)
	}
	if got := c.NotifyKeyspaceEvents.Load(); got != EventKeyspace|Event(engine.ClassExpired) {
		t.Errorf("events %b", got)
	}
	if n := testing.AllocsPerRun(100, func() {
		_ = c.MaxClients.Load()
		_ = c.RequirePass.Load()
		_ = c.ClientOutputBufferLimit.Load(ClassNormal)
		_ = c.Save.Load()
		_ = c.MaxMemoryPolicy.Load()
	}); n != 0 {
		t.Errorf("loads allocate %v times", n)
	}
}

func TestGetPatterns(t *testing.T) {
	c := New()
	f := func(want string, patterns ...string) {
		t.Helper()
		if got := get(c, patterns...); got != want {
			t.Errorf("CONFIG GET %q: %s, want %s", patterns, got, want)
		}
	}
	f("PORT=6379", "PORT")
	f("port=6379", "p?rt", "port", "PORT", "nothing")
	f("lua-time-limit=5000", "lua-*")
	f("busy-reply-threshold=5000; lua-time-limit=5000", "lua-*", "busy*")
	f("", "watchdog*")
	f("watchdog-period=0", "watchdog-period")
	f("")
	f("hash-max-listpack-value=64; hash-max-ziplist-value=64", "HASH-*-VALUE")
	if all := get(c, "*"); strings.Contains(all, "watchdog") || !strings.Contains(all, "slaveof=;") {
		t.Error("CONFIG GET * lists hidden settings, or leaves aliases out")
	}
}

func TestAlias(t *testing.T) {
	c := New()
	if got := set(c, "replica-priority", "5", "slave-priority", "7"); got != "OK" {
		t.Fatal(got)
	}
	if got := get(c, "*-priority"); got != "replica-priority=7; slave-priority=7" {
		t.Error(got)
	}
	// A failure behind both restores the value before both.
	if got := set(c, "replica-priority", "8", "slave-priority", "9", "timeout", "x"); got == "OK" {
		t.Fatal(got)
	}
	if got := get(c, "slave-priority"); got != "slave-priority=7" {
		t.Error(got)
	}
}

func TestHooks(t *testing.T) {
	c := New()
	var calls []string
	hook := func(name string, fail error) {
		c.OnChange(name, func() error {
			calls = append(calls, get1(c, name))
			return fail
		})
	}
	hook("timeout", nil)
	hook("loglevel", nil)
	if got := set(c, "timeout", "5", "loglevel", "notice"); got != "OK" {
		t.Fatal(got)
	}
	if !slices.Equal(calls, []string{"timeout 5"}) {
		t.Errorf("after a change and a repetition: %q", calls)
	}
	calls = nil
	hook("notify-keyspace-events", nil)
	if set(c, "notify-keyspace-events", "AKE"); set(c, "notify-keyspace-events", "AKEn") != "OK" || len(calls) != 2 {
		t.Errorf("a change that CONFIG GET does not show: %q", calls)
	}
	calls = nil
	hook("hz", errors.New("no such luck"))
	want := "ERR CONFIG SET failed (possibly related to argument 'hz') - no such luck"
	if got := set(c, "timeout", "6", "hz", "7", "maxmemory", "8"); got != want {
		t.Errorf("got %s", got)
	}
	if !slices.Equal(calls, []string{"timeout 6", "hz 7", "timeout 5", "hz 10"}) {
		t.Errorf("hooks around a failure: %q", calls)
	}
	if got := get(c, "timeout", "hz", "maxmemory"); got != "hz=10; maxmemory=0; timeout=5" {
		t.Error("not restored: " + got)
	}
}

// get1 reads from inside a hook, where the lock is held.
func get1(c *Config, name string) string {
	e, _, _ := table().find(name)
	return name + " " + c.format(e.row)
}

func TestProtected(t *testing.T) {
	f := func(allow string, local, want bool) {
		t.Helper()
		cl, err := ParseArgs([]string{"--enable-protected-configs", allow}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := setAs(cl.Config, local, "dbfilename", "x.rdb") == "OK"; got != want {
			t.Errorf("%s, local %v: allowed %v", allow, local, got)
		}
	}
	f("no", true, false)
	f("yes", false, true)
	f("local", false, false)
	f("local", true, true)
}

// Readers load while Set changes; run with -race.
func TestConcurrentReaders(t *testing.T) {
	c := New()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 500 {
				if n := c.MaxClients.Load(); n != 10000 && n != 5 {
					t.Errorf("maxclients %d", n)
				}
				_ = c.RequirePass.Load()
				_ = c.ClientOutputBufferLimit.Load(ClassPubsub)
			}
		})
	}
	group.Go(func() {
		for range 100 {
			set(c, "maxclients", "5", "requirepass", "x", "client-output-buffer-limit", "pubsub 1 1 1")
			set(c, "maxclients", "10000", "requirepass", "", "timeout", "oops")
		}
	})
	group.Wait()
}
