package compat_test

import (
	"strings"
	"testing"

	compat "hpkv/compat_test"
)

// TestLargeValuesLeaveNothing: what large commands and replies have taken goes back
// to the system when they are over, although nothing else happens then.
func TestLargeValuesLeaveNothing(t *testing.T) {
	forEachDriver(t, func(t *testing.T, options []string) {
		s := compat.StartOurs(t, options...)
		c := dial(t, s)
		do(t, c, "+OK", "SET", "k", "v")
		before := settledRSS(t, s, 0)
		const size = 64 << 20
		for _, command := range []string{"SET", "SADD"} {
			reply := map[string]string{"SET": "+OK", "SADD": ":1"}[command]
			do(t, c, reply, command, "big", strings.Repeat("v", size))
			if command == "SET" {
				if raw, err := c.Do("GET", "big"); err != nil || len(raw) < size {
					t.Fatalf("%d bytes, %v", len(raw), err)
				}
			}
			do(t, c, ":1", "DEL", "big")
			if after := settledRSS(t, s, before+size/4); after > before+size/4 {
				t.Errorf("%s: RSS was %d MiB before and is %d after", command, before>>20, after>>20)
			}
		}
	})
}
