package command

import (
	"fmt"
	"testing"

	"hpkv/engine"
)

// The hot commands allocate nothing on a warm connection.
func TestHotCommandsDoNotAllocate(t *testing.T) {
	r := newRig(t, engine.Options{})
	r.do("set k some-value")
	r.do("set v some-value ex 1000")
	r.do("set n 100")
	r.do("hset h f1 v f2 12345")
	r.do("sadd s a b 12345")
	r.do("sadd i 1 2 3")
	for i := range 2000 {
		r.do(fmt.Sprintf("hset bigh f%d v%d", i, i))
		r.do(fmt.Sprintf("sadd bigs m%d", i))
		r.do(fmt.Sprintf("sadd bigt m%d", 2*i))
	}
	r.do("zadd z 1 a 2 b 3 c")
	for i := range 2000 {
		r.do(fmt.Sprintf("zadd bigz %d m%d", i, i))
	}
	f := func(line string) {
		t.Helper()
		args := commandLine(t, line)
		r.run(args)
		if n := testing.AllocsPerRun(200, func() { r.run(args) }); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
	f("get k")
	f("GET nosuch")
	f("set k another-val")
	f("set k another-val EX 100 KEEPTTL") // refused: errors are cheap as well
	f("set v another-val EX 100")
	f("set k another-val GET")
	f("incr n")
	f("incrby n 5")
	f("exists k")
	f("exists k n v")
	f("ttl k")
	f("pttl v")
	f("expire v 100")
	f("mget k n v nosuch")
	f("mset k some-value n 5")
	f("strlen k")
	f("append k \"\"")
	f("getrange k 0 3")
	f("getbit k 5")
	f("setbit k 5 1")
	f("setbit k 5 0")
	f("bitcount k")
	f("bitfield_ro k")
	f("type k")
	f("touch k n")
	f("ping")
	f("echo x")
	f("del nosuch")
	f("dbsize")
	f("object encoding k")
	f("hset h f1 other")
	f("hset h f1 a f2 2")
	f("hset bigh f77 v78")
	f("hset bigh f77 a-longer-value-than-it-had")
	f("hget h f1")
	f("hget h f2")
	f("hget bigh f99")
	f("hmget bigh f1 f2 nosuch")
	f("hincrby h f2 1")
	f("hexists h f1")
	f("hlen h")
	f("hdel h nosuch")
	f("hgetall h")
	f("hgetall bigh")
	f("sadd s a")
	f("sadd i 2")
	f("sadd bigs m5")
	f("srem bigs nosuch")
	f("sismember s a")
	f("sismember i 2")
	f("sismember bigs m77")
	f("smismember bigs m77 x")
	f("scard bigs")
	f("srandmember bigs")
	f("smembers s")
	f("smembers bigs")
	f("sinter bigs bigt")
	f("sunion s i")
	f("zadd z 5 a")
	f("zadd bigz 700.5 m700")
	f("zadd bigz CH GT 5 m700")
	f("zincrby bigz 1 m800")
	f("zscore z a")
	f("zscore bigz m77")
	f("zrank bigz m77")
	f("zcard bigz")
	f("zcount bigz 10 200")
	f("zrange bigz 10 50")
	f("zrangebyscore bigz 10 200 withscores limit 0 100")
	f("zpopmin nosuch")
}

func BenchmarkGet(b *testing.B)  { benchmarkLine(b, "get k") }
func BenchmarkSet(b *testing.B)  { benchmarkLine(b, "set k some-value-16b") }
func BenchmarkIncr(b *testing.B) { benchmarkLine(b, "incr n") }
func BenchmarkPing(b *testing.B) { benchmarkLine(b, "ping") }

func benchmarkLine(b *testing.B, line string) {
	r := newRig(b, engine.Options{})
	r.do("set k some-value-16b")
	args := commandLine(b, line)
	b.ReportAllocs()
	for b.Loop() {
		r.run(args)
	}
}
