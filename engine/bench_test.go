package engine

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// benchKeys is the size of the benchmarks' data set.
const benchKeys = 1_000_000

var benchEngine struct {
	sync.Once
	e *Engine
}

// openBench returns an engine with a million random 16-byte keys, each with an
// integer of 16 digits for a value. It is filled once and shared.
func openBench(b *testing.B) (*Engine, *Lane) {
	b.Helper()
	benchEngine.Do(func() {
		e, err := Open(Options{Databases: 1, Clock: SystemClock{}})
		if err != nil {
			b.Fatal(err)
		}
		l := e.NewLane()
		defer l.Close()
		var key []byte
		for i := range uint64(benchKeys) {
			key = key16(key[:0], i)
			if _, err := l.Begin(0).Set(key, []byte("1000000000000000"), SetOptions{}); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		benchEngine.e = e
	})
	l := benchEngine.e.NewLane()
	b.Cleanup(l.Close)
	b.ReportAllocs()
	b.ResetTimer()
	return benchEngine.e, l
}

// sequence is a cheap random sequence of key numbers.
type sequence uint64

func (s *sequence) next() uint64 {
	*s = *s*6364136223846793005 + 1442695040888963407
	return uint64(*s) >> 33 * benchKeys >> 31
}

func BenchmarkGet(b *testing.B) {
	_, l := openBench(b)
	benchGet(b, l, sequence(1), b.N)
}

func benchGet(b *testing.B, l *Lane, seq sequence, n int) {
	key, dst := make([]byte, 0, 16), make([]byte, 0, 64)
	for range n {
		key = key16(key[:0], seq.next())
		var ok bool
		if dst, ok, _ = l.Begin(0).Get(dst[:0], key, nil); !ok {
			b.Fatal("a key is missing")
		}
	}
}

func BenchmarkGetMiss(b *testing.B) {
	_, l := openBench(b)
	seq, key := sequence(1), make([]byte, 0, 16)
	for range b.N {
		key = key16(key[:0], benchKeys+seq.next())
		if _, ok, _ := l.Begin(0).Get(nil, key, nil); ok {
			b.Fatal("a key is there")
		}
	}
}

func BenchmarkExists(b *testing.B) {
	_, l := openBench(b)
	seq, key := sequence(1), make([]byte, 0, 16)
	for range b.N {
		key = key16(key[:0], seq.next())
		if !l.Begin(0).Exists(key) {
			b.Fatal("a key is missing")
		}
	}
}

func BenchmarkSetInPlace(b *testing.B) {
	_, l := openBench(b)
	seq, key, val := sequence(1), make([]byte, 0, 16), []byte("1000000000000001")
	for range b.N {
		key = key16(key[:0], seq.next())
		if _, err := l.Begin(0).Set(key, val, SetOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSetOtherSize moves the record at each write.
func BenchmarkSetOtherSize(b *testing.B) {
	_, l := openBench(b)
	seq, key, val := sequence(1), make([]byte, 0, 16), make([]byte, 64)
	for i := range b.N {
		key = key16(key[:0], seq.next())
		if _, err := l.Begin(0).Set(key, val[:17+i%2*32], SetOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	for i := range uint64(benchKeys) {
		key = key16(key[:0], i)
		_, _ = l.Begin(0).Set(key, []byte("1000000000000000"), SetOptions{})
	}
	for benchEngine.e.Maintain(l, 0, time.Second) == 0 {
	}
}

func BenchmarkSetNewAndDelete(b *testing.B) {
	_, l := openBench(b)
	var key []byte
	val := []byte("1000000000000000")
	b.Run("set", func(b *testing.B) {
		b.ReportAllocs()
		for i := range uint64(b.N) {
			key = key16(key[:0], 2*benchKeys+i)
			if _, err := l.Begin(0).Set(key, val, SetOptions{}); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		for i := range uint64(b.N) {
			l.Begin(0).Delete(key16(key[:0], 2*benchKeys+i))
		}
	})
	b.Run("delete", func(b *testing.B) {
		for i := range uint64(b.N) {
			_, _ = l.Begin(0).Set(key16(key[:0], 2*benchKeys+i), val, SetOptions{})
		}
		// In another order than they came.
		step := uint64(b.N)/2 + 1
		for gcd(step, uint64(b.N)) != 1 {
			step++
		}
		b.ReportAllocs()
		b.ResetTimer()
		at := uint64(0)
		for range b.N {
			at = (at + step) % uint64(b.N)
			key = key16(key[:0], 2*benchKeys+at)
			if !l.Begin(0).Delete(key) {
				b.Fatal("a key is missing")
			}
		}
	})
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func BenchmarkIncr(b *testing.B) {
	_, l := openBench(b)
	seq, key := sequence(1), make([]byte, 0, 16)
	for range b.N {
		key = key16(key[:0], seq.next())
		if _, err := l.Begin(0).IncrBy(key, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExpireTime(b *testing.B) {
	_, l := openBench(b)
	seq, key := sequence(1), make([]byte, 0, 16)
	for range b.N {
		key = key16(key[:0], seq.next())
		if _, st := l.Begin(0).ExpireTime(key); st != Persistent {
			b.Fatal("a key is missing")
		}
	}
}

// BenchmarkGet16 reads 16 keys one by one and BenchmarkMGet16 all at once, for
// comparison; time is per 16 keys.
func BenchmarkGet16(b *testing.B) {
	_, l := openBench(b)
	benchGet(b, l, sequence(1), b.N*16)
}

func BenchmarkMGet16(b *testing.B) {
	_, l := openBench(b)
	seq, keys := sequence(1), make([][]byte, 16)
	var batch Batch
	for range b.N {
		for i := range keys {
			keys[i] = key16(keys[i][:0], seq.next())
		}
		l.Begin(0).ReadMany(keys, &batch)
		if _, ok := batch.Value(15); !ok {
			b.Fatal("a key is missing")
		}
	}
}

// parallel runs do on two goroutines; time is per operation of one of them, so
// that perfect scaling halves it.
func parallel(b *testing.B, do func(l *Lane, seq sequence, n int)) {
	e, _ := openBench(b)
	for _, n := range []int{1, 2} {
		b.Run(fmt.Sprintf("goroutines=%d", n), func(b *testing.B) {
			var wg sync.WaitGroup
			for g := range n {
				wg.Go(func() {
					l := e.NewLane()
					defer l.Close()
					do(l, sequence(g+1), b.N/n)
				})
			}
			wg.Wait()
		})
	}
}

func BenchmarkGetParallel(b *testing.B) {
	b.Run("uniform", func(b *testing.B) {
		parallel(b, func(l *Lane, seq sequence, n int) { benchGet(b, l, seq, n) })
	})
	b.Run("hot", func(b *testing.B) {
		parallel(b, func(l *Lane, _ sequence, n int) {
			key, dst := key16(nil, 7), make([]byte, 0, 64)
			for range n {
				dst, _, _ = l.Begin(0).Get(dst[:0], key, nil)
			}
		})
	})
}

func BenchmarkSetParallel(b *testing.B) {
	val := []byte("1000000000000000")
	b.Run("uniform", func(b *testing.B) {
		parallel(b, func(l *Lane, seq sequence, n int) {
			var key []byte
			for range n {
				key = key16(key[:0], seq.next())
				_, _ = l.Begin(0).Set(key, val, SetOptions{})
			}
		})
	})
	b.Run("hot", func(b *testing.B) {
		parallel(b, func(l *Lane, _ sequence, n int) {
			key := key16(nil, 7)
			for range n {
				_, _ = l.Begin(0).Set(key, val, SetOptions{})
			}
		})
	})
}

// BenchmarkReaderAndWriter has one goroutine read and one write the same key;
// time is the reader's or the writer's.
func BenchmarkReaderAndWriter(b *testing.B) {
	e, _ := openBench(b)
	key, val := key16(nil, 7), []byte("1000000000000000")
	read := func(l *Lane, dst []byte) []byte {
		dst, _, _ = l.Begin(0).Get(dst[:0], key, nil)
		return dst
	}
	write := func(l *Lane, dst []byte) []byte {
		_, _ = l.Begin(0).Set(key, val, SetOptions{})
		return dst
	}
	for _, c := range []struct {
		name         string
		timed, other func(l *Lane, dst []byte) []byte
	}{{"read alone", read, nil}, {"read", read, write}, {"write alone", write, nil}, {"write", write, read}} {
		b.Run(c.name, func(b *testing.B) {
			var stop atomic.Bool
			var wg sync.WaitGroup
			if c.other != nil {
				wg.Go(func() {
					l := e.NewLane()
					defer l.Close()
					var dst []byte
					for !stop.Load() {
						dst = c.other(l, dst)
					}
				})
			}
			l := e.NewLane()
			defer l.Close()
			var dst []byte
			b.ResetTimer()
			for range b.N {
				dst = c.timed(l, dst)
			}
			b.StopTimer()
			stop.Store(true)
			wg.Wait()
		})
	}
}

// TestAllocations: the hot path takes nothing from the Go heap.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	e, _ := openTest(t, Options{Databases: 2, Clock: SystemClock{}})
	l := e.NewLane()
	defer l.Close()
	var keys [][]byte
	for i := range uint64(1000) {
		keys = append(keys, key16(nil, i))
		_, _ = l.Begin(0).Set(keys[i], []byte("1000000000000000"), SetOptions{})
	}
	missing, val, long := []byte("missing"), []byte("2000000000000000"), make([]byte, 100)
	dst := make([]byte, 0, 1000)
	pairs := [][]byte{keys[1], val, keys[2], val, keys[3], val}
	visit := func(int, []byte, bool) {}
	var batch Batch
	n := 0
	key := func() []byte { n++; return keys[n%len(keys)] }
	for name, do := range map[string]func(t *Txn){
		"get":         func(t *Txn) { dst, _, _ = t.Get(dst[:0], key(), nil) },
		"get missing": func(t *Txn) { dst, _, _ = t.Get(dst[:0], missing, nil) },
		"getrange":    func(t *Txn) { dst, _, _ = t.GetRange(dst[:0], key(), 2, -2, nil) },
		"strlen":      func(t *Txn) { _, _ = t.StrLen(key()) },
		"exists":      func(t *Txn) { t.Exists(key()) },
		"type":        func(t *Txn) { t.Type(key()) },
		"expiretime":  func(t *Txn) { t.ExpireTime(key()) },
		"set":         func(t *Txn) { _, _ = t.Set(key(), val, SetOptions{}) },
		"set get":     func(t *Txn) { _, _ = t.Set(key(), val, SetOptions{Get: true}) },
		"set nx":      func(t *Txn) { _, _ = t.Set(key(), val, SetOptions{NX: true}) },
		"set and grow": func(t *Txn) {
			k := key()
			_, _ = t.Set(k, long, SetOptions{})
			_, _ = t.Set(k, val, SetOptions{})
		},
		"set new and delete": func(t *Txn) { _, _ = t.Set(missing, val, SetOptions{}); t.Delete(missing) },
		"expire and persist": func(t *Txn) { k := key(); t.ExpireAt(k, t.Now()+100000, 0); t.Persist(k) },
		"incr":               func(t *Txn) { _, _ = t.IncrBy(key(), 1) },
		"append":             func(t *Txn) { k := keys[0]; _, _ = t.Append(k, val[:1]); _, _ = t.Set(k, val, SetOptions{}) },
		"setrange":           func(t *Txn) { _, _ = t.SetRange(key(), 3, val[:1]) },
		"mget":               func(t *Txn) { t.MGet(keys[100:116], visit) },
		"readmany":           func(t *Txn) { t.ReadMany(keys[100:116], &batch) },
		"mset":               func(t *Txn) { t.LockKeys(pairs, 0, len(pairs)-1, 2); _ = t.MSet(pairs) },
		"move":               func(t *Txn) { k := keys[0]; _, _ = t.Move(k, 1); t.SetDB(1); _, _ = t.Move(k, 0) },
		"rename": func(t *Txn) {
			t.LockKeys([][]byte{keys[0], missing}, 0, 1, 1)
			_, _ = t.Rename(keys[0], missing, false)
			_, _ = t.Rename(missing, keys[0], false)
		},
	} {
		run := func() { t := l.Begin(0); do(t); t.End() }
		run()
		if name == "append" || name == "setrange" || name == "mset" {
			for range 1000 {
				run()
			}
		}
		if got := testing.AllocsPerRun(1000, run); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}
