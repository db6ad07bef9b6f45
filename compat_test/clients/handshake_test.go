package clients_test

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	compat "hpkv/compat_test"
)

const (
	handshakePassword = "s3cret"
	handshakeName     = "smoke"
	handshakeDB       = 2
)

// handshaken checks what the server knows of a connection whose client was given
// a URL with password and database, and a name. info is its reply to CLIENT INFO.
func handshaken(t *testing.T, info string, proto int) {
	t.Helper()
	fields := map[string]string{}
	for _, f := range strings.Fields(info) {
		k, v, _ := strings.Cut(f, "=")
		fields[k] = v
	}
	if fields["name"] != handshakeName || fields["db"] != fmt.Sprint(handshakeDB) || fields["resp"] != fmt.Sprint(proto) || fields["user"] != "default" {
		t.Errorf("RESP%d: the server sees %s", proto, info)
	}
}

// TestHandshakes connects every client library with a password, a database and
// a name, in both protocols where it speaks both.
func TestHandshakes(t *testing.T) {
	s := compat.StartOurs(t, "--requirepass", handshakePassword)
	url := fmt.Sprintf("redis://default:%s@%s/%d", handshakePassword, s.Addr, handshakeDB)
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("go-redis/RESP%d", proto), func(t *testing.T) {
			o, err := goredis.ParseURL(url)
			must(t, err)
			o.Protocol, o.ClientName = proto, handshakeName
			c := patient(o)
			defer c.Close()
			info, err := c.Do(t.Context(), "CLIENT", "INFO").Text()
			must(t, err)
			handshaken(t, info, proto)
		})
		t.Run(fmt.Sprintf("rueidis/RESP%d", proto), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			o, err := rueidis.ParseURL(url)
			must(t, err)
			o.DisableCache, o.AlwaysRESP2, o.ClientName = true, proto == 2, handshakeName
			c, err := rueidis.NewClient(o)
			must(t, err)
			defer c.Close()
			info, err := c.Do(ctx, c.B().Arbitrary("CLIENT", "INFO").Build()).ToString()
			must(t, err)
			handshaken(t, info, proto)
		})
		t.Run(fmt.Sprintf("node-redis/RESP%d", proto), func(t *testing.T) {
			handshakeScript(t, s, "node", "node", "handshake.mjs", "redis", url, proto)
		})
	}
	t.Run("redigo", func(t *testing.T) {
		c, err := redis.DialURL(url, redis.DialClientName(handshakeName))
		must(t, err)
		defer c.Close()
		info, err := redis.String(c.Do("CLIENT", "INFO"))
		must(t, err)
		handshaken(t, info, 2)
	})
	t.Run("ioredis", func(t *testing.T) { handshakeScript(t, s, "node", "node", "handshake.mjs", "ioredis", url, 2) })
	t.Run("redis-py", func(t *testing.T) { handshakeScript(t, s, python(t), "python", "handshake.py", "redis", url, 2) })
}

// handshakeScript runs a script that prints CLIENT INFO of a connection.
func handshakeScript(t *testing.T, s *compat.Server, program, dir, script, library, url string, proto int) {
	t.Helper()
	if program == "node" {
		setUpNode(t)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, script, library, url, handshakeName, fmt.Sprint(proto))
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		detail := ""
		if exit, ok := err.(*exec.ExitError); ok {
			detail = string(exit.Stderr)
		}
		t.Fatalf("%s: %v\n%s%s", script, err, out, detail)
	}
	handshaken(t, string(out), proto)
}

// python returns an interpreter that has redis-py.
func python(t *testing.T) string {
	for _, path := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(path, "-c", "import redis").Run() == nil {
			return path
		}
	}
	compat.Missing(t, "redis-py is not installed (Debian: apt-get install python3-redis)")
	return ""
}
