package server

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hpkv/engine"
	"hpkv/resp"
	"hpkv/server/command"
)

// countingRows is TEST.COUNT i, which counts its executions in counts[i].
func countingRows(counts []int64) []command.Row {
	return []command.Row{{Name: "test.count", Arity: 2, Flags: command.Fast, Run: func(ctx *command.Ctx) {
		i, _ := strconv.Atoi(string(ctx.Args[1]))
		atomic.AddInt64(&counts[i], 1)
		ctx.W.OK()
	}}}
}

// deferringRows is TEST.WAIT name: it says on started that it runs, waits for
// release and answers its argument; and TEST.PANIC, and TEST.PANICLOCKED key,
// which panics while it holds a shard.
func deferringRows(started chan string, release chan struct{}) []command.Row {
	return []command.Row{
		{Name: "test.wait", Arity: 2, Run: func(ctx *command.Ctx) {
			ctx.Defer(func(ctx *command.Ctx) {
				started <- string(ctx.Args[1])
				<-release
				ctx.W.Bulk(ctx.Args[1])
			})
		}},
		// TEST.HOLD key key does so with the keys' shards locked.
		{Name: "test.hold", Arity: 3, Flags: command.ReadOnly, Keys: []command.KeySpec{{Flags: command.KeyRO, Pos: 1, Last: 1, Step: 1}}, Run: func(ctx *command.Ctx) {
			ctx.Defer(func(ctx *command.Ctx) {
				started <- "hold"
				<-release
			})
		}},
		// TEST.SET key says that it is about to write.
		{Name: "test.set", Arity: 2, Flags: command.Write, Keys: []command.KeySpec{{Flags: command.KeyOW, Pos: 1, Step: 1}}, Run: func(ctx *command.Ctx) {
			started <- "set"
			_, _ = ctx.Txn.Set(ctx.Args[1], nil, engine.SetOptions{})
			ctx.W.OK()
		}},
		{Name: "test.panic", Arity: 1, Run: func(ctx *command.Ctx) {
			ctx.W.BulkString("half a reply")
			panic("test")
		}},
		{Name: "test.deferpanic", Arity: 1, Run: func(ctx *command.Ctx) {
			ctx.Defer(func(*command.Ctx) { panic("test") })
		}},
		{Name: "test.paniclocked", Arity: 2, Run: func(ctx *command.Ctx) {
			ctx.Txn.LockKeys(ctx.Args, 1, 1, 1)
			panic("test")
		}},
	}
}

// A deferred command holds back its own client's later commands, and nobody
// else's.
func TestDeferredOrder(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		started, release := make(chan string), make(chan struct{})
		in := start(t, setup{driver: driver, rows: deferringRows(started, release)})
		w, other := in.dial(), in.dial()
		w.send("PING\r\nTEST.WAIT one\r\nECHO two\r\nTEST.WAIT three\r\nECHO four\r\n*2\r\n$4\r\nEC")
		w.expect("+PONG\r\n")
		if got := <-started; got != "one" {
			t.Fatalf("%q runs", got)
		}
		w.send("HO\r\n$4\r\nfive\r\nECHO six\r\n")
		other.do("PING", "+PONG\r\n")
		other.send("CLIENT LIST\r\n")
		if list := other.bulk(); !strings.Contains(list, " flags=b ") {
			t.Errorf("no client is shown as blocked:\n%s", list)
		}
		release <- struct{}{}
		w.expect("$3\r\none\r\n$3\r\ntwo\r\n")
		if got := <-started; got != "three" {
			t.Fatalf("%q runs", got)
		}
		release <- struct{}{}
		w.expect("$5\r\nthree\r\n$4\r\nfour\r\n$4\r\nfive\r\n$3\r\nsix\r\n")

		// Inside EXEC it runs in place.
		w.send("MULTI\r\nTEST.WAIT a\r\nECHO b\r\nEXEC\r\nECHO c\r\n")
		<-started
		release <- struct{}{}
		w.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n")

		// Its client may vanish meanwhile.
		w.send("TEST.WAIT gone\r\n")
		<-started
		other.send("CLIENT KILL TYPE normal\r\n")
		other.expect(":1\r\n")
		w.expectEnd()
		release <- struct{}{}
		other.do("PING", "+PONG\r\n")
		in.eventually("it is forgotten", func() bool { return in.clients.count.Load() == 1 })
	})
}

