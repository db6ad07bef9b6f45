package clients_test

import (
	"testing"

	compat "hpkv/compat_test"
)

// TestSessions runs a web application with express-session and connect-redis,
// whose sessions outlive a restart of the server.
func TestSessions(t *testing.T) {
	setUpNode(t)
	s := compat.StartOurs(t, "--appendonly", "yes")
	runNode(t, "sessions.mjs", s)
}
