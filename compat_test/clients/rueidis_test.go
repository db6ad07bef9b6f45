package clients_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	compat "hpkv/compat_test"
)

// TestRueidis runs without the client's cache: the server has no invalidation
// messages yet.
func TestRueidis(t *testing.T) {
	s := compat.StartOurs(t)
	for _, resp2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("AlwaysRESP2=%v", resp2), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			opt, err := rueidis.ParseURL("redis://" + s.Addr + "/4")
			must(t, err)
			opt.DisableCache = true
			opt.AlwaysRESP2 = resp2
			opt.ClientName = "rueidis"
			opt.Dialer.Timeout, opt.ConnWriteTimeout = patience, patience
			c, err := rueidis.NewClient(opt)
			must(t, err)
			defer c.Close()
			b := c.B

			equal(t, "PONG")(c.Do(ctx, b().Ping().Build()).ToString())
			equal(t, "rueidis")(c.Do(ctx, b().ClientGetname().Build()).ToString())
			must(t, c.Do(ctx, b().Flushdb().Build()).Error())
			equal(t, "OK")(c.Do(ctx, b().Set().Key("k").Value("v").ExSeconds(100).Build()).ToString())
			equal(t, "v")(c.Do(ctx, b().Get().Key("k").Build()).ToString())
			if ttl, err := c.Do(ctx, b().Ttl().Key("k").Build()).AsInt64(); err != nil || ttl < 1 || ttl > 100 {
				t.Fatalf("TTL %d, %v", ttl, err)
			}
			if err := c.Do(ctx, b().Get().Key("nokey").Build()).Error(); !rueidis.IsRedisNil(err) {
				t.Fatalf("missing key: %v", err)
			}
			err = c.Do(ctx, b().Incr().Key("k").Build()).Error()
			if re, ok := rueidis.IsRedisErr(err); !ok || !strings.Contains(re.Error(), "value is not an integer or out of range") {
				t.Fatalf("INCR of text: %v", err)
			}

			var cmds rueidis.Commands
			for i := range 1000 {
				cmds = append(cmds, b().Set().Key(fmt.Sprint("p", i)).Value(fmt.Sprint(i)).Build())
			}
			for _, r := range c.DoMulti(ctx, cmds...) {
				must(t, r.Error())
			}
			vals, err := rueidis.MGet(c, ctx, []string{"p1", "p2", "nokey"})
			must(t, err)
			one, two, none := vals["p1"], vals["p2"], vals["nokey"]
			equal(t, "1")(one.ToString())
			equal(t, "2")(two.ToString())
			if !none.IsNil() {
				t.Fatalf("MGET of a missing key: %v", none)
			}

			// A dedicated connection: a failed and a successful transaction.
			must(t, c.Dedicated(func(d rueidis.DedicatedClient) error {
				for round := range 2 {
					if err := d.Do(ctx, d.B().Watch().Key("n").Build()).Error(); err != nil {
						return err
					}
					if round == 0 {
						if err := c.Do(ctx, b().Incr().Key("n").Build()).Error(); err != nil {
							return err
						}
					}
					rs := d.DoMulti(ctx, d.B().Multi().Build(), d.B().Incrby().Key("n").Increment(10).Build(), d.B().Exec().Build())
					err := rs[2].Error()
					if round == 0 && !rueidis.IsRedisNil(err) || round == 1 && err != nil {
						return fmt.Errorf("round %d: EXEC: %w", round, err)
					}
				}
				return nil
			}))
			equal(t, int64(11))(c.Do(ctx, b().Get().Key("n").Build()).AsInt64())

			seen := map[string]bool{}
			for cursor := uint64(0); ; {
				e, err := c.Do(ctx, b().Scan().Cursor(cursor).Match("p*").Count(100).Build()).AsScanEntry()
				must(t, err)
				for _, k := range e.Elements {
					seen[k] = true
				}
				if cursor = e.Cursor; cursor == 0 {
					break
				}
			}
			if len(seen) != 1000 {
				t.Fatalf("SCAN returned %d of 1000 keys", len(seen))
			}
		})
	}
}