// Shutdown waits for a deferred command and delivers its reply.
func TestShutdownWaitsForDeferred(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		started, release := make(chan string), make(chan struct{})
		in := start(t, setup{driver: driver, rows: deferringRows(started, release)})
		w := in.dial()
		w.send("TEST.WAIT one\r\nECHO more\r\n")
		<-started
		stopped := make(chan struct{})
		go func() { in.stop(); close(stopped) }()
		<-in.stopping
		release <- struct{}{}
		w.expect("$3\r\none\r\n")
		// The connection may have gone on before the server got to it.
		if rest, _ := io.ReadAll(w); len(rest) > 0 && string(rest) != "$4\r\nmore\r\n" {
			t.Errorf("%q behind the reply", rest)
		}
		<-stopped
	})
}

// Shutdown does not wait for ever: neither for a command nor for those that
// wait for what it has locked, clients or the server's own. It says what it left behind.
func TestShutdownAbandons(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		started, release := make(chan string), make(chan struct{})
		clock := engine.NewManualClock(1_700_000_000_000)
		in := start(t, setup{driver: driver, rows: deferringRows(started, release), clock: clock,
			settings: []string{"--shutdown-timeout", "0"}, fails: "abandoned"})
		w, other := in.dial(), in.dial()
		w.send("TEST.HOLD a b\r\n")
		<-started
		other.send("TEST.SET a\r\n")
		<-started
		clock.Advance(time.Minute) // time for a look at every shard
		stacks := make([]byte, 1<<20)
		in.eventually("cron waits as well", func() bool {
			return bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("(*Server).engineStats"))
		})
		in.stop()
		if log := in.log.String(); !strings.Contains(log, `"command":"test.hold"`) || !strings.Contains(log, "abandoned") {
			t.Errorf("the log does not say what was abandoned:\n%s", log)
		}
		close(release)
		if left := in.deferred.wait(t.Context()); left != nil {
			t.Errorf("%d commands still run", len(left))
		}
	})
}

func TestKill(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		me, other := in.dial(), in.dial()
		me.do("PING", "+PONG\r\n")
		other.do("PING", "+PONG\r\n")
		me.do("CLIENT KILL 1.2.3.4:5", "-ERR No such client\r\n")
		me.do("CLIENT KILL ID 12345", ":0\r\n")
		me.do("CLIENT KILL ID 0", "-ERR client-id should be greater than 0\r\n")
		me.do("CLIENT KILL ADDR "+other.LocalAddr().String()+" SKIPME no", ":1\r\n")
		other.expectEnd()
		third := in.dial()
		third.do("PING", "+PONG\r\n")
		me.do("CLIENT KILL "+third.LocalAddr().String(), "+OK\r\n")
		third.expectEnd()
		me.send("CLIENT KILL ADDR %s SKIPME no\r\nPING\r\n", me.LocalAddr())
		me.expect(":1\r\n") // and nothing after it
		me.expectEnd()

		// One that does not read its replies.
		deaf, killer := in.dial(), in.dial()
		deaf.send("%s", cmdline("SET", "big", strings.Repeat("v", 1<<20)))
		deaf.expect("+OK\r\n")
		deaf.send("%s", strings.Repeat("GET big\r\n", 30))
		in.eventually("there is a backlog", func() bool { return in.backlogged.Load() == 1 })
		killer.do("CLIENT KILL LADDR "+in.addr, ":1\r\n")
		in.eventually("it is forgotten", func() bool { return in.clients.count.Load() == 1 && in.backlogged.Load() == 0 })
	})
}

