package hll

import "math"

// Union is the highest value of each register over several values.
type Union [Registers]uint8

// Merge raises u's registers to those of b. ErrCorrupt leaves them in between.
func (u *Union) Merge(b []byte) error {
	if !IsDense(b) {
		return runs(b, func(first int, r run) {
			if r.value > 0 {
				for i := first; i < first+r.length; i++ {
					u[i] = max(u[i], r.value)
				}
			}
		})
	}
	eachDense(b[HeaderSize:], func(i int, v uint8) { u[i] = max(u[i], v) })
	return nil
}

// eachDense visits dense registers, four at a time: they fill three bytes.
func eachDense(reg []byte, visit func(i int, v uint8)) {
	for i := 0; i < Registers; i += 4 {
		b := reg[i/4*3 : i/4*3+3]
		w := uint(b[0]) | uint(b[1])<<8 | uint(b[2])<<16
		visit(i, uint8(w&registerMax))
		visit(i+1, uint8(w>>6&registerMax))
		visit(i+2, uint8(w>>12&registerMax))
		visit(i+3, uint8(w>>18))
	}
}

// Count returns the estimate for u.
func (u *Union) Count() int64 {
	var h histogram
	for _, v := range u {
		h[v&registerMax]++
	}
	return h.estimate()
}

// Count returns the estimate for b from its registers, whatever is cached.
func Count(b []byte) (int64, error) {
	var h histogram
	var err error
	if IsDense(b) {
		eachDense(b[HeaderSize:], func(_ int, v uint8) { h[v]++ })
	} else {
		err = runs(b, func(_ int, r run) { h[r.value] += r.length })
	}
	if err != nil {
		return 0, err
	}
	return h.estimate(), nil
}

// histogram is the number of registers of each value.
type histogram [registerMax + 1]int

// alpha is 1/(2 ln 2), the estimator's constant for many registers.
const alpha = 0.721347520444481703680

func (h *histogram) estimate() int64 {
	const m = float64(Registers)
	z := float64(m * tau((m-float64(h[hashBits+1]))/m))
	for k := hashBits; k >= 1; k-- {
		z += float64(h[k])
		z *= 0.5
	}
	z += float64(m * sigma(float64(h[0])/m))
	return int64(math.Round(alpha * m * m / z))
}

// sigma and tau are the series of the paper; each is summed until it does not
// change any more. The conversions keep products from being fused with sums.

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		before := z
		z += float64(x * y)
		y += y
		if z == before {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		before := z
		y *= 0.5
		d := 1 - x
		z -= float64(float64(d*d) * y)
		if z == before {
			return z / 3
		}
	}
}
