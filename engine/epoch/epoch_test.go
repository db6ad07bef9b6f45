package epoch

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"hpkv/engine/alloc"
)

func domains() map[string]func() *Domain {
	return map[string]func() *Domain{
		"barrier": func() *Domain { return New(alloc.ProcessBarrier()) },
		"fenced":  func() *Domain { return New(nil) },
	}
}

// all is more than any test retires.
const all = 1 << 30

func TestGracePeriod(t *testing.T) {
	for name, open := range domains() {
		t.Run(name, func(t *testing.T) {
			d := open()
			a, b := d.Register(), d.Register()
			ran := 0
			retire := func() { d.Retire(func() { ran++ }) }
			want := func(n, pending int) {
				t.Helper()
				d.Collect(all)
				if ran != n || d.Pending() != pending {
					t.Fatalf("%d ran, %d pending; want %d and %d", ran, d.Pending(), n, pending)
				}
			}
			want(0, 0)
			retire()
			want(1, 0) // nobody inside: at once

			a.Enter()
			retire()
			want(1, 1)
			a.Enter() // nests
			a.Exit()
			want(1, 1)
			b.Enter() // after the retirement: does not hold it up
			a.Exit()
			want(2, 0)

			retire() // b is inside
			want(2, 1)
			a.Enter()
			retire() // waits for the next period: a is inside
			want(2, 2)
			b.Exit()
			want(3, 1)
			want(3, 1)
			a.Exit()
			a.Enter() // left and came back: not the same stay
			want(4, 0)
			a.Exit()

			a.Enter()
			retire()
			want(4, 1)
			a.Exit()
			d.Unregister(a)
			want(5, 0)
			d.Unregister(b)
		})
	}
}

func TestUnregisterInside(t *testing.T) {
	d := New(nil)
	s := d.Register()
	s.Enter()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	d.Unregister(s)
}

// TestStress: readers follow a shared reference to cells that writers replace
// and retire; a cell is poisoned when its grace period is over, and no reader
// may ever see a poisoned one.
func TestStress(t *testing.T) {
	for name, open := range domains() {
		t.Run(name, func(t *testing.T) {
			d := open()
			const cells = 64
			var state [cells]atomic.Uint32 // 1: in use, 0: poisoned
			var current atomic.Uint32
			var free = make(chan uint32, cells)
			for i := range uint32(cells) {
				free <- i
			}
			first := <-free
			state[first].Store(1)
			current.Store(first)

			var stop atomic.Bool
			var readers, writers sync.WaitGroup
			var reads atomic.Int64
			for range 3 {
				readers.Go(func() {
					s := d.Register()
					defer d.Unregister(s)
					n := int64(0)
					for ; !stop.Load(); n++ {
						s.Enter()
						c := current.Load()
						for range 8 {
							if state[c].Load() != 1 {
								t.Error("reader sees a poisoned cell")
								stop.Store(true)
							}
						}
						s.Exit()
						if n%1024 == 0 {
							runtime.Gosched()
						}
					}
					reads.Add(n)
				})
			}
			replaced := 0
			writers.Go(func() {
				for replaced < 100000 && !stop.Load() {
					select {
					case c := <-free:
						state[c].Store(1)
						old := current.Swap(c)
						d.Retire(func() { state[old].Store(0); free <- old })
						replaced++
					default:
						if d.Collect(all) == 0 {
							runtime.Gosched()
						}
					}
				}
				stop.Store(true)
			})
			writers.Wait()
			readers.Wait()
			for d.Pending() > 0 {
				d.Collect(all)
			}
			t.Logf("%d replaced, %d reads", replaced, reads.Load())
		})
	}
}

// TestCollectInParts: functions run in order, as many as are asked for, and what is
// retired meanwhile waits for a period of its own.
func TestCollectInParts(t *testing.T) {
	for name, open := range domains() {
		t.Run(name, func(t *testing.T) {
			d := open()
			reader := d.Register()
			var ran []int
			retire := func(i int) { d.Retire(func() { ran = append(ran, i) }) }
			want := func(n, pending int) {
				t.Helper()
				if got := d.Collect(8); got != n || d.Pending() != pending {
					t.Fatalf("%d ran, %d are pending; want %d and %d", got, d.Pending(), n, pending)
				}
			}
			for i := range 20 {
				retire(i)
			}
			want(8, 12)
			reader.Enter()
			retire(20)
			want(8, 5)
			want(4, 1)
			want(0, 1)
			reader.Exit()
			want(1, 0)
			want(0, 0)
			for i, got := range ran {
				if got != i {
					t.Fatalf("ran in the order %v", ran)
				}
			}
		})
	}
}

func BenchmarkEnterExit(b *testing.B) {
	for name, open := range domains() {
		b.Run(name, func(b *testing.B) {
			s := open().Register()
			for b.Loop() {
				s.Enter()
				s.Exit()
			}
		})
	}
}

func BenchmarkRetireCollect(b *testing.B) {
	for name, open := range domains() {
		b.Run(name, func(b *testing.B) {
			d := open()
			for range 8 {
				d.Register()
			}
			fn := func() {}
			for b.Loop() {
				d.Retire(fn)
				d.Collect(all)
			}
		})
	}
}