func TestPanic(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver, rows: deferringRows(nil, nil)})
		w := in.dial()
		w.send("ECHO a\r\nTEST.PANIC\r\nECHO b\r\nTEST.DEFERPANIC\r\nECHO c\r\n")
		w.expect("$1\r\na\r\n" +
			"-ERR internal error in command 'test.panic'; the server's log has the details\r\n$1\r\nb\r\n" +
			"-ERR internal error in command 'test.deferpanic'; the server's log has the details\r\n$1\r\nc\r\n")
		w.do("SET k v", "+OK\r\n")
		w.do("GET k", "$1\r\nv\r\n")
		if !strings.Contains(in.log.String(), `"command":"test.panic"`) || !strings.Contains(in.log.String(), "deferringRows") {
			t.Errorf("the log lacks the command or the stack:\n%s", in.log)
		}
	})
}

// A panic while the engine is locked ends the process: nobody knows what the
// data looks like.
func TestPanicInsideTheEngine(t *testing.T) {
	b := newBench(t, deferringRows(nil, nil)...)
	b.exit = func(code int) { panic(exited(code)) }
	defer func() {
		b.x.ctx.Txn.End()
		if got := recover(); got != exited(2) {
			t.Errorf("recovered %v, want exit code 2", got)
		}
	}()
	b.run("TEST.PANICLOCKED k\r\n")
	t.Error("the server went on")
}

type exited int

func TestReplyModes(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		w := in.dial()
		w.send("CLIENT REPLY SKIP\r\nECHO a\r\nECHO b\r\n")
		w.expect("$1\r\nb\r\n")
		w.send("CLIENT REPLY OFF\r\nECHO a\r\nNOSUCH\r\nCLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\nECHO b\r\n")
		w.expect("+OK\r\n$1\r\nb\r\n")
	})
}

func TestTransactions(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		w, other := in.dial(), in.dial()
		w.do("EXEC", "-ERR EXEC without MULTI\r\n")
		w.do("DISCARD", "-ERR DISCARD without MULTI\r\n")
		w.send("MULTI\r\nMULTI\r\nWATCH a\r\nSET a 1\r\nINCR a\r\nSELECT 1\r\nSET a one\r\nSELECT 0\r\nGET a\r\nDBSIZE\r\nEXEC\r\n")
		w.expect("+OK\r\n-ERR MULTI calls can not be nested\r\n-ERR WATCH inside MULTI is not allowed\r\n" +
			strings.Repeat("+QUEUED\r\n", 7) + "*7\r\n+OK\r\n:2\r\n+OK\r\n+OK\r\n+OK\r\n$1\r\n2\r\n:1\r\n")
		w.send("MULTI\r\nSET a 5\r\nGET\r\nEXEC\r\nGET a\r\n")
		w.expect("+OK\r\n+QUEUED\r\n-ERR wrong number of arguments for 'get' command\r\n-" + resp.ErrExecAbort + "\r\n$1\r\n2\r\n")
		w.send("MULTI\r\nSET a 5\r\nDISCARD\r\nGET a\r\n")
		w.expect("+OK\r\n+QUEUED\r\n+OK\r\n$1\r\n2\r\n")

		f := func(change string, want string) {
			t.Helper()
			w.send("WATCH a b a\r\n")
			w.expect("+OK\r\n")
			other.send("%s\r\n", change)
			other.line()
			w.send("MULTI\r\nINCR n\r\nEXEC\r\n")
			w.expect("+OK\r\n+QUEUED\r\n" + want + "\r\n")
		}
		f("SET c 1", "*1\r\n:1")
		f("SET a 1", "*-1")
		f("DEL a", "*-1")
		f("SET b x", "*-1")
		f("FLUSHALL", "*-1")
		f("PING", "*1\r\n:1")
		w.send("WATCH a\r\n")
		w.expect("+OK\r\n")
		other.do("SET a 3", "+OK\r\n")
		w.send("UNWATCH\r\nMULTI\r\nUNWATCH\r\nGET a\r\nEXEC\r\n")
		w.expect("+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n$1\r\n3\r\n")
		w.send("WATCH a\r\nMULTI\r\nUNWATCH\r\nSET a 4\r\nEXEC\r\n")
		w.expect("+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n")
	})
}

