package main

import "testing"

func TestMoment(t *testing.T) {
	for want, ms := range map[string]int64{"105": 0, "105 of 1970-01-01T00:00:01.500Z": 1500} {
		if got := moment(105, ms); got != want {
			t.Errorf("round 105 at %d: %q, want %q", ms, got, want)
		}
	}
}
