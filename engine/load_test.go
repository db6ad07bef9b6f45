package engine

import (
	"testing"

	"hpkv/engine/alloc"
	"hpkv/engine/index"
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

// TestLoadProgressWrong: when most of a log changes keys that are there already, the
// indexes made for more of them are made smaller in the end.
func TestLoadProgressWrong(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 2, Databases: 1})
	r := e.NewLoader()
	e.LoadProgress(1, 1000)
	loadKeys(t, r, 12_000)
	before := e.IndexShape()
	r.Close()
	after := e.IndexShape()
	t.Logf("before: %+v, after: %+v", before, after)
	if after.Entries != 12_000 || after.Bytes > before.Bytes*9/10 || after.Bytes > 18*12_000 {
		t.Errorf("before: %+v, after: %+v", before, after)
	}
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	if e.toCome != (index.Forecast{}) {
		t.Error("more keys are expected after loading")
	}
}
