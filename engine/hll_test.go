package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"hpkv/engine/hll"
)

// counted is what a HyperLogLog has been given: the elements, and what follows of
// that for its registers.
type counted struct {
	elems map[string]bool
	regs  [hll.Registers]uint8
}

// add counts an element and reports whether that changes a register.
func (c *counted) add(elem []byte) bool {
	c.elems[string(elem)] = true
	i, v := hll.Place(elem)
	if c.regs[i] >= v {
		return false
	}
	c.regs[i] = v
	return true
}

func (c *counted) merge(o *counted) {
	if o == nil {
		return
	}
	for e := range o.elems {
		c.elems[e] = true
	}
	for i, v := range o.regs {
		c.regs[i] = max(c.regs[i], v)
	}
}

// near fails unless an estimate is within six times the standard error.
func (c *counted) near(t *testing.T, what string, got int64) {
	t.Helper()
	n := float64(len(c.elems))
	if math.Abs(float64(got)-n) > 6*0.0081*n+2 {
		t.Fatalf("%s: %d, of %v elements", what, got, n)
	}
}

// TestHLLModel plays random operations on HyperLogLogs, sparse and dense, and on
// plain registers and sets of elements. The journal has them, too.
func TestHLLModel(t *testing.T) {
	steps := 700
	if raceEnabled || testing.Short() {
		steps = 150
	}
	for round := range 3 {
		t.Run("", func(t *testing.T) {
			r := rand.New(rand.NewPCG(testSeed(t), 1))
			rec := new(recorder)
			e, _ := openTest(t, Options{Shards: 4, Databases: 1, Journal: rec})
			e.SetSparseMaxBytes([]int64{0, 300, 3000}[round%3])
			l := e.NewLane()
			defer l.Close()
			model := map[string]*counted{}
			keys := bs("p0", "p1", "p2", "p3", "p4")
			of := func(key []byte) *counted {
				if model[string(key)] == nil {
					model[string(key)] = &counted{elems: map[string]bool{}}
				}
				return model[string(key)]
			}
			no := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			for range steps {
				key := keys[r.IntN(len(keys))]
				some := slices.Clone(keys[:1+r.IntN(len(keys))])
				some[0] = key
				txn := l.Begin(0)
				switch op := r.IntN(20); {
				case op < 10:
					var elems [][]byte
					for range r.IntN(1 << r.IntN(10)) {
						elems = append(elems, fmt.Appendf(nil, "%0*d", r.IntN(12), r.IntN(20_000)))
					}
					want := model[string(key)] == nil
					for _, elem := range elems {
						if of(key).add(elem) {
							want = true
						}
					}
					of(key)
					got, err := txn.PFAdd(key, elems)
					if no(err); got != want {
						t.Fatalf("PFADD of %d elements: %v, want %v", len(elems), got, want)
					}
				case op < 13:
					got, err := txn.PFCount([][]byte{key})
					no(err)
					c := &counted{elems: map[string]bool{}}
					c.merge(model[string(key)])
					c.near(t, "PFCOUNT", got)
					again, err := l.Begin(0).PFCount([][]byte{key})
					if no(err); again != got {
						t.Fatalf("PFCOUNT: %d, then %d", got, again)
					}
				case op < 15:
					txn.LockKeys(some, 0, len(some)-1, 1)
					got, err := txn.PFCount(some)
					no(err)
					c := &counted{elems: map[string]bool{}}
					for _, k := range some {
						c.merge(model[string(k)])
					}
					c.near(t, "PFCOUNT of several", got)
				case op < 17:
					txn.LockKeys(some, 0, len(some)-1, 1)
					no(txn.PFMerge(key, some[1:]))
					for _, k := range some {
						of(key).merge(model[string(k)])
					}
				case op == 17:
					_, err := txn.PFDense(key)
					if (err == ErrNoSuchKey) != (model[string(key)] == nil) {
						t.Fatal(err)
					}
				case op == 18 && r.IntN(8) == 0:
					if txn.Delete(key) != (model[string(key)] != nil) {
						t.Fatal("what is deleted was not there, or the other way round")
					}
					delete(model, string(key))
				case op == 19 && r.IntN(4) == 0:
					txn.LockKeys([][]byte{key, some[len(some)-1]}, 0, 1, 1)
					dst := some[len(some)-1]
					if _, err := txn.Rename(key, dst, false); err == nil && string(dst) != string(key) {
						model[string(dst)] = model[string(key)]
						delete(model, string(key))
					}
				}
				txn.End()
				if c := model[string(key)]; c != nil {
					regs, err := l.Begin(0).PFRegisters(key)
					if no(err); *regs != c.regs {
						t.Fatal("there are other registers")
					}
				}
			}
			no(e.Check())
			twin, _ := openTest(t, Options{Shards: 8, Databases: 1})
			replay(t, twin, rec.effects, 4)
			sameContents(t, twin, e)
		})
	}
}
