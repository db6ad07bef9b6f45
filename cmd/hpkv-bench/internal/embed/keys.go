package embed

import (
	"fmt"

	"hpkv/cmd/hpkv-bench/internal/store"
	"hpkv/cmd/hpkv-bench/internal/workload"
)

// keyBytes is the length of every key.
const keyBytes = 16

// keys is all keys in one order, without a pointer for each of them: a million
// string headers would be work for the garbage collector that no store caused.
type keys struct {
	raw  []byte
	text string
	n    int
}

// newKeys lays out the keys 0 to n-1 in a random order that depends on seed.
func newKeys(n int, seed uint64) *keys {
	order := workload.NewShuffle(uint64(n), seed)
	raw := make([]byte, 0, n*keyBytes)
	for i := range n {
		raw = fmt.Appendf(raw, "key:%012d", order.At(uint64(i)))
	}
	return &keys{raw, string(raw), n}
}

func (k *keys) at(i int) store.Key {
	from, to := i*keyBytes, (i+1)*keyBytes
	return store.Key{Bytes: k.raw[from:to:to], Text: k.text[from:to]}
}

// batch puts the keys from i on into b, which keeps its size.
func (k *keys) batch(b store.Batch, i int) {
	for n := range b.Bytes {
		key := k.at(i + n)
		b.Bytes[n], b.Text[n] = key.Bytes, key.Text
	}
}
