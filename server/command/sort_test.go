package command

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hpkv/engine"
	"hpkv/resp"
)

// sortModel is the data of TestSortModel as plain Go has them.
type sortModel struct {
	lists   map[string][]string
	sets    map[string]map[string]bool
	zsets   map[string]map[string]float64
	strings map[string]string
	hashes  map[string]map[string]string
}

// sortCase is a SORT in words.
type sortCase struct {
	key                string
	alpha, desc        bool
	by                 string // "" for none
	get                []string
	limited            bool
	offset, count      int
	unsorted, anyOrder bool
}

func (c *sortCase) args(store string) []string {
	args := []string{"SORT", c.key}
	if c.by != "" {
		args = append(args, "BY", c.by)
	}
	if c.limited {
		args = append(args, "LIMIT", strconv.Itoa(c.offset), strconv.Itoa(c.count))
	}
	for _, g := range c.get {
		args = append(args, "GET", g)
	}
	if c.desc {
		args = append(args, "DESC")
	}
	if c.alpha {
		args = append(args, "ALPHA")
	}
	if store != "" {
		args = append(args, "STORE", store)
	}
	return args
}

// look is what a pattern leads to for an element.
func (m *sortModel) look(pattern, elem string) (string, bool) {
	if pattern == "#" {
		return elem, true
	}
	if !strings.Contains(pattern, "*") {
		return "", false
	}
	name, field, isHash := strings.Cut(strings.Replace(pattern, "*", elem, 1), "->")
	if isHash {
		v, ok := m.hashes[name][field]
		return v, ok
	}
	v, ok := m.strings[name]
	return v, ok
}

// run is what the SORT should answer: nil for an absent value; ok is false for a
// weight that is no number.
func (m *sortModel) run(c *sortCase) (reply []*string, ok bool) {
	var elems []string
	switch {
	case m.lists[c.key] != nil:
		elems = slices.Clone(m.lists[c.key])
		if c.unsorted && c.desc {
			slices.Reverse(elems)
		}
	case m.sets[c.key] != nil:
		elems = slices.Sorted(maps.Keys(m.sets[c.key]))
	case m.zsets[c.key] != nil:
		z := m.zsets[c.key]
		elems = slices.SortedFunc(maps.Keys(z), func(a, b string) int {
			return cmp.Or(cmp.Compare(z[a], z[b]), cmp.Compare(a, b))
		})
		if c.unsorted && c.desc {
			slices.Reverse(elems)
		}
	}
	weigh := func(e string) (string, bool) {
		if c.by == "" {
			return e, true
		}
		return m.look(c.by, e)
	}
	if !c.unsorted {
		score := map[string]float64{}
		for _, e := range elems {
			w, have := weigh(e)
			if c.alpha || !have || w == "" {
				continue
			}
			f, err := strconv.ParseFloat(w, 64)
			if err != nil {
				return nil, false
			}
			score[e] = f
		}
		slices.SortStableFunc(elems, func(a, b string) int {
			var order int
			if c.alpha {
				x, haveX := weigh(a)
				y, haveY := weigh(b)
				switch {
				case haveX && haveY:
					order = strings.Compare(x, y)
				case haveX:
					order = 1
				case haveY:
					order = -1
				}
			} else {
				order = cmp.Or(cmp.Compare(score[a], score[b]), strings.Compare(a, b))
			}
			if c.desc {
				return -order
			}
			return order
		})
	}
	if c.limited {
		from := min(max(c.offset, 0), len(elems))
		to := len(elems)
		if c.count >= 0 {
			to = min(from+c.count, to)
		}
		elems = elems[from:to]
	}
	for _, e := range elems {
		if len(c.get) == 0 {
			reply = append(reply, &e)
		}
		for _, g := range c.get {
			if v, have := m.look(g, e); have {
				reply = append(reply, &v)
			} else {
				reply = append(reply, nil)
			}
		}
	}
	return reply, true
}

