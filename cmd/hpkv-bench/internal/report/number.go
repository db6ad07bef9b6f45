package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// Median returns the middle of values, the mean of the two middle ones if
// their number is even, and NaN of none. values is not changed.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

// MedianOf is the median of a figure of each of items.
func MedianOf[T any](items []T, figure func(T) float64) float64 {
	values := make([]float64, len(items))
	for i, item := range items {
		values[i] = figure(item)
	}
	return Median(values)
}

// Spread returns how far apart the smallest and the largest value lie, as a
// part of the median: 0.1 means 10%.
func Spread(values []float64) float64 {
	m := Median(values)
	if len(values) == 0 || m == 0 {
		return 0
	}
	return (slices.Max(values) - slices.Min(values)) / m
}

// Percentile returns the value that the given percentage of sorted does not
// exceed (nearest rank).
func Percentile[T cmp.Ordered](sorted []T, percent float64) T {
	if len(sorted) == 0 {
		var zero T
		return zero
	}
	// The tiny amount keeps 99.9% of 1000 at 999: in floats it is a little more.
	rank := int(math.Ceil(percent*float64(len(sorted))/100 - 1e-9))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Quotient divides, NaN if either figure is not known: 0 or NaN.
func Quotient(a, b float64) float64 {
	if a == 0 || b == 0 {
		return math.NaN()
	}
	return a / b
}

// Known is f, NaN if it was not measured: 0.
func Known(f float64) float64 {
	if f == 0 {
		return math.NaN()
	}
	return f
}

// Count prints n rounded to a whole number, with a comma at each thousand.
func Count(n float64) string {
	if math.IsNaN(n) {
		return "-"
	}
	s := strconv.FormatInt(int64(math.Round(n)), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Ratio prints r as a factor: "1.52x".
func Ratio(r float64) string {
	if math.IsNaN(r) || math.IsInf(r, 0) {
		return "-"
	}
	return fmt.Sprintf("%.2fx", r)
}

// Fixed prints f with the given number of decimals, "-" if it is not known.
func Fixed(f float64, decimals int) string {
	if math.IsNaN(f) {
		return "-"
	}
	return strconv.FormatFloat(f, 'f', decimals, 64)
}

// Percent prints a part as whole percent.
func Percent(part float64) string {
	if math.IsNaN(part) {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*part)
}

// Millis is d in milliseconds.
func Millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Bytes prints n in MiB.
func Bytes(n int64) string { return Fixed(float64(n)/(1<<20), 1) + " MiB" }
