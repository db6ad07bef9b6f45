package main

import (
	"errors"
	"strings"
	"testing"

	"hpkv/cmd/internal/cli"
	"hpkv/engine"
)

func TestDump(t *testing.T) {
	effect := engine.AppendEffect(nil, &engine.Effect{Kind: engine.EffectPut, Type: engine.TypeString, DB: 2, Key: []byte("key"), Value: []byte("val")})
	dir := newLog(t, "one", "two", string(effect))
	out := mustAdmin(t, "dump", dir)
	for _, want := range []string{
		"segment 0000000000000001.seg+0 generation 1 stream 0\n",
		"      64 record  shard 3 seq 0 txn 0: " + describe([]byte("one")) + "\n",
		": put db=2 key=\"key\" type=string value=\"val\"\n",
		" round   2 of 2025-11-30T17:02:00.000Z, synced up to 1\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	spoil(t, dir, "one")
	out, _, err := admin("dump", dir)
	if !errors.Is(err, cli.ErrFound) || !strings.Contains(out, "      64 damage  23 bytes: ") || !strings.Contains(out, describe([]byte("two"))) {
		t.Errorf("damaged: %v\n%s", err, out)
	}
}

// TestDumpBarrier: what is written no more is printed, too.
func TestDumpBarrier(t *testing.T) {
	out := mustAdmin(t, "dump", "../../persist/testdata/v1")
	for _, want := range []string{
		"     252 barrier shard 3 seq 10 txn 5: " + describe([]byte("barrier")) + "\n",
		"     166 echo    of a barrier\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
