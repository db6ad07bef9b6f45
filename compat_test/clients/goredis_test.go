package clients_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	compat "hpkv/compat_test"
)

func TestGoRedis(t *testing.T) {
	s := compat.StartOurs(t)
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			opt, err := redis.ParseURL(fmt.Sprintf("redis://%s/3?protocol=%d&client_name=smoke", s.Addr, proto))
			must(t, err)
			c := patient(opt)
			defer c.Close()
			equal(t, "PONG")(c.Ping(ctx).Result())
			equal(t, "smoke")(c.ClientGetName(ctx).Result())
			must(t, c.FlushAll(ctx).Err())
			goRedisStrings(ctx, t, c)
			goRedisExpiry(ctx, t, c)
			goRedisTransactions(ctx, t, c)
			goRedisScan(ctx, t, c)
			goRedisErrors(ctx, t, c)
			other := patient(&redis.Options{Addr: s.Addr, Protocol: proto})
			defer other.Close()
			equal(t, int64(0))(other.DBSize(ctx).Result())
		})
	}
}

func goRedisStrings(ctx context.Context, t *testing.T, c *redis.Client) {
	equal(t, "OK")(c.Set(ctx, "k", "v", 0).Result())
	equal(t, "v")(c.Get(ctx, "k").Result())
	equal(t, false)(c.SetNX(ctx, "k", "w", 0).Result())
	equal(t, int64(2))(c.Append(ctx, "k", "w").Result())
	equal(t, int64(7))(c.IncrBy(ctx, "n", 7).Result())
	equal(t, 7.5)(c.IncrByFloat(ctx, "n", 0.5).Result())
	equal(t, "OK")(c.MSet(ctx, "a", "1", "b", "2").Result())
	equal(t, []any{"1", nil, "2"})(c.MGet(ctx, "a", "nokey", "b").Result())
	equal(t, "1")(c.GetDel(ctx, "a").Result())
	equal(t, []int64{0, 200})(c.BitField(ctx, "bf", "SET", "u8", "0", "200", "GET", "u8", "0").Result())
	equal(t, int64(3))(c.BitCount(ctx, "bf", nil).Result())
	binary := strings.Repeat("\x00\r\n\xff", 5000)
	must(t, c.Set(ctx, "binary", binary, 0).Err())
	equal(t, binary)(c.Get(ctx, "binary").Result())
	cmds, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 500 {
			p.Incr(ctx, "counter")
			p.Set(ctx, fmt.Sprint("p", i), i, 0)
		}
		p.Get(ctx, "nokey")
		return nil
	})
	if !errors.Is(err, redis.Nil) || len(cmds) != 1001 {
		t.Fatalf("pipeline: %d replies, %v", len(cmds), err)
	}
	equal(t, int64(500))(cmds[998].(*redis.IntCmd).Result())
}

func goRedisExpiry(ctx context.Context, t *testing.T, c *redis.Client) {
	must(t, c.Set(ctx, "e", "v", 100*time.Second).Err())
	if ttl := c.TTL(ctx, "e").Val(); ttl < time.Second || ttl > 100*time.Second {
		t.Fatalf("TTL %v", ttl)
	}
	equal(t, true)(c.Persist(ctx, "e").Result())
	equal(t, time.Duration(-1))(c.TTL(ctx, "e").Result())
	equal(t, time.Duration(-2))(c.TTL(ctx, "nokey").Result())
	equal(t, true)(c.ExpireNX(ctx, "e", time.Hour).Result())
	equal(t, false)(c.ExpireGT(ctx, "e", time.Minute).Result())
	equal(t, "v")(c.GetEx(ctx, "e", 20*time.Millisecond).Result())
	for deadline := time.Now().Add(time.Minute); c.Exists(ctx, "e").Val() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the key does not expire")
		}
	}
}

func goRedisTransactions(ctx context.Context, t *testing.T, c *redis.Client) {
	must(t, c.Set(ctx, "tx", "0", 0).Err())
	// Eight writers increment by reading and writing under WATCH: no update
	// may be lost.
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for done := 0; done < 25; {
				err := c.Watch(ctx, func(tx *redis.Tx) error {
					n, err := tx.Get(ctx, "tx").Int()
					if err != nil {
						return err
					}
					_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
						p.Set(ctx, "tx", n+1, 0)
						return nil
					})
					return err
				}, "tx")
				switch {
				case err == nil:
					done++
				case !errors.Is(err, redis.TxFailedErr):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	equal(t, "200")(c.Get(ctx, "tx").Result())
}

func goRedisScan(ctx context.Context, t *testing.T, c *redis.Client) {
	must(t, c.FlushDB(ctx).Err())
	for i := range 1000 {
		must(t, c.Set(ctx, fmt.Sprintf("scan:%d", i), i, 0).Err())
	}
	seen := map[string]bool{}
	it := c.Scan(ctx, 0, "scan:*", 50).Iterator()
	for it.Next(ctx) {
		seen[it.Val()] = true
	}
	must(t, it.Err())
	if len(seen) != 1000 {
		t.Fatalf("SCAN returned %d of 1000 keys", len(seen))
	}
}

func goRedisErrors(ctx context.Context, t *testing.T, c *redis.Client) {
	if err := c.Get(ctx, "nokey").Err(); !errors.Is(err, redis.Nil) {
		t.Fatalf("missing key: %v", err)
	}
	must(t, c.Set(ctx, "s", "abc", 0).Err())
	if err := c.Incr(ctx, "s").Err(); err == nil || err.Error() != "ERR value is not an integer or out of range" {
		t.Fatalf("INCR of text: %v", err)
	}
	if err := c.Do(ctx, "NOSUCH", "x").Err(); err == nil || !strings.HasPrefix(err.Error(), "ERR unknown command 'NOSUCH'") {
		t.Fatalf("unknown command: %v", err)
	}
	equal(t, "PONG")(c.Ping(ctx).Result())
}

// TestGoRedisReconnects restarts the server under a client that goes on using
// its pool.
func TestGoRedisReconnects(t *testing.T) {
	s := compat.StartOurs(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := patient(&redis.Options{Addr: s.Addr, MaxRetries: 10})
	defer c.Close()
	must(t, c.Set(ctx, "k", "v", 0).Err())
	must(t, s.Restart())
	equal(t, "PONG")(c.Ping(ctx).Result())
	must(t, c.Set(ctx, "k", "w", 0).Err())
	equal(t, "w")(c.Get(ctx, "k").Result())
}

func TestGoRedisPassword(t *testing.T) {
	s := compat.StartOurs(t, "--requirepass", "s3cret")
	ctx := t.Context()
	for _, proto := range []int{2, 3} {
		f := func(user, pass string) error {
			c := patient(&redis.Options{Addr: s.Addr, Username: user, Password: pass, Protocol: proto})
			defer c.Close()
			return c.Ping(ctx).Err()
		}
		must(t, f("", "s3cret"))
		must(t, f("default", "s3cret"))
		if err := f("", "wrong"); err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
			t.Errorf("RESP%d, wrong password: %v", proto, err)
		}
		if err := f("", ""); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
			t.Errorf("RESP%d, no password: %v", proto, err)
		}
	}
}