// Transactions on overlapping keys from many connections: the sum that each
// preserves is preserved by all.
func TestTransactionsAreAtomic(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		const keys, conns, each = 8, 6, 150
		done := make(chan error, conns)
		for i := range conns {
			w := in.dial()
			go func() {
				for n := range each {
					from, to := (i+n)%keys, (i*3+n*5+1)%keys
					fmt.Fprintf(w, "MULTI\r\nDECR k%d\r\nINCR k%d\r\nMGET k0 k1 k2 k3 k4 k5 k6 k7\r\nEXEC\r\n", from, to)
				}
				fmt.Fprint(w, "PING\r\n")
				sum, lines := 0, 0
				for {
					line := w.line()
					if line == "+PONG" {
						break
					}
					if strings.HasPrefix(line, "*8") {
						sum, lines = 0, 8
					} else if lines > 0 && !strings.HasPrefix(line, "$") {
						v, err := strconv.Atoi(line)
						if err != nil {
							done <- err
							return
						}
						sum += v
						if lines--; lines == 0 && sum != 0 {
							done <- fmt.Errorf("a transaction saw the sum %d", sum)
							return
						}
					} else if line == "$-1" {
						lines--
					}
				}
				done <- nil
			}()
		}
		for range conns {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAuthentication(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver, settings: []string{"--requirepass", "secret"}})
		w := in.dial()
		w.send("PING\r\nNOSUCH\r\nGET\r\nHELLO 3\r\n")
		w.expect("-NOAUTH Authentication required.\r\n-ERR unknown command 'NOSUCH', with args beginning with: \r\n" +
			"-ERR wrong number of arguments for 'get' command\r\n-" + resp.ErrHelloNoAuth + "\r\n")
		w.do("AUTH wrong", "-"+resp.ErrWrongPass+"\r\n")
		w.do("AUTH somebody secret", "-"+resp.ErrWrongPass+"\r\n")
		w.send("%s%s", cmdline("AUTH", "secret"), cmdline("ECHO", strings.Repeat("x", 20000)))
		w.expect("+OK\r\n$20000\r\n" + strings.Repeat("x", 20000) + "\r\n")
		w.send("RESET\r\nPING\r\n%s", cmdline(strings.Fields("HELLO 3 AUTH default secret SETNAME me")...))
		w.expect("+RESET\r\n-NOAUTH Authentication required.\r\n%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n" +
			"$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n")
		w.do("GET nothing", "_\r\n")
		w.do("CLIENT GETNAME", "$2\r\nme\r\n")
		stranger := in.dial()
		stranger.send("*11\r\n")
		stranger.expect("-ERR Protocol error: unauthenticated multibulk length\r\n")
		stranger.expectEnd()
	})
}

