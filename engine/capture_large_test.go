package engine

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
)

// hugeScribbler changes a few huge collections, one of each kind, in every way
// that the journal has an effect for.
type hugeScribbler struct {
	r   *rand.Rand
	txn *Txn
	n   int // elements each has at first

	away string // the key whose value is at hugeSpare now
}

// hugeSpare is where a huge collection is renamed to, and back.
const hugeSpare = "spare"

var hugeKeys = [...]string{"list", "set", "zset", "hash", "string", "list2"}

func (p *hugeScribbler) elems(n int) (list [][]byte) {
	for range n {
		elem := fmt.Appendf(nil, "%d", p.r.IntN(2*p.n))
		switch p.r.IntN(12) {
		case 0:
			elem = fmt.Appendf(nil, "%0*d", p.r.IntN(300), p.r.IntN(50))
		case 1, 2:
			elem = fmt.Appendf(nil, "common%d", p.r.IntN(4))
		}
		list = append(list, elem)
	}
	return list
}

// fill makes a key huge, whatever it was.
func (p *hugeScribbler) fill(key string) {
	k, t := []byte(key), p.txn
	t.Delete(k)
	for have := 0; have < p.n; have += 500 {
		elems := p.elems(500)
		switch key {
		case "set":
			_, _ = t.SAdd(k, elems)
		case "zset":
			p.zadd(elems)
		case "hash":
			p.hset(elems)
		case "string":
			_, _ = t.Append(k, bytes.Join(elems, nil))
		default:
			_, _ = t.ListPush(k, ListEnd(p.r.IntN(2)), elems, false)
		}
	}
	if p.r.IntN(2) == 0 {
		t.ExpireAt(k, t.Now()+1_000_000, 0)
	}
}

func (p *hugeScribbler) zadd(members [][]byte) {
	var scores []float64
	var args [][]byte
	for _, m := range members {
		scores, args = append(scores, float64(p.r.IntN(100))), append(args, nil, m)
	}
	_, _ = p.txn.ZAdd([]byte("zset"), scores, args, ZAddOptions{})
}

func (p *hugeScribbler) hset(fields [][]byte) {
	var pairs [][]byte
	for _, f := range fields {
		pairs = append(pairs, f, p.elems(1)[0])
	}
	_, _ = p.txn.HSet([]byte("hash"), pairs)
	if p.r.IntN(3) == 0 {
		_ = p.txn.HExpire([]byte("hash"), fields, p.txn.Now()+int64(1+p.r.IntN(1_000_000)), 0, func(FieldState) {})
	}
}

// step makes a change.
func (p *hugeScribbler) step() {
	t, r := p.txn, p.r
	key := hugeKeys[r.IntN(len(hugeKeys))]
	k := []byte(key)
	switch n := r.IntN(300); {
	case n == 0:
		p.fill(key)
		return
	case n == 1:
		t.Delete(k)
		return
	case n == 2:
		t.ExpireAt(k, t.Now()+int64(1+r.IntN(1_000_000)), 0)
		return
	case n == 3:
		t.Persist(k)
		return
	case n < 7:
		p.rename(key)
		return
	}
	few := p.elems(1 + r.IntN(3))
	switch key {
	case "string":
		if r.IntN(2) == 0 {
			_, _ = t.SetRange(k, int64(r.IntN(5*p.n)), few[0])
		} else {
			_, _ = t.Append(k, few[0])
		}
	case "set":
		if r.IntN(2) == 0 {
			_, _ = t.SAdd(k, few)
		} else {
			_, _ = t.SRem(k, few)
			_, _, _ = t.SPop(nil, k, nil)
			if r.IntN(100) == 0 {
				have, _ := t.SCard(k)
				_ = t.SPopMany(k, have-int64(r.IntN(p.n/5)), func(int) {}, func([]byte) {})
			}
		}
	case "zset":
		if r.IntN(2) == 0 {
			p.zadd(few)
		} else {
			_, _ = t.ZRem(k, few)
			if r.IntN(100) == 0 {
				from := r.Int64N(int64(p.n) / 10)
				_, _ = t.ZRemRange(k, &ZRange{Start: from, Stop: -r.Int64N(int64(p.n) / 10)})
			}
		}
	case "hash":
		if r.IntN(2) == 0 {
			p.hset(few)
		} else {
			_, _ = t.HDel(k, few)
		}
	default:
		p.list(k, few)
	}
}

// rename takes the collection of key away, or brings the one that is away back.
func (p *hugeScribbler) rename(key string) {
	from, to := key, hugeSpare
	if p.away != "" {
		from, to = hugeSpare, p.away
		key = ""
	}
	p.txn.End()
	p.txn.lane.Begin(0)
	keys := bs(from, to)
	p.txn.LockKeys(keys, 0, 1, 1)
	_, _ = p.txn.Rename(keys[0], keys[1], false)
	p.txn.End()
	p.txn.lane.Begin(0)
	p.away = key
}

