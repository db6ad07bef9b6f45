package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
)

// listPlayer plays random operations on lists of an engine and on Go slices.
type listPlayer struct {
	t     *testing.T
	r     *rand.Rand
	e     *Engine
	l     *Lane
	model [2]map[string][]string
}

const listKeys = 5

func (p *listPlayer) key() []byte { return fmt.Appendf(nil, "k%d", p.r.IntN(listKeys)) }

func (p *listPlayer) elem() []byte {
	switch p.r.IntN(20) {
	case 0:
		return bytes.Repeat([]byte("x"), p.r.IntN(700))
	case 1:
		return strconv.AppendInt(nil, int64(p.r.Uint64()>>p.r.IntN(64)), 10)
	case 2:
		return bytes.Repeat([]byte("huge"), 1000+p.r.IntN(5000))
	}
	return fmt.Appendf(nil, "%d", p.r.IntN(10))
}

func (p *listPlayer) elems() [][]byte {
	n := 1 + p.r.IntN(3)
	if p.r.IntN(20) == 0 {
		n = p.r.IntN(400) + 1
	}
	list := make([][]byte, n)
	for i := range list {
		list[i] = p.elem()
	}
	return list
}

func (p *listPlayer) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *listPlayer) set(db int, key []byte, list []string) {
	if len(list) == 0 {
		delete(p.model[db], string(key))
		return
	}
	p.model[db][string(key)] = list
}

func (p *listPlayer) step() {
	p.t.Helper()
	db, key := p.r.IntN(2), p.key()
	list := p.model[db][string(key)]
	t := p.l.Begin(db)
	defer t.End()
	end := ListEnd(p.r.IntN(2))
	switch op := p.r.IntN(20); {
	case op < 6:
		p.push(t, key, end, list)
	case op < 9:
		p.pop(t, key, end, list)
	case op == 9:
		p.rangeOf(t, key, list)
	case op == 10:
		i := p.r.Int64N(int64(2*len(list)+4)) - int64(len(list)) - 2
		at, ok := position(i, len(list))
		got := ""
		found, err := t.ListIndex(key, i, func(v ListValue) { got = string(v.Append(nil)) })
		p.must(err)
		if found != ok || ok && got != list[at] {
			p.t.Fatalf("index %d of %d: %q, %v", i, len(list), got, found)
		}
		e := p.elem()
		err = t.ListSet(key, i, e)
		switch {
		case list == nil && err != ErrNoSuchKey, list != nil && (err == nil) != ok, err != nil && err != ErrIndex && err != ErrNoSuchKey:
			p.t.Fatalf("set %d of %d: %v", i, len(list), err)
		case ok:
			list[at] = string(e)
		}
	case op == 11:
		p.insert(t, key, list)
	case op == 12:
		p.remove(t, key, list)
	case op == 13 && p.r.IntN(3) == 0:
		n := int64(len(list))
		start, stop := p.r.Int64N(n+4)-2, n-p.r.Int64N(n/2+4)
		p.must(t.ListTrim(key, start, stop))
		i, j := clampIndexes(start, stop, len(list))
		p.set(db, key, slices.Clone(list[i:j]))
	case op == 14:
		p.pos(t, key, list)
	case op < 17:
		p.move(t, key, list)
	default:
		p.keys(t, op, key, list)
	}
}

func (p *listPlayer) push(t *Txn, key []byte, end ListEnd, list []string) {
	elems, existing := p.elems(), p.r.IntN(4) == 0
	n, err := t.ListPush(key, end, elems, existing)
	p.must(err)
	if existing && list == nil {
		elems = nil
	}
	for _, e := range elems {
		if end == ListLeft {
			list = slices.Insert(list, 0, string(e))
		} else {
			list = append(list, string(e))
		}
	}
	p.set(t.DB(), key, list)
	if n != int64(len(list)) {
		p.t.Fatalf("push: %d elements, want %d", n, len(list))
	}
}

