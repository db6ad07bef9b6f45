package clients_test

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	compat "hpkv/compat_test"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := compat.Cleanup(); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// patient has go-redis wait for replies as long as these tests do: what it tries
// again after its usual three seconds, on a machine that stands still for as long,
// may be done twice.
func patient(o *redis.Options) *redis.Client {
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = patience, patience, patience, patience
	return redis.NewClient(o)
}

// eachProto runs a test with go-redis on the empty server, in both protocols.
func eachProto(t *testing.T, s *compat.Server, f func(ctx context.Context, t *testing.T, c *redis.Client)) {
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // only a failing test uses it up
			defer cancel()
			c := patient(&redis.Options{Addr: s.Addr, Protocol: proto, PoolSize: 32})
			defer c.Close()
			must(t, c.FlushAll(ctx).Err())
			f(ctx, t, c)
		})
	}
}

// patience bounds waiting for one reply; only a failing test uses it up.
const patience = 60 * time.Second

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// equal checks a result and its error.
func equal(t *testing.T, want any) func(got any, err error) {
	t.Helper()
	return func(got any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %#v, want %#v", got, want)
		}
	}
}
