package numa

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// MaxCPUs bounds CPU and node numbers: the largest NR_CPUS Linux can be built
// with. A list that names a higher number is damaged, and believing it would
// let one bad file allocate without bound.
const MaxCPUs = 8192

// ErrBadList is wrapped by every error of ParseCPUList.
var ErrBadList = errors.New("numa: malformed CPU list")

// CPUSet is an immutable set of small numbers: CPUs, or NUMA nodes. The zero
// value is the empty set. Methods that combine sets return new ones.
type CPUSet struct {
	// words holds number n in bit n%64 of word n/64. The last word is never
	// zero, so that equal sets have equal words.
	words []uint64
}

// NewCPUSet returns the set of the given numbers. Numbers outside
// [0, MaxCPUs) are left out.
func NewCPUSet(ids ...int) CPUSet {
	var s CPUSet
	for _, id := range ids {
		if id >= 0 && id < MaxCPUs {
			s.add(id)
		}
	}
	return s
}

// cpuRange returns the set {0, ..., n-1}.
func cpuRange(n int) CPUSet {
	var s CPUSet
	for id := min(n, MaxCPUs) - 1; id >= 0; id-- {
		s.add(id)
	}
	return s
}

// ParseCPUList parses the kernel's list format: numbers and ranges separated by
// commas ("0-3,8,10-11"), with space around each. An empty text is the empty
// set, which the kernel prints for a node without CPUs. Order and repetition do
// not matter.
func ParseCPUList(text string) (CPUSet, error) {
	var s CPUSet
	if text = strings.TrimSpace(text); text == "" {
		return s, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		lo, err := parseID(first)
		if err != nil {
			return CPUSet{}, err
		}
		hi := lo
		if isRange {
			if hi, err = parseID(last); err != nil {
				return CPUSet{}, err
			}
		}
		if hi < lo {
			return CPUSet{}, fmt.Errorf("%w: range %q runs backwards", ErrBadList, part)
		}
		// From the top, so that the words are allocated once.
		for id := hi; id >= lo; id-- {
			s.add(id)
		}
	}
	return s, nil
}

func parseID(text string) (int, error) {
	// ParseUint takes "+1" for an error but bases and underscores only with
	// base 0, so base 10 accepts digits and nothing else.
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%w: %.20q is not a number", ErrBadList, text)
	}
	if n >= MaxCPUs {
		return 0, fmt.Errorf("%w: %d is above %d", ErrBadList, n, MaxCPUs-1)
	}
	return int(n), nil
}

// add is for sets under construction only; a finished CPUSet is shared.
func (s *CPUSet) add(id int) {
	if w := id/64 + 1; w > len(s.words) {
		grown := make([]uint64, w)
		copy(grown, s.words)
		s.words = grown
	}
	s.words[id/64] |= 1 << (id % 64)
}

// Contains reports whether id is in the set; any int may be asked.
func (s CPUSet) Contains(id int) bool {
	return id >= 0 && id/64 < len(s.words) && s.words[id/64]&(1<<(id%64)) != 0
}

// Len returns how many numbers the set holds.
func (s CPUSet) Len() int {
	n := 0
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// Empty reports whether the set holds nothing.
func (s CPUSet) Empty() bool { return len(s.words) == 0 }

// Equal reports whether both sets hold the same numbers.
func (s CPUSet) Equal(o CPUSet) bool {
	if len(s.words) != len(o.words) {
		return false
	}
	for i, w := range s.words {
		if w != o.words[i] {
			return false
		}
	}
	return true
}

// And returns the numbers that are in both sets.
func (s CPUSet) And(o CPUSet) CPUSet {
	n := min(len(s.words), len(o.words))
	words := make([]uint64, n)
	for i := range words {
		words[i] = s.words[i] & o.words[i]
	}
	return CPUSet{trim(words)}
}

// AndNot returns the numbers of s that are not in o.
func (s CPUSet) AndNot(o CPUSet) CPUSet {
	words := append([]uint64(nil), s.words...)
	for i := range min(len(words), len(o.words)) {
		words[i] &^= o.words[i]
	}
	return CPUSet{trim(words)}
}

// Or returns the numbers that are in either set.
func (s CPUSet) Or(o CPUSet) CPUSet {
	if len(s.words) < len(o.words) {
		s, o = o, s
	}
	words := append([]uint64(nil), s.words...)
	for i, w := range o.words {
		words[i] |= w
	}
	return CPUSet{words}
}

func trim(words []uint64) []uint64 {
	for len(words) > 0 && words[len(words)-1] == 0 {
		words = words[:len(words)-1]
	}
	return words
}

// First returns the lowest number, or -1 for the empty set.
func (s CPUSet) First() int {
	for i, w := range s.words {
		if w != 0 {
			return i*64 + bits.TrailingZeros64(w)
		}
	}
	return -1
}

// IDs returns the numbers in ascending order, in a new slice.
func (s CPUSet) IDs() []int {
	ids := make([]int, 0, s.Len())
	for i, w := range s.words {
		for ; w != 0; w &= w - 1 {
			ids = append(ids, i*64+bits.TrailingZeros64(w))
		}
	}
	return ids
}

// String returns the kernel's list format, which ParseCPUList reads back: runs
// are written as ranges, and the empty set is the empty text.
func (s CPUSet) String() string {
	var b []byte
	ids := s.IDs()
	for i := 0; i < len(ids); {
		j := i
		for j+1 < len(ids) && ids[j+1] == ids[j]+1 {
			j++
		}
		if len(b) > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(ids[i]), 10)
		if j > i {
			b = append(b, '-')
			b = strconv.AppendInt(b, int64(ids[j]), 10)
		}
		i = j + 1
	}
	return string(b)
}

// MarshalText makes a set readable in JSON: its list format.
func (s CPUSet) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
