package clients_test

import (
	"fmt"
	"testing"

	compat "hpkv/compat_test"
)

// startREST starts a server that speaks HTTP as well, and returns its address
// and an API key.
func startREST(t *testing.T) (s *compat.Server, base, key string) {
	t.Helper()
	setUpNode(t)
	port, err := compat.FreePort()
	must(t, err)
	key = "smoke-test-key"
	s = compat.StartOurs(t, "--rest-port", fmt.Sprint(port), "--rest-api-key", key)
	return s, fmt.Sprintf("http://127.0.0.1:%d", port), key
}

func TestHPKVREST(t *testing.T) {
	s, base, key := startREST(t)
	runNode(t, "rest.mjs", s, base, key)
}

func TestHPKVWebSocket(t *testing.T) {
	s, base, key := startREST(t)
	runNode(t, "websocket.mjs", s, base, key)
}

func TestHPKVZustand(t *testing.T) {
	s, base, key := startREST(t)
	runNode(t, "zustand.mjs", s, base, key)
}

func TestUpstash(t *testing.T) {
	s, base, key := startREST(t)
	runNode(t, "upstash.mjs", s, base, key)
}

func TestOpenAPI(t *testing.T) {
	s, base, key := startREST(t)
	runNode(t, "openapi.mjs", s, base, key)
}
