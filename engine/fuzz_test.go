package engine

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// FuzzOperations plays the operations of the model test, chosen by the input
// instead of by chance, and then verifies everything.
func FuzzOperations(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("set and get"))
	f.Add(bytes.Repeat([]byte{0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233}, 40))
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := make([]byte, 2000)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 8000 {
			t.Skip("more of the same")
		}
		e, clock := openTest(t, Options{Shards: 2, Databases: 3, ReserveBytes: 256 << 20})
		tape := &tape{rest: input}
		p := &player{t: t, r: rand.New(tape), e: e, clock: clock, l: e.NewLane(), keys: 16}
		defer p.l.Close()
		for i := range p.m.dbs {
			p.m.dbs[i] = map[string]modelValue{}
		}
		for len(tape.rest) > 0 {
			p.step()
			if len(tape.rest)%16 == 0 {
				for home := range e.Homes() {
					e.Maintain(p.l, home, 0)
				}
			}
		}
		p.verify()
	})
}

// tape is a source of choices: one byte for each, and after its end some fixed
// sequence.
type tape struct {
	rest []byte
	next uint64
}

func (t *tape) Uint64() uint64 {
	if len(t.rest) == 0 {
		t.next += 0x9e3779b97f4a7c15
		return t.next ^ t.next>>29
	}
	c := uint64(t.rest[0])
	t.rest = t.rest[1:]
	return c * 0x0101010101010101 // the same whichever bits are used
}
