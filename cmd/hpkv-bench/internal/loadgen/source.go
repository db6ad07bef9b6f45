package loadgen

import (
	"hpkv/cmd/hpkv-bench/internal/workload"
)

// Source produces commands. Each worker has its own, so it needs no locks.
type Source interface {
	// Append appends one command to dst and says which kind it is (an index
	// into Config.Kinds). ok is false, and dst unchanged, when no command is
	// left.
	Append(dst []byte) (out []byte, kind int, ok bool)
}

// mixSource draws from weighted templates.
type mixSource struct {
	templates []workload.Template
	wheel     []int // template indexes, each as often as its weight
	keys      *workload.Keys
}

// Mix returns the maker of sources for a weighted mix with values of the given
// size, and the names of its kinds.
func Mix(mix []workload.Share, valueBytes int, spread workload.Spread, space, seed uint64) (func(worker, workers int) Source, []string) {
	value := workload.Value(valueBytes)
	var templates []workload.Template
	var wheel []int
	var kinds []string
	for i, share := range mix {
		templates = append(templates, workload.Compile(workload.Expand(share.Args, value)))
		kinds = append(kinds, share.Name)
		for range share.Weight {
			wheel = append(wheel, i)
		}
	}
	return func(worker, _ int) Source {
		return &mixSource{templates, wheel, workload.NewKeys(spread, space, seed+uint64(worker))}
	}, kinds
}

func (s *mixSource) Append(dst []byte) ([]byte, int, bool) {
	kind := 0
	if len(s.wheel) > 1 {
		kind = s.wheel[s.keys.Uint64N(uint64(len(s.wheel)))]
	}
	return s.templates[kind].Append(dst, s.keys), kind, true
}

// each calls a function with the numbers of [next, end).
type each struct {
	appendCommand func(dst []byte, n uint64) []byte
	next, end     uint64
}

// Each returns the maker of sources that together send the command of each
// number of [0, n) once, split among the workers. appendCommand is called from
// several goroutines.
func Each(n uint64, appendCommand func(dst []byte, n uint64) []byte) func(worker, workers int) Source {
	return func(worker, workers int) Source {
		part := func(i int) uint64 { return n * uint64(i) / uint64(workers) }
		return &each{appendCommand, part(worker), part(worker + 1)}
	}
}

// Sequence is Each with a command template.
func Sequence(args []string, n uint64) func(worker, workers int) Source {
	return Each(n, workload.Compile(args).AppendAt)
}

func (s *each) Append(dst []byte) ([]byte, int, bool) {
	if s.next == s.end {
		return dst, 0, false
	}
	dst = s.appendCommand(dst, s.next)
	s.next++
	return dst, 0, true
}