func (p *listPlayer) pop(t *Txn, key []byte, end ListEnd, list []string) {
	count := int64(p.r.IntN(4))
	if p.r.IntN(10) == 0 {
		count = int64(p.r.IntN(800))
	}
	take := int(min(count, int64(len(list))))
	want := slices.Clone(list[:take])
	rest := list[take:]
	if end == ListRight {
		want = slices.Clone(list[len(list)-take:])
		slices.Reverse(want)
		rest = list[:len(list)-take]
	}
	var got []string
	n := 0
	ok, err := t.ListPop(key, end, count, func(k int) { n = k }, func(v ListValue) { got = append(got, string(v.Append(nil))) })
	p.must(err)
	if ok != (list != nil) || n != take || !slices.Equal(got, want) {
		p.t.Fatalf("pop %d of %d: %d, %v", count, len(list), n, ok)
	}
	p.set(t.DB(), key, slices.Clone(rest))
}

func (p *listPlayer) rangeOf(t *Txn, key []byte, list []string) {
	n := int64(len(list))
	start, stop := p.r.Int64N(2*n+4)-n-2, p.r.Int64N(2*n+4)-n-2
	i, j := clampIndexes(start, stop, len(list))
	var got []string
	told := -1
	p.must(t.ListRange(key, start, stop, func(k int) { told = k }, func(v ListValue) { got = append(got, string(v.Append(nil))) }))
	if told != j-i || !slices.Equal(got, list[i:j]) {
		p.t.Fatalf("range %d %d of %d: %d elements, want %d", start, stop, n, len(got), j-i)
	}
	if k, err := t.ListLen(key); err != nil || k != n {
		p.t.Fatalf("length %d, %v, want %d", k, err, n)
	}
}

func (p *listPlayer) insert(t *Txn, key []byte, list []string) {
	pivot, e, after := p.elem(), p.elem(), p.r.IntN(2) == 0
	n, err := t.ListInsert(key, after, pivot, e)
	p.must(err)
	at := slices.Index(list, string(pivot))
	want := int64(len(list) + 1)
	switch {
	case list == nil:
		want = 0
	case at < 0:
		want = -1
	default:
		if after {
			at++
		}
		p.set(t.DB(), key, slices.Insert(list, at, string(e)))
	}
	if n != want {
		p.t.Fatalf("insert: %d, want %d", n, want)
	}
}

func (p *listPlayer) remove(t *Txn, key []byte, list []string) {
	count, e := int64(p.r.IntN(9)-4), p.elem()
	n, err := t.ListRemove(key, count, e)
	p.must(err)
	most := count
	if count < 0 {
		most = -count
		slices.Reverse(list)
	}
	gone := int64(0)
	list = slices.DeleteFunc(list, func(s string) bool {
		if s != string(e) || most != 0 && gone == most {
			return false
		}
		gone++
		return true
	})
	if count < 0 {
		slices.Reverse(list)
	}
	p.set(t.DB(), key, list)
	if n != gone {
		p.t.Fatalf("removed %d, want %d", n, gone)
	}
}

func (p *listPlayer) pos(t *Txn, key []byte, list []string) {
	e := p.elem()
	o := ListPosOptions{Rank: int64(p.r.IntN(3) + 1), Count: int64(p.r.IntN(4)), MaxLen: int64(p.r.IntN(30))}
	if p.r.IntN(2) == 0 {
		o.Rank = -o.Rank
	}
	var got, want []int64
	p.must(t.ListPos(key, e, o, func(pos int64) { got = append(got, pos) }))
	rank := max(o.Rank, -o.Rank)
	for i := range list {
		if o.MaxLen > 0 && int64(i) >= o.MaxLen {
			break
		}
		at := i
		if o.Rank < 0 {
			at = len(list) - 1 - i
		}
		if list[at] != string(e) {
			continue
		}
		if rank--; rank <= 0 && (o.Count == 0 || int64(len(want)) < o.Count) {
			want = append(want, int64(at))
		}
	}
	if !slices.Equal(got, want) {
		p.t.Fatalf("positions %v, want %v (%+v)", got, want, o)
	}
}

