package clients_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	compat "hpkv/compat_test"
)

// TestGoRedisSubscribe: messages by channel and pattern, and keyspace events,
// arrive in order at a library that keeps its subscriptions on a connection of
// their own.
func TestGoRedisSubscribe(t *testing.T) {
	s := compat.StartOurs(t, "--notify-keyspace-events", "Eg$")
	eachProto(t, s, func(ctx context.Context, t *testing.T, c *redis.Client) {
		sub := c.Subscribe(ctx, "news")
		defer sub.Close()
		must(t, sub.PSubscribe(ctx, "n?ws.*", "__keyevent@0__:*"))
		must(t, sub.SSubscribe(ctx, "shard"))
		for range 4 {
			_, err := sub.Receive(ctx)
			must(t, err)
		}
		must(t, sub.Ping(ctx, "still there"))
		pong, err := sub.Receive(ctx)
		must(t, err)
		equal(t, "Pong<still there>")(fmt.Sprint(pong), nil)
		const messages = 300
		go func() {
			for i := range messages {
				c.Publish(ctx, "news", i)
			}
			c.Publish(ctx, "news.last", "end")
			c.Set(ctx, "k", "v", 0)
			c.Del(ctx, "k")
		}()
		want := func(channel, pattern, payload string) {
			t.Helper()
			m, err := sub.ReceiveMessage(ctx)
			must(t, err)
			equal(t, [3]string{channel, pattern, payload})([3]string{m.Channel, m.Pattern, m.Payload}, nil)
		}
		for i := range messages {
			want("news", "", fmt.Sprint(i))
		}
		want("news.last", "n?ws.*", "end")
		want("__keyevent@0__:set", "__keyevent@0__:*", "k")
		want("__keyevent@0__:del", "__keyevent@0__:*", "k")
		must(t, c.SPublish(ctx, "shard", "bye").Err()) // of another connection: in no order with the events
		want("shard", "", "bye")
		equal(t, map[string]int64{"news": 1})(c.PubSubNumSub(ctx, "news").Result())
		must(t, sub.Unsubscribe(ctx))
		_, err = sub.Receive(ctx)
		must(t, err)
		equal(t, int64(0))(c.Publish(ctx, "news", "nobody").Result())
	})
}

func TestNodeSubscribe(t *testing.T) {
	setUpNode(t)
	s := compat.StartOurs(t)
	runNode(t, "subscribe.mjs", s)
}
