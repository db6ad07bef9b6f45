package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hpkv/resp"
)

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