func (p *listPlayer) move(t *Txn, key []byte, list []string) {
	dst, from, to := p.key(), ListEnd(p.r.IntN(2)), ListEnd(p.r.IntN(2))
	t.LockKeys([][]byte{key, dst}, 0, 1, 1)
	got, ok, err := t.ListMove(nil, key, dst, from, to)
	p.must(err)
	if ok != (list != nil) {
		p.t.Fatalf("move from %d elements: %v", len(list), ok)
	}
	if !ok {
		return
	}
	list = slices.Clone(list)
	e := list[0]
	if from == ListLeft {
		list = list[1:]
	} else {
		e = list[len(list)-1]
		list = list[:len(list)-1]
	}
	if string(got) != e {
		p.t.Fatalf("moved %.20q, want %.20q", got, e)
	}
	p.set(t.DB(), key, list)
	other := p.model[t.DB()][string(dst)]
	if to == ListLeft {
		other = slices.Insert(slices.Clone(other), 0, e)
	} else {
		other = append(slices.Clone(other), e)
	}
	p.set(t.DB(), dst, other)
}

// keys plays what can be done to keys of any type.
func (p *listPlayer) keys(t *Txn, op int, key []byte, list []string) {
	db := t.DB()
	switch p.r.IntN(8) {
	case 0:
		if t.Delete(key) != (list != nil) {
			p.t.Fatal("delete")
		}
		p.set(db, key, nil)
	case 1, 2:
		dst := p.key()
		t.LockKeys([][]byte{key, dst}, 0, 1, 1)
		if string(dst) == string(key) || list == nil {
			return
		}
		if op == 17 {
			_, err := t.Rename(key, dst, false)
			p.must(err)
			p.set(db, key, nil)
		} else {
			_, err := t.Copy(key, dst, db, true)
			p.must(err)
		}
		p.set(db, dst, slices.Clone(list))
	case 3:
		_, taken := p.model[1-db][string(key)]
		ok, err := t.Move(key, 1-db)
		p.must(err)
		if ok != (list != nil && !taken) {
			p.t.Fatalf("move to the other database: %v", ok)
		}
		if ok {
			p.set(1-db, key, list)
			p.set(db, key, nil)
		}
	case 4:
		t.ExpireAt(key, 1_800_000_000_000, 0)
	case 5:
		if p.r.IntN(40) == 0 {
			p.must(t.SwapDB(0, 1))
			p.model[0], p.model[1] = p.model[1], p.model[0]
		}
	case 7:
		elems := p.elems()
		n, err := t.ListStore(key, elems)
		p.must(err)
		list = nil
		for _, e := range elems {
			list = append(list, string(e))
		}
		if n != int64(len(list)) {
			p.t.Fatalf("store: %d", n)
		}
		p.set(db, key, list)
	case 6:
		_, err := t.Set([]byte("string"), []byte("x"), SetOptions{})
		p.must(err)
		if _, err := t.ListPush([]byte("string"), ListLeft, [][]byte{key}, false); err != ErrWrongType {
			p.t.Fatalf("push to a string: %v", err)
		}
	}
}

func (p *listPlayer) verify(e *Engine) {
	p.t.Helper()
	l := e.NewLane()
	defer l.Close()
	for db := range p.model {
		for i := range listKeys {
			key := fmt.Appendf(nil, "k%d", i)
			t := l.Begin(db)
			var got []string
			p.must(t.ListRange(key, 0, -1, func(int) {}, func(v ListValue) { got = append(got, string(v.Append(nil))) }))
			t.End()
			if !slices.Equal(got, p.model[db][string(key)]) {
				p.t.Fatalf("database %d, %q: %d elements, want %d", db, key, len(got), len(p.model[db][string(key)]))
			}
		}
	}
	p.must(e.Check())
}

