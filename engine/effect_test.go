package engine

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"hpkv/engine/record"
)

var someEffects = []Effect{
	{Kind: EffectPut, Type: TypeString, Key: b("k"), Value: b("v")},
	{Kind: EffectPut, Type: TypeHash, Form: 2, DB: 15, Key: b("k"), Value: b("v"), ExpireAtMs: 1_700_000_000_000},
	{Kind: EffectPut, Type: TypeString, Form: record.FormRaw, Key: b(""), ExpireAtMs: -5},
	{Kind: EffectSplice, Key: b("k"), Value: bytes.Repeat(b("v"), 300), Offset: 1 << 31},
	{Kind: EffectRemove, DB: 300, Key: b("k")},
	{Kind: EffectExpire, Key: b("k")},
	{Kind: EffectPut, Key: b("k"), Items: bs("a", "", "c")},
	{Kind: EffectFlush, DB: 3, Offset: 64},
	{Kind: EffectSwap, DB: 3, OtherDB: 4, Offset: 1},
	{Kind: EffectListPlace, Key: b("k"), Items: bs("12345678", "x", "")},
	// Around the bounds of the short way.
	{Kind: EffectPut, Type: TypeString, Form: 3, Key: bytes.Repeat(b("k"), 127), Value: bytes.Repeat(b("v"), 127)},
	{Kind: EffectPut, Type: TypeString, Key: b("k"), Value: bytes.Repeat(b("v"), 128)},
	{Kind: EffectPut, Type: TypeString, Key: bytes.Repeat(b("k"), 128), Value: b("v")},
	{Kind: EffectPut, Type: TypeString, Key: b("k")},
	{Kind: EffectPut, Type: TypeString, Value: b("v")},
	{Kind: EffectPut, Type: TypeString, Key: b("k"), Value: b("v"), DB: 1},
	{Kind: EffectPut, Type: TypeString, Key: b("k"), Value: b("v"), OtherDB: 1},
	{Kind: EffectPut, Type: TypeString, Key: b("k"), Value: b("v"), Offset: 1},
	{Kind: EffectPut, Type: TypeString, Key: b("k"), Value: b("v"), ExpireAtMs: 1},
	{Kind: EffectPut, Type: TypeString, Key: b("k"), Value: b("v"), Items: bs("i")},
}

func sameEffect(a, b *Effect) bool {
	x, y := *a, *b
	for _, e := range []*Effect{&x, &y} { // nil and empty are the same
		e.Key, e.Value = append([]byte{}, e.Key...), append([]byte{}, e.Value...)
		e.Items = append([][]byte{}, e.Items...)
		for i := range e.Items {
			e.Items[i] = append([]byte{}, e.Items[i]...)
		}
	}
	return reflect.DeepEqual(x, y)
}

func TestEffectCodec(t *testing.T) {
	var got Effect
	for i := range someEffects {
		want := &someEffects[i]
		p := AppendEffect(b("before"), want)[len("before"):]
		if err := DecodeEffect(&got, p); err != nil || !sameEffect(&got, want) {
			t.Errorf("%s: %x reads as %s, %v", want, p, &got, err)
		}
		if len(p) > want.Room() {
			t.Errorf("%s takes %d bytes, %d were said to be enough", want, len(p), want.Room())
		}
		for n := range p {
			if err := DecodeEffect(&got, p[:n]); !errors.Is(err, ErrEffect) {
				t.Errorf("%s: the first %d bytes of %x read as %s, %v", want, n, p, &got, err)
			}
		}
		if err := DecodeEffect(&got, append(p, 0)); !errors.Is(err, ErrEffect) {
			t.Errorf("%s: %v with a byte too many", want, err)
		}
	}
	if err := DecodeEffect(&got, []byte{byte(effectKinds), 0}); !errors.Is(err, ErrEffect) {
		t.Errorf("a kind of the future: %v", err)
	}
}

// TestEffectFields: a field that the codec does not know would be lost.
func TestEffectFields(t *testing.T) {
	if n := reflect.TypeFor[Effect]().NumField(); n != 10 {
		t.Errorf("Effect has %d fields: does the codec have them all?", n)
	}
	for k := EffectKind(1); k < effectKinds; k++ {
		if k.String() == "" {
			t.Errorf("kind %d has no name", k)
		}
	}
}

func TestEffectString(t *testing.T) {
	for want, ef := range map[string]Effect{
		`put db=0 key="k" type=string value="v"`:                                                       someEffects[0],
		`put db=15 key="k" type=hash form=2 expires=1700000000000`:                                     {Kind: EffectPut, Type: TypeHash, Form: 2, DB: 15, Key: b("k"), ExpireAtMs: 1_700_000_000_000},
		`put db=0 key="k" "a" "" "c"`:                                                                  someEffects[6],
		`swap db=3 with db=4 offset=1`:                                                                 someEffects[8],
		`splice db=0 key="k" offset=2147483648 value="` + strings.Repeat("v", 64) + `"... (300 bytes)`: someEffects[3],
	} {
		if got := ef.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func FuzzEffect(f *testing.F) {
	for i := range someEffects {
		f.Add(AppendEffect(nil, &someEffects[i]))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		var ef Effect
		if DecodeEffect(&ef, p) != nil {
			return
		}
		if again := AppendEffect(nil, &ef); !bytes.Equal(again, p) {
			t.Fatalf("%x reads as %s, which is written %x", p, &ef, again)
		}
		if ef.String() == "" {
			t.Fatal("no text")
		}
	})
}

// TestJournalAllocations: neither a single change nor a transaction allocates on
// its way to the journal.
func TestJournalAllocations(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 4, Journal: new(counter)})
	l := e.NewLane()
	defer l.Close()
	key, val := b("key"), b("value")
	pairs := bs("a", "1", "b", "2", "c", "3")
	for name, f := range map[string]func(t *Txn){
		"set":  func(t *Txn) { _, _ = t.Set(key, val, SetOptions{}) },
		"mset": func(t *Txn) { t.LockKeys(pairs, 0, 5, 2); _ = t.MSet(pairs) },
	} {
		run := func() {
			txn := l.Begin(0)
			f(txn)
			txn.End()
		}
		run()
		if n := testing.AllocsPerRun(100, run); n > 0 && !raceEnabled {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if l.TakeRound() == 0 || l.TakeRound() != 0 {
		t.Error("the lane does not know its last round")
	}
}

// counter is a journal of rounds of one call each.
type counter struct{ rounds uint64 }

func (c *counter) Append(_, _ int, _ uint64, _ *Effect) uint64 { c.rounds++; return c.rounds }
func (c *counter) AppendTxn([]JournalRecord) uint64            { c.rounds++; return c.rounds }