// list makes a change of a list, mostly near the place that a capture has
// reached, wherever that is.
func (p *hugeScribbler) list(k []byte, few [][]byte) {
	t, r := p.txn, p.r
	have, _ := t.ListLen(k)
	end := ListEnd(r.IntN(2))
	index := r.Int64N(have + 1)
	switch n := r.IntN(40); {
	case n < 8:
		_, _ = t.ListPush(k, end, few, false)
	case n < 14:
		_, _ = t.ListPop(k, end, 1+r.Int64N(3), nil, func(ListValue) {})
	case n < 18:
		_ = t.ListSet(k, index, few[0])
	case n < 22:
		_ = t.ListPos(k, few[0], ListPosOptions{Rank: 1}, func(int64) {})
		_, _ = t.ListInsert(k, r.IntN(2) == 0, fmt.Appendf(nil, "common%d", r.IntN(4)), few[0])
	case n < 32:
		count := []int64{-1, 1, -3, 2, -40}[r.IntN(5)]
		_, _ = t.ListRemove(k, count, fmt.Appendf(nil, "common%d", r.IntN(4)))
	case n == 32:
		_, _ = t.ListRemove(k, 0, few[0])
	case n == 33:
		_, _ = t.ListRemove(k, -have, fmt.Appendf(nil, "common%d", r.IntN(4)))
	case n == 34 && r.IntN(4) == 0:
		_ = t.ListTrim(k, index, -1)
	case n == 35 && r.IntN(4) == 0:
		_ = t.ListTrim(k, 0, index)
	case n == 36 && r.IntN(20) == 0:
		_ = t.ListTrim(k, 2, 20) // so short that it becomes compact
	case n == 37 && r.IntN(4) == 0: // one huge list takes another's place
		t.End()
		t.lane.Begin(0)
		keys := [][]byte{k, []byte("list"), []byte("list2")}
		t.LockKeys(keys, 0, 2, 1)
		if r.IntN(2) == 0 {
			_, _ = t.Rename(keys[1], keys[2], false)
		} else {
			_, _, _ = t.ListMove(nil, keys[1+r.IntN(2)], keys[1+r.IntN(2)], end, ListEnd(r.IntN(2)))
		}
		t.End()
		t.lane.Begin(0)
	default:
		_ = t.ListTrim(k, 1, -2)
	}
}

// TestCaptureHuge changes huge collections between all the steps of their
// capture. The journal from its beginning on holds them, and no step does more
// than its share.
func TestCaptureHuge(t *testing.T) {
	n, rounds := 12_000, 4
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		t.Run("", func(t *testing.T) {
			seed := testSeed(t)
			r := rand.New(rand.NewPCG(seed, 1))
			rec := new(recorder)
			e, clock := openTest(t, Options{Shards: 2, Databases: 1, Journal: rec})
			l, keeper := e.NewLane(), e.NewLane()
			defer l.Close()
			defer keeper.Close()
			now := clock.NowMs()
			l.SetNow(now) // nothing expires
			p := &hugeScribbler{r: r, txn: l.Begin(0), n: n}
			for _, key := range hugeKeys {
				p.fill(key)
			}
			turn := len(rec.effects)
			moments := map[int]map[string]string{} // number of effects: contents
			for shard := range e.Shards() {
				e.BeginCapture(shard)
			}
			steps, busy := 0, 1+r.IntN(60)
			for shard := range e.Shards() {
				for done := false; !done; steps++ {
					from := len(rec.effects)
					done = captureStepOf(t, keeper, shard)
					items, size := 0, 0
					for _, ef := range rec.effects[from:] {
						items += len(ef.ef.Items)
						size += len(ef.payload)
					}
					if len(rec.effects)-from > 2*captureStep || items > 2*chunkItems || size > 2*captureBytes {
						t.Fatalf("%d effects of %d elements and %d bytes in one step", len(rec.effects)-from, items, size)
					}
					if r.IntN(200) == 0 { // changes its mind
						e.BeginCapture(shard)
						done = false
					}
					for range r.IntN(2 * busy) {
						p.step()
					}
					if r.IntN(60) == 0 && len(moments) < 4 {
						moments[len(rec.effects)] = contents(e)
					}
				}
			}
			p.txn.End()
			if steps < len(hugeKeys)*n/(4*chunkItems) {
				t.Fatalf("only %d steps: nothing is tested", steps)
			}
			t.Logf("%d steps, %d effects", steps, len(rec.effects)-turn)
			for _, count := range []int{2, 1 << r.IntN(4)} {
				twin, _ := openTest(t, Options{Shards: count, Databases: 1})
				replay(t, twin, rec.effects[turn:], 2)
				sameContents(t, twin, e)
			}
			for n, want := range moments {
				twin, _ := openTest(t, Options{Shards: 2, Databases: 1})
				replay(t, twin, rec.effects[:n], 2)
				if got := contents(twin); !maps.Equal(got, want) {
					t.Errorf("after %d of %d effects: %d keys, and other ones, want %d", n, len(rec.effects), len(got), len(want))
				}
			}
		})
	}
}
