package clients_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	compat "hpkv/compat_test"
)

func TestRedigo(t *testing.T) {
	s := compat.StartOurs(t)
	pool := &redis.Pool{MaxIdle: 4, DialContext: func(ctx context.Context) (redis.Conn, error) {
		return redis.DialURLContext(ctx, "redis://"+s.Addr+"/2", redis.DialClientName("redigo"),
			redis.DialReadTimeout(time.Minute))
	}}
	defer pool.Close()
	c := pool.Get()
	defer c.Close()

	equal(t, "PONG")(redis.String(c.Do("PING")))
	equal(t, "redigo")(redis.String(c.Do("CLIENT", "GETNAME")))
	equal(t, "OK")(redis.String(c.Do("SET", "k", "v", "EX", 100)))
	equal(t, "v")(redis.String(c.Do("GET", "k")))
	if ttl, err := redis.Int(c.Do("TTL", "k")); err != nil || ttl < 90 || ttl > 100 {
		t.Fatalf("TTL %d, %v", ttl, err)
	}
	if _, err := redis.String(c.Do("GET", "nokey")); !errors.Is(err, redis.ErrNil) {
		t.Fatalf("missing key: %v", err)
	}
	var re redis.Error
	if _, err := c.Do("INCR", "k"); !errors.As(err, &re) || re.Error() != "ERR value is not an integer or out of range" {
		t.Fatalf("INCR of text: %v", err)
	}

	for i := range 1000 {
		must(t, c.Send("SET", fmt.Sprint("p", i), i))
	}
	must(t, c.Flush())
	for range 1000 {
		equal(t, "OK")(redis.String(c.Receive()))
	}

	must(t, c.Send("MULTI"))
	must(t, c.Send("INCR", "n"))
	must(t, c.Send("INCRBY", "n", 10))
	equal(t, []int{1, 11})(redis.Ints(c.Do("EXEC")))

	// A transaction whose watched key another connection changes comes to
	// nothing; tried again it goes through.
	other := pool.Get()
	defer other.Close()
	for round, want := range []error{redis.ErrNil, nil} {
		_, err := c.Do("WATCH", "n")
		must(t, err)
		if round == 0 {
			_, err = other.Do("INCR", "n")
			must(t, err)
		}
		must(t, c.Send("MULTI"))
		must(t, c.Send("SET", "n", "mine"))
		if _, err := redis.Values(c.Do("EXEC")); !errors.Is(err, want) {
			t.Fatalf("round %d: EXEC: %v, want %v", round, err, want)
		}
	}
	equal(t, "mine")(redis.String(other.Do("GET", "n")))

	seen := map[string]bool{}
	for cursor := "0"; ; {
		v, err := redis.Values(c.Do("SCAN", cursor, "MATCH", "p*", "COUNT", 100))
		must(t, err)
		var keys []string
		_, err = redis.Scan(v, &cursor, &keys)
		must(t, err)
		for _, k := range keys {
			seen[k] = true
		}
		if cursor == "0" {
			break
		}
	}
	if len(seen) != 1000 {
		t.Fatalf("SCAN returned %d of 1000 keys", len(seen))
	}
}