// TestListModel plays under limits that make lists change their form often, and
// replays the journal into another engine.
func TestListModel(t *testing.T) {
	for _, size := range []int64{-2, 4, 100, 0, -1} {
		t.Run(strconv.FormatInt(size, 10), func(t *testing.T) {
			seed := testSeed(t)
			rec := new(recorder)
			e, _ := openTest(t, Options{Shards: 4, Databases: 2, Journal: rec})
			e.Limits().ListSize.Store(size)
			p := &listPlayer{t: t, r: rand.New(rand.NewPCG(seed, 1)), e: e, l: e.NewLane()}
			p.model[0], p.model[1] = map[string][]string{}, map[string][]string{}
			keeper := e.NewLane()
			for i := range 4000 {
				p.step()
				if i%100 == 0 {
					for home := range e.Homes() {
						e.Maintain(keeper, home, time.Millisecond)
					}
				}
				if i%500 == 0 {
					p.verify(e)
				}
			}
			p.verify(e)
			for _, shards := range []int{4, 1} {
				twin, _ := openTest(t, Options{Shards: shards, Databases: 2})
				twin.Limits().ListSize.Store(size)
				replay(t, twin, rec.effects, 4)
				p.verify(twin)
			}
			p.l.Begin(0).FlushAll(false)
			if e.Check() != nil || live(e) != 0 {
				t.Errorf("after FLUSHALL: %v, %d parts", e.Check(), live(e))
			}
			keeper.Close()
			p.l.Close()
		})
	}
}

// TestListForms checks when a list changes its form.
func TestListForms(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 1})
	l := e.NewLane()
	defer l.Close()
	encoding := func() string {
		enc, _ := l.Begin(0).Encoding([]byte("k"))
		return enc
	}
	e.Limits().ListSize.Store(10)
	for i := 1; i <= 20; i++ {
		if _, err := l.Begin(0).ListPush([]byte("k"), ListRight, [][]byte{[]byte("x")}, false); err != nil {
			t.Fatal(err)
		}
		if got, want := encoding(), map[bool]string{true: "quicklist", false: "listpack"}[i > 10]; got != want {
			t.Errorf("%d elements: %s, want %s", i, got, want)
		}
	}
	for i := 19; i > 0; i-- {
		if _, err := l.Begin(0).ListPop([]byte("k"), ListLeft, 1, nil, func(ListValue) {}); err != nil {
			t.Fatal(err)
		}
		if got, want := encoding(), map[bool]string{true: "quicklist", false: "listpack"}[i > 5]; got != want {
			t.Errorf("%d elements are left: %s, want %s", i, got, want)
		}
	}
}

func TestListAllocations(t *testing.T) {
	e, _ := openTest(t, Options{Shards: 1})
	l := e.NewLane()
	defer l.Close()
	for _, size := range []int{1, 10000} {
		key := fmt.Appendf(nil, "k%d", size)
		elems := [][]byte{[]byte("element:1")}
		for range size {
			if _, err := l.Begin(0).ListPush(key, ListLeft, elems, false); err != nil {
				t.Fatal(err)
			}
		}
		dst := make([]byte, 0, 1024)
		if n := testing.AllocsPerRun(2000, func() {
			_, _ = l.Begin(0).ListPush(key, ListLeft, elems, false)
			_ = l.Begin(0).ListRange(key, 0, 9, func(int) {}, func(v ListValue) { dst = v.Append(dst[:0]) })
			_, _ = l.Begin(0).ListPop(key, ListRight, 1, nil, func(v ListValue) { dst = v.Append(dst[:0]) })
		}); n != 0 {
			t.Errorf("%v allocations in a list of %d", n, size)
		}
	}
}

func BenchmarkList(b *testing.B) {
	e, _ := openTest(b, Options{Shards: 16})
	l := e.NewLane()
	defer l.Close()
	key, elems := []byte("mylist"), [][]byte{[]byte("element:1")}
	b.Run("push and pop", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = l.Begin(0).ListPush(key, ListLeft, elems, false)
			if n, _ := l.Begin(0).ListLen(key); n > 100000 {
				_, _ = l.Begin(0).ListPop(key, ListRight, 1, nil, func(ListValue) {})
			}
		}
	})
	var dst []byte
	for _, n := range []int64{100, 600} {
		b.Run(fmt.Sprintf("range %d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dst = dst[:0]
				_ = l.Begin(0).ListRange(key, 0, n-1, func(int) {}, func(v ListValue) { dst = v.Append(dst) })
			}
		})
	}
}