// TestSortModel sorts lists, sets and sorted sets, small and large, in every way
// that SORT knows, and compares with plain Go.
func TestSortModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 15 {
		g := newRig(t, engine.Options{Shards: 4})
		m := &sortModel{
			lists: map[string][]string{}, sets: map[string]map[string]bool{}, zsets: map[string]map[string]float64{},
			strings: map[string]string{}, hashes: map[string]map[string]string{},
		}
		do := func(args ...string) resp.Value {
			t.Helper()
			list := make([][]byte, len(args))
			for i, a := range args {
				list[i] = []byte(a)
			}
			return g.value(list)
		}
		numbers := r.IntN(3) > 0 // else there are words among the elements
		elem := func() string {
			switch n := r.IntN(400); {
			case !numbers && n%3 == 0:
				return fmt.Sprintf("w%d", n)
			case n%5 == 0:
				return fmt.Sprintf("%d.%d", n-200, 1+n%7)
			default:
				return strconv.Itoa(n - 200)
			}
		}
		for range 1 << r.IntN(10) {
			e := elem()
			m.lists["list"] = append(m.lists["list"], e)
			do("RPUSH", "list", e)
			e = elem()
			if m.sets["set"] == nil {
				m.sets["set"], m.zsets["zset"] = map[string]bool{}, map[string]float64{}
			}
			m.sets["set"][e] = true
			do("SADD", "set", e)
			score := float64(r.IntN(20))
			m.zsets["zset"][e] = score
			do("ZADD", "zset", strconv.FormatFloat(score, 'f', -1, 64), e)
		}
		for _, e := range slices.Concat(m.lists["list"], slices.Collect(maps.Keys(m.sets["set"]))) {
			if r.IntN(8) > 0 {
				w := strconv.Itoa(r.IntN(50))
				m.strings["w_"+e] = w
				do("SET", "w_"+e, w)
			}
			if r.IntN(8) > 0 {
				w := fmt.Sprintf("%d.5", r.IntN(50))
				m.hashes["h_"+e] = map[string]string{"f": w}
				do("HSET", "h_"+e, "f", w)
			}
		}
		for range 60 {
			c := &sortCase{
				key:   []string{"list", "set", "zset", "none"}[r.IntN(4)],
				alpha: r.IntN(2) == 0, desc: r.IntN(2) == 0,
				by:      []string{"", "", "w_*", "h_*->f", "nosort", "h_*->none", "*_none"}[r.IntN(7)],
				limited: r.IntN(2) == 0, offset: r.IntN(20) - 3, count: r.IntN(30) - 3,
			}
			c.unsorted = c.by == "nosort"
			for range r.IntN(3) {
				c.get = append(c.get, []string{"#", "w_*", "h_*->f", "nothing", "h_*->none"}[r.IntN(5)])
			}
			store := []string{"", "", "stored"}[r.IntN(3)]
			// Without an order of its own, or among equals, a set has any.
			if c.key == "set" && (c.unsorted || c.alpha && c.by != "") {
				c.limited, c.anyOrder = false, true
			}
			want, ok := m.run(c)
			got := do(c.args(store)...)
			if !ok {
				if !strings.Contains(string(got.Str), "can't be converted") {
					t.Fatalf("%q: %v, want an error", c.args(store), got)
				}
				continue
			}
			if store != "" {
				if got.Int != do("LLEN", store).Int {
					t.Fatalf("%q: %v, and the list has %v elements", c.args(store), got, do("LLEN", store))
				}
				got = do("LRANGE", store, "0", "-1")
				for i, w := range want {
					if w == nil {
						want[i] = new(string)
					}
				}
			}
			compareSorted(t, c, c.args(store), got, want)
		}
	}
}

func compareSorted(t *testing.T, c *sortCase, args []string, got resp.Value, want []*string) {
	t.Helper()
	var a, b []string
	for _, w := range want {
		if w == nil {
			b = append(b, "absent")
		} else {
			b = append(b, "="+*w)
		}
	}
	for _, v := range got.Elems {
		if v.IsNull() {
			a = append(a, "absent")
		} else {
			a = append(a, "="+string(v.Str))
		}
	}
	if c.anyOrder {
		slices.Sort(a)
		slices.Sort(b)
	}
	if !slices.Equal(a, b) {
		t.Fatalf("%q:\n got %q\nwant %q", args, a, b)
	}
}
