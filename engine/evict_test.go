package engine

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// evictions counts events of one kind.
type evictions struct{ n atomic.Int64 }

func (c *evictions) KeyEvent(_ int, ev Event, _ []byte, _ Commit) {
	if ev == EventEvicted {
		c.n.Add(1)
	}
}

// rig writes to an engine whose memory is short, as a server does.
type rig struct {
	t      *testing.T
	e      *Engine
	l      *Lane
	writes int
}

func (r *rig) set(db int, key string, size int, expireAt int64) error {
	if r.e.Evicting() {
		r.l.Begin(db).Evict()
	}
	if r.writes++; r.writes%64 == 0 {
		for home := range r.e.Homes() {
			r.e.Maintain(r.l, home, time.Millisecond)
		}
	}
	if r.e.Full() {
		return ErrNoMemory
	}
	_, err := r.l.Begin(db).Set([]byte(key), make([]byte, size), SetOptions{ExpireAtMs: expireAt})
	return err
}

func (r *rig) exists(db int, key string) bool {
	_, found, err := r.l.Begin(db).Get(nil, []byte(key), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return found
}

const testLimit = 16 << 20

func newRig(t *testing.T, how Eviction) (*rig, *ManualClock, *evictions) {
	events := new(evictions)
	e, clock := openTest(t, Options{Shards: 4, Databases: 2, MaxMemoryBytes: testLimit, Events: events})
	e.SetEviction(how)
	l := e.NewLane()
	t.Cleanup(l.Close)
	return &rig{t: t, e: e, l: l}, clock, events
}

// Writing five times what fits never fails, and memory stays near the limit.
func TestEvictionPolicies(t *testing.T) {
	for policy := AllKeysLRU; policy <= VolatileTTL; policy++ {
		t.Run(fmt.Sprint(policy), func(t *testing.T) {
			r, clock, events := newRig(t, Eviction{Policy: policy, Samples: 5, LogFactor: 10, DecayMinutes: 1})
			most := int64(0)
			for i := range 150_000 {
				// A tenth of the limit never expires.
				expireAt := clock.NowMs() + 1_000_000 + int64(i)
				if i%50 == 0 {
					expireAt = 0
				}
				if err := r.set(i%2, fmt.Sprint("key:", i), 100+i%300, expireAt); err != nil {
					t.Fatalf("write %d: %v; %d evicted, %d in use, live %d", i, err, r.e.Stats().Evicted, r.e.arena.InUse(), r.e.arena.LiveBytes())
				}
				most = max(most, r.e.arena.InUse())
			}
			st := r.e.Stats()
			if st.Evicted == 0 || int64(st.Evicted) != events.n.Load() {
				t.Errorf("%d keys evicted, %d events", st.Evicted, events.n.Load())
			}
			// Pages are 64 KB, in each shard for each size: that is much of so
			// little memory.
			if most > testLimit*4/3 {
				t.Errorf("memory was %d, the limit is %d", most, testLimit)
			}
			keys := 0
			for _, db := range st.Databases {
				keys += db.Keys
			}
			if keys < 30_000 {
				t.Errorf("only %d keys are left: more was evicted than needed", keys)
			}
			t.Logf("%d keys left, %d evicted, %.2f of the limit at most", keys, st.Evicted, float64(most)/testLimit)
			if policy.volatile() {
				for i := 0; i < 150_000; i += 50 {
					if !r.exists(i%2, fmt.Sprint("key:", i)) {
						t.Fatalf("key %d does not expire and was evicted", i)
					}
				}
			}
			if err := r.e.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// With nothing that may go, writes are refused, and admitted again when there is.
func TestEvictionStarves(t *testing.T) {
	r, clock, _ := newRig(t, Eviction{Policy: VolatileLRU, Samples: 5})
	i := 0
	for ; r.set(0, fmt.Sprint(i), 200, 0) == nil; i++ {
		if i > 1_000_000 {
			t.Fatal("no write was ever refused")
		}
	}
	if !r.e.Full() || r.e.Stats().Evicted != 0 {
		t.Errorf("full %v, %d evicted", r.e.Full(), r.e.Stats().Evicted)
	}
	for k := range i {
		r.l.Begin(0).ExpireAt([]byte(fmt.Sprint(k)), clock.NowMs()+1_000_000, 0)
	}
	if err := r.set(0, "x", 200, 0); err != nil || r.e.Stats().Evicted == 0 {
		t.Errorf("with keys that expire: %v, %d evicted", err, r.e.Stats().Evicted)
	}
}

// Keys in use stay: those read every minute under LRU, those read often under LFU.
func TestEvictionKeepsWhatIsUsed(t *testing.T) {
	for _, policy := range []Policy{AllKeysLRU, AllKeysLFU} {
		r, clock, _ := newRig(t, Eviction{Policy: policy, Samples: 10, LogFactor: 1, DecayMinutes: 10})
		const hot = 1000
		for i := range 200_000 {
			if i%2000 == 0 {
				clock.Advance(10 * time.Second)
			}
			if err := r.set(0, fmt.Sprint("key:", i), 200, 0); err != nil {
				t.Fatal(err)
			}
			if i >= hot {
				r.exists(0, fmt.Sprint("key:", i%hot))
			}
		}
		left := 0
		for i := range hot {
			if r.exists(0, fmt.Sprint("key:", i)) {
				left++
			}
		}
		if r.e.Stats().Evicted == 0 || left < hot*95/100 {
			t.Errorf("policy %d: of %d keys in use %d are left", policy, hot, left)
		}
	}
}

// What is evicted follows a limit that is lowered, without any write.
func TestEvictionInBackground(t *testing.T) {
	r, _, _ := newRig(t, Eviction{Policy: AllKeysRandom, Samples: 1})
	for i := range 40_000 {
		if err := r.set(0, fmt.Sprint(i), 200, 0); err != nil {
			t.Fatal(err)
		}
	}
	r.e.SetMaxMemoryBytes(testLimit / 2)
	for i := 0; r.e.excess() > 0; i++ {
		if i > 10_000 {
			t.Fatalf("%d too much still", r.e.excess())
		}
		for home := range r.e.Homes() {
			r.e.Maintain(r.l, home, time.Millisecond)
		}
	}
	if r.e.Stats().Evicted == 0 {
		t.Error("nothing was evicted")
	}
}

func TestFrequency(t *testing.T) {
	r, clock, _ := newRig(t, Eviction{Policy: AllKeysLFU, Samples: 5, LogFactor: 10, DecayMinutes: 1})
	if err := r.set(0, "k", 10, 0); err != nil {
		t.Fatal(err)
	}
	freq := func() int64 {
		n, ok := r.l.Begin(0).Frequency([]byte("k"))
		if !ok {
			t.Fatal("no key")
		}
		return n
	}
	if n := freq(); n != lfuInit {
		t.Errorf("new: %d", n)
	}
	for range 100_000 {
		r.exists(0, "k")
	}
	often := freq()
	if often < 100 || often > 180 { // about 143 with a factor of 10
		t.Errorf("after 100000 accesses: %d", often)
	}
	clock.Advance(20 * time.Minute)
	r.e.Maintain(r.l, 0, time.Millisecond)
	if n := freq(); n != often-20 {
		t.Errorf("20 minutes later: %d, it was %d", n, often)
	}
	if _, ok := r.l.Begin(0).Frequency([]byte("absent")); ok {
		t.Error("an absent key has a frequency")
	}
}
