package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hpkv/engine"
	"hpkv/resp"
)

// info returns the value of one field of INFO.
func (w *wire) info(field string) string {
	w.t.Helper()
	w.send("INFO everything\r\n")
	for line := range strings.Lines(w.bulk()) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	w.t.Fatalf("INFO has no %s", field)
	return ""
}

// Above maxmemory what may add data is refused, what cannot goes on, and once
// enough was deleted all goes on.
func TestMaxMemory(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver, settings: []string{"--maxmemory", "8mb"}})
		w, multi := in.dial(), in.dial()
		if got := w.info("maxmemory") + " " + w.info("maxmemory_human") + " " + w.info("maxmemory_policy"); got != "8388608 8.00M noeviction" {
			t.Errorf("INFO: %s", got)
		}
		oom := "-" + resp.ErrOOM + "\r\n"
		multi.do("MULTI", "+OK\r\n")
		multi.do("SET queued 1", "+QUEUED\r\n")
		value, stored := strings.Repeat("v", 10_000), 0
		for reply := "+OK"; reply == "+OK"; stored++ {
			if stored == 2000 {
				t.Fatal("20 MB fit in 8")
			}
			w.send("%s", cmdline("SET", fmt.Sprintf("k%d", stored), value))
			if reply = w.line(); reply != "+OK" && reply+"\r\n" != oom {
				t.Fatal(reply)
			}
		}
		if stored < 400 {
			t.Errorf("only %d values of 10 kB fit in 8 MB", stored)
		}
		w.do("CONFIG SET maxmemory 6mb", "+OK\r\n") // what the background gives back makes no room now
		w.do("SET a b", oom)
		w.do("MSET a b c d", oom)
		w.do("GET nothing", "$-1\r\n")
		w.do("EXPIRE k0 100", ":1\r\n")
		w.do("PERSIST k0", ":1\r\n")
		w.do("SET k0", "-"+resp.WrongArgs("set")+"\r\n")
		multi.do("EXEC", "-EXECABORT Transaction discarded because of: "+resp.ErrOOM+"\r\n")
		multi.send("MULTI\r\nEXEC\r\nMULTI\r\nPING\r\nMULTI\r\nWATCH a\r\nEXEC\r\nMULTI\r\nGET a\r\nDISCARD\r\n")
		multi.expect("+OK\r\n*0\r\n+OK\r\n" + oom + oom + oom + "-" + resp.ErrExecAbort + "\r\n+OK\r\n" + oom + "+OK\r\n")

		for i := range stored / 2 {
			w.do(fmt.Sprintf("DEL k%d", i), map[bool]string{true: ":1\r\n", false: ":0\r\n"}[i < stored-1])
		}
		in.eventually("writes resume", func() bool {
			w.send("SET a b\r\n")
			return w.line() == "+OK"
		})
		w.do("CONFIG SET maxmemory 1", "+OK\r\n")
		w.do("SET a b", oom)
		w.do("CONFIG SET maxmemory 0", "+OK\r\n")
		w.do("SET a b", "+OK\r\n")
		if got := w.info("maxmemory"); got != "0" {
			t.Errorf("maxmemory:%s", got)
		}
	})
}

// Reads of a client with NO-TOUCH leave no trace; TOUCH always does.
func TestNoTouch(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		clock := engine.NewManualClock(1_700_000_000_000)
		in := start(t, setup{driver: driver, clock: clock})
		w := in.dial()
		w.do("MSET a 1 b 2", "+OK\r\n")
		pass := func() {
			t.Helper()
			clock.Advance(10 * time.Second)
			in.eventually("the engine's stamps follow the clock", func() bool {
				w.send("OBJECT IDLETIME a\r\n")
				return w.line() == ":10"
			})
		}
		pass()
		w.do("CLIENT NO-TOUCH ON", "+OK\r\n")
		for _, read := range []string{"GET a", "STRLEN a", "GETRANGE a 0 0", "EXISTS a", "BITCOUNT a", "MGET a b", "LCS a b"} {
			w.send("%s\r\nMULTI\r\n%s\r\nEXEC\r\nPING\r\n", read, read)
			for w.line() != "+PONG" {
			}
			w.do("OBJECT IDLETIME a", ":10\r\n")
		}
		w.do("TOUCH a", ":1\r\n")
		w.do("OBJECT IDLETIME a", ":0\r\n")
		pass()
		w.send("MULTI\r\nCLIENT NO-TOUCH OFF\r\nCLIENT NO-TOUCH ON\r\nGET a\r\nOBJECT IDLETIME a\r\nCLIENT NO-TOUCH OFF\r\nGET a\r\nOBJECT IDLETIME a\r\nEXEC\r\n")
		w.expect("+OK\r\n" + strings.Repeat("+QUEUED\r\n", 7) + "*7\r\n+OK\r\n+OK\r\n$1\r\n1\r\n:10\r\n+OK\r\n$1\r\n1\r\n:0\r\n")
		pass()
		w.do("GET a", "$1\r\n1\r\n")
		w.do("OBJECT IDLETIME a", ":0\r\n")
	})
}

// CONFIG REWRITE puts the present settings into the file the server was started
// with, which then starts a server with these settings.
func TestConfigRewrite(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		file := filepath.Join(t.TempDir(), "redis.conf")
		if err := os.WriteFile(file, []byte("# mine\ntimeout 10\nmaxmemory 1gb\n"), 0o640); err != nil {
			t.Fatal(err)
		}
		in := start(t, setup{driver: driver, file: file})
		w := in.dial()
		w.do("CONFIG SET timeout 20 slowlog-max-len 77", "+OK\r\n")
		w.send("MULTI\r\nCONFIG REWRITE\r\nEXEC\r\nCONFIG SET timeout 30\r\nCONFIG REWRITE\r\n")
		w.expect("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n+OK\r\n+OK\r\n")
		text, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(text), "# mine\ntimeout 30\nmaxmemory 1gb\n") || !strings.Contains(string(text), "\nslowlog-max-len 77\n") {
			t.Errorf("the file (%v):\n%s", err, text)
		}
		if cfg := parse(t, file); cfg.Timeout.Load() != 30 || cfg.SlowlogMaxLen.Load() != 77 || cfg.MaxMemory.Load() != 1<<30 {
			t.Error("the file does not lead to the settings")
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		w.do("CONFIG REWRITE", "-ERR Rewriting config file: no such file or directory\r\n")
		start(t, setup{driver: driver}).dial().do("CONFIG REWRITE", "-"+resp.ErrNoConfigFile+"\r\n")
	})
}
