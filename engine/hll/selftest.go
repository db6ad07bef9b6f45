package hll

import (
	"encoding/binary"
	"fmt"
	"math"
)

// SelfTest counts up to 1M elements drawn by seed and returns an error if an
// estimate is further off than it may be, or if a sparse and a dense value
// disagree.
func SelfTest(seed uint64) error {
	u := new(Union)
	s := New(nil)
	var elem [8]byte
	d, err := ToDense(s)
	if err != nil {
		return err
	}
	checkpoint := 1
	for n := 1; n <= 1e6; n++ {
		binary.LittleEndian.PutUint64(elem[:], uint64(n)^seed)
		reg, value := Place(elem[:])
		u[reg] = max(u[reg], value)
		if d, _, err = Raise(d, reg, value, 0); err != nil {
			return err
		}
		if got := denseGet(d[HeaderSize:], reg); got != u[reg] {
			return fmt.Errorf("register %d should be %d but is %d", reg, u[reg], got)
		}
		if n <= 1e4 { // with no bound on its size a sparse value stays one
			if s, _, err = Raise(s, reg, value, math.MaxInt); err != nil {
				return err
			}
		}
		if n != checkpoint {
			continue
		}
		checkpoint *= 10
		got, err := Count(d)
		if err != nil {
			return err
		}
		if n <= 1e4 {
			if sparse, err := Count(s); err != nil || sparse != got {
				return fmt.Errorf("dense and sparse disagree: %d and %d, %w", got, sparse, err)
			}
		}
		if off, bound := relativeError(got, n), maxError(n); off > bound {
			return fmt.Errorf("too high error. card:%d abserr:%d", n, int64(math.Abs(float64(got-int64(n)))))
		}
	}
	return nil
}

func relativeError(got int64, n int) float64 { return math.Abs(float64(got)-float64(n)) / float64(n) }

// maxError is six standard errors. A few elements may collide.
func maxError(n int) float64 {
	if n <= 10 {
		return 1 / float64(n)
	}
	return 6 * 1.04 / math.Sqrt(Registers)
}
