package engine

import (
	"testing"

	"hpkv/engine/alloc"
)

// loadKeys has a loader apply puts of n keys, 16 at a time, as a replay does.
func loadKeys(t *testing.T, r *Loader, n int) {
	t.Helper()
	payloads := make([][]byte, 16)
	val := make([]byte, 64)
	for i := 0; i < n; i += len(payloads) {
		for k := range payloads {
			ef := Effect{Kind: EffectPut, Type: TypeString, Key: key16(nil, uint64(i+k)), Value: val}
			payloads[k] = AppendEffect(payloads[k][:0], &ef)
			if err := r.Take(0, payloads[k]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Apply(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLoadReusesMemory: the pages that growing indexes leave behind while effects are
// loaded serve again, though nothing maintains the engine meanwhile.
func TestLoadReusesMemory(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 1, Databases: 1})
	r := e.NewLoader()
	loadKeys(t, r, 200_000)
	r.Close()
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	index := e.arena.Stats().Purpose[alloc.Index]
	t.Logf("index: %d bytes in use, %d of pages", index.LiveBytes, index.PageBytes)
	if index.PageBytes > 2*index.LiveBytes {
		t.Errorf("the index takes %d bytes of pages, of which %d are in use", index.PageBytes, index.LiveBytes)
	}
}
