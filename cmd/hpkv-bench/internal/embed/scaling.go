package embed

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/store"
)

// Role is what one thread does in a scaling run.
type Role struct {
	Write bool
	Hot   bool // all on one key
}

// Scene is one scaling run: what its threads do side by side.
type Scene struct {
	Name  string
	Roles []Role
}

// hotKey is the key that hot roles use, by its place in the order of access.
const hotKey = 0

// Scenes returns the runs for the given numbers of threads, and a writer and a
// reader on one key.
func Scenes(threads []int) []Scene {
	var scenes []Scene
	kinds := []struct {
		name string
		role Role
	}{
		{"read uniform", Role{}}, {"read hot", Role{Hot: true}},
		{"write uniform", Role{Write: true}}, {"write hot", Role{Write: true, Hot: true}},
	}
	for _, kind := range kinds {
		for _, n := range threads {
			s := Scene{Name: kind.name}
			for range n {
				s.Roles = append(s.Roles, kind.role)
			}
			scenes = append(scenes, s)
		}
	}
	return append(scenes, Scene{"write + read hot", []Role{{Write: true, Hot: true}, {Hot: true}}})
}

// turns is how often Scaling plays each scene. A processor of a virtual machine
// may be half as fast a second later, so scenes that are compared alternate.
const turns = 10

// Scaling plays the scenes in turn, ten times, on one store filled with all keys.
// Each scene takes length in all. It returns by turn and scene the operations per
// second of each thread.
func (b *Bench) Scaling(maker store.Maker, scenes []Scene, length time.Duration) ([][][]float64, error) {
	runtime.GC()
	debug.FreeOSMemory()
	s, err := maker.Open(b.Keys)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for i := range b.Keys {
		s.Set(b.inserts.at(i), b.value)
	}
	results := make([][][]float64, turns)
	for turn := range results {
		for _, scene := range scenes {
			results[turn] = append(results[turn], b.play(s, scene, turn, length/turns))
		}
	}
	return results, nil
}

// play runs one scene. Each thread has a processor of its own as long as there
// are enough, so that the scheduler does not put two of them on one: in each turn
// the next one, so that a lone thread is not judged by the best or the worst.
func (b *Bench) play(s store.Store, scene Scene, turn int, length time.Duration) []float64 {
	allowed := proc.Allowed()
	rates := make([]float64, len(scene.Roles))
	var stop atomic.Bool
	var running, ready sync.WaitGroup
	ready.Add(len(scene.Roles))
	for i, role := range scene.Roles {
		var cpus []int
		if len(scene.Roles) <= len(allowed) {
			cpus = []int{allowed[(i+turn)%len(allowed)]}
		}
		running.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			work := func() error {
				ready.Done()
				ready.Wait()
				delay := proc.ThreadDelay()
				// The time encloses the wait for a processor that is taken off it.
				start := time.Now()
				before := delay()
				n := b.act(s, role, i, &stop)
				waited := delay() - before
				rates[i] = float64(n) / (time.Since(start) - waited).Seconds()
				return nil
			}
			if err := proc.OnCPUs(cpus, work); err != nil {
				work() // refused: run where the system likes
			}
		})
	}
	ready.Wait()
	timer := time.AfterFunc(length, func() { stop.Store(true) })
	defer timer.Stop()
	running.Wait()
	return rates
}

// act repeats one role's operation until stop and returns how often.
func (b *Bench) act(s store.Store, role Role, thread int, stop *atomic.Bool) int {
	const between = 256                // operations between looks at stop
	dst := make([]byte, 0, 4096)       // of its own page, not in a cache line with another thread's
	at := b.Keys / 2 * thread % b.Keys // threads begin at different keys
	// At least one burst: a thread that gets its processor only after the time
	// is up still has a rate.
	for n := 0; ; {
		for range between {
			key := b.accesses.at(hotKey)
			if !role.Hot {
				key = b.accesses.at(at)
				if at++; at == b.Keys {
					at = 0
				}
			}
			if role.Write {
				s.Set(key, b.other)
			} else {
				dst, _ = s.Get(dst[:0], key)
			}
		}
		if n += between; stop.Load() {
			return n
		}
	}
}
