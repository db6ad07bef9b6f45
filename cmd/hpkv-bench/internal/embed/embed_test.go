package embed

import (
	"slices"
	"testing"
	"time"

	"hpkv/cmd/hpkv-bench/internal/store"
)

func TestKeysAreTheSameInAnotherOrder(t *testing.T) {
	a, b := newKeys(1000, 1), newKeys(1000, 2)
	inA := map[string]bool{}
	same := 0
	for i := range 1000 {
		key := a.at(i)
		if string(key.Bytes) != key.Text || len(key.Text) != keyBytes {
			t.Fatalf("key %d: %q and %q", i, key.Bytes, key.Text)
		}
		inA[key.Text] = true
		if key.Text == b.at(i).Text {
			same++
		}
	}
	for i := range 1000 {
		if !inA[b.at(i).Text] {
			t.Fatalf("%s is only in one of the orders", b.at(i).Text)
		}
	}
	if len(inA) != 1000 || same > 20 {
		t.Errorf("%d distinct keys, %d in the same place", len(inA), same)
	}
}

// Every store gets through all passes with right answers, and the figures are
// possible: p50 <= p99 <= p99.9, a throughput above zero.
func TestLatencyOfEveryStore(t *testing.T) {
	b := New(Setup{Keys: 2003, ValueBytes: 64, Batch: 16, Seed: 1})
	if c := b.ClockCost(); c < 0 || c > 10*time.Microsecond {
		t.Errorf("a clock reading costs %v", c)
	}
	for _, maker := range store.Makers() {
		figures, err := b.Latency(maker)
		if err != nil {
			t.Errorf("%s: %v", maker.Name, err)
		}
		for _, op := range Ops {
			f, ok := figures[op]
			if !ok || f.OpsPerSec <= 0 || f.P50 > f.P99 || f.P99 > f.P999 {
				t.Errorf("%s, %s: %+v", maker.Name, op, f)
			}
		}
	}
}

// deaf loses writes: it must be found out.
type deaf struct{ store.Store }

func (deaf) Set(store.Key, []byte) {}

func TestWrongAnswersFail(t *testing.T) {
	b := New(Setup{Keys: 100, ValueBytes: 8, Batch: 16, Seed: 1})
	_, err := b.Latency(store.Maker{Name: "deaf", Open: func(n int) (store.Store, error) {
		s, err := store.Makers()[1].Open(n)
		return deaf{s}, err
	}})
	if err == nil {
		t.Error("a store that loses writes got figures")
	}
}

func TestScaling(t *testing.T) {
	b := New(Setup{Keys: 1000, ValueBytes: 64, Batch: 16, Seed: 1})
	scenes := Scenes([]int{1, 2})
	if len(scenes) != 9 {
		t.Fatalf("%d scenes", len(scenes))
	}
	rates, err := b.Scaling(store.Makers()[1], scenes, turns*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if len(rates) != turns {
		t.Fatalf("%d turns, want %d", len(rates), turns)
	}
	for _, turn := range rates {
		for i, scene := range scenes {
			if len(turn[i]) != len(scene.Roles) {
				t.Errorf("%s: %d rates for %d threads", scene.Name, len(turn[i]), len(scene.Roles))
			}
			if slices.Min(turn[i]) <= 0 {
				t.Errorf("%s: rates %v", scene.Name, turn[i])
			}
		}
	}
}