func TestClientInfo(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		w, other := in.dial(), in.dial()
		w.do("CLIENT ID", ":1\r\n")
		other.do("CLIENT ID", ":2\r\n")
		w.do("CLIENT SETNAME worker-1", "+OK\r\n")
		w.do("CLIENT SETINFO lib-name redis-py", "+OK\r\n")
		w.do("CLIENT SETINFO LIB-VER 5.0", "+OK\r\n")
		w.do("CLIENT SETINFO foo bar", "-ERR Unrecognized option 'foo'\r\n")
		w.send("%s", cmdline("CLIENT", "SETNAME", "a b"))
		w.expect("-" + resp.ErrClientName + "\r\n")
		w.do("SELECT 3", "+OK\r\n")
		w.do("CLIENT NO-EVICT on", "+OK\r\n")
		other.send("MULTI\r\nSET a b\r\nWATCH x\r\n")
		other.expect("+OK\r\n+QUEUED\r\n-ERR WATCH inside MULTI is not allowed\r\n")
		line := regexp.MustCompile(`^id=1 addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ fd=\d+ name=worker-1 age=\d+ idle=\d+ flags=e db=3 sub=0 psub=0 ssub=0 multi=-1 ` +
			`qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=\d+ events=r cmd=client\|info user=default redir=-1 resp=2 lib-name=redis-py lib-ver=5\.0\n$`)
		w.send("CLIENT INFO\r\n")
		if got := w.bulk(); !line.MatchString(got) {
			t.Errorf("CLIENT INFO: %s", got)
		}
		w.send("CLIENT LIST\r\nCLIENT LIST ID 2 77\r\nCLIENT LIST TYPE pubsub\r\nCLIENT LIST TYPE x\r\n")
		if got := strings.Split(w.bulk(), "\n"); len(got) != 3 || !strings.HasPrefix(got[0], "id=1 ") {
			t.Errorf("CLIENT LIST: %q", got)
		}
		if got := w.bulk(); !strings.HasPrefix(got, "id=2 ") || !strings.Contains(got, " flags=x db=0 ") || !strings.Contains(got, " multi=1 ") || !strings.Contains(got, " cmd=watch ") {
			t.Errorf("CLIENT LIST ID 2: %s", got)
		}
		if got := w.bulk(); got != "" {
			t.Errorf("CLIENT LIST TYPE pubsub: %q", got)
		}
		w.expect("-ERR Unknown client type 'x'\r\n")
	})
}

func TestInfo(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		w := in.dial()
		w.do("SET a 1", "+OK\r\n")
		w.do("GET a", "$1\r\n1\r\n")
		w.do("GET b", "$-1\r\n")
		w.do("NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: \r\n")
		w.send("INFO\r\nINFO stats CLIENTS\r\nINFO nosuch\r\nINFO everything\r\n")
		all := w.bulk()
		for _, want := range []string{"# Server\r\nredis_version:7.2.4\r\n", "\r\n\r\n# Clients\r\nconnected_clients:1\r\n", "\r\nloading:0\r\n", "\r\nrole:master\r\n",
			"\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n", "\r\ntotal_error_replies:1\r\n", "\r\nkeyspace_hits:1\r\nkeyspace_misses:1\r\n", "\r\ntotal_commands_processed:3\r\n"} {
			if !strings.Contains(all, want) {
				t.Errorf("INFO lacks %q:\n%s", want, all)
			}
		}
		if got := w.bulk(); !strings.HasPrefix(got, "# Clients\r\n") || !strings.Contains(got, "\r\n\r\n# Stats\r\n") || strings.Count(got, "# ") != 2 {
			t.Errorf("INFO stats CLIENTS: %s", got)
		}
		if got := w.bulk(); got != "" {
			t.Errorf("INFO nosuch: %s", got)
		}
		if got := w.bulk(); !strings.Contains(got, "# Workers") {
			t.Errorf("INFO everything: %s", got)
		}
		w.do("CONFIG RESETSTAT", "+OK\r\n")
		w.send("INFO stats\r\n")
		if got := w.bulk(); !strings.Contains(got, "\r\ntotal_error_replies:0\r\n") {
			t.Errorf("after CONFIG RESETSTAT: %s", got)
		}
	})
}

func TestShutdownCommand(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver})
		w := in.dial()
		w.do("SHUTDOWN NOW LATER", "-ERR syntax error\r\n")
		w.do("SHUTDOWN ABORT", "-ERR No shutdown in progress.\r\n")
		w.send("PING\r\nSHUTDOWN NOSAVE\r\nPING\r\n")
		w.expect("+PONG\r\n")
		w.expectEnd()
		in.stop()
	})
}
