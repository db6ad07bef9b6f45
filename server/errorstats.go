package server

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// maxErrorKinds bounds the first words of errors that are told apart: scripts
// can make up as many as they like.
const maxErrorKinds = 128

// errorBook counts error replies by their first word, for INFO errorstats. It
// is shared by all threads: an error is no hot path.
type errorBook struct {
	mu     sync.Mutex
	counts map[string]int64
}

// note counts one error reply. text is complete, its code first.
func (b *errorBook) note(text string) {
	code, _, found := strings.Cut(text[:min(len(text), 32)], " ")
	if !found || code == "" {
		code = "ERR" // as in Redis: no code can be told
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n, known := b.counts[code]
	if !known {
		if len(b.counts) >= maxErrorKinds {
			return
		}
		if b.counts == nil {
			b.counts = make(map[string]int64)
		}
		code = strings.Clone(code) // text may be long
	}
	b.counts[code] = n + 1
}

func (b *errorBook) reset() {
	b.mu.Lock()
	b.counts = nil
	b.mu.Unlock()
}

// each calls visit for each code, in order.
func (b *errorBook) each(visit func(code string, n int64)) {
	b.mu.Lock()
	counts := maps.Clone(b.counts)
	b.mu.Unlock()
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		visit(code, counts[code])
	}
}
