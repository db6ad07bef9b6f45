package config

import (
	"fmt"
	"math"
	"sort"
	"strings"
	"sync"
)

// maxInt is the upper bound of most counts, as in Redis, where they are C ints.
const maxInt = math.MaxInt32

// entry is one name a setting is known by.
type entry struct {
	name string
	row  int // index into settings.rows
}

// settings is the table in the two orders it is read in. Immutable.
type settings struct {
	rows   []Row
	byName map[string]int // index into sorted
	sorted []entry        // names and aliases
}

// table returns the one table, checked on first use.
var table = sync.OnceValue(func() *settings {
	t, err := newTable(networkRows(), httpRows(), tlsRows(), riocRows(), executionRows(), memoryRows(), encodingRows(), securityRows(),
		processRows(), persistenceRows(), observationRows(), scriptRows(), replicationRows(), clusterRows())
	if err != nil {
		panic("BUG: settings table: " + err.Error())
	}
	return t
})

func newTable(lists ...[]Row) (*settings, error) {
	t := &settings{byName: make(map[string]int)}
	for _, list := range lists {
		t.rows = append(t.rows, list...)
	}
	for i := range t.rows {
		r := &t.rows[i]
		if err := r.valid(); err != nil {
			return nil, err
		}
		for _, n := range append([]string{r.Name}, r.Aliases...) {
			t.sorted = append(t.sorted, entry{n, i})
		}
	}
	sort.Slice(t.sorted, func(i, j int) bool { return t.sorted[i].name < t.sorted[j].name })
	for i, e := range t.sorted {
		if _, taken := t.byName[e.name]; taken {
			return nil, fmt.Errorf("setting %s appears twice", e.name)
		}
		t.byName[e.name] = i
	}
	return t, nil
}

// valid reports a row that contradicts itself.
func (r *Row) valid() (err error) {
	defer func() {
		if p := recover(); p != nil { // initial and format panic on a wrong kind or default
			err = fmt.Errorf("setting %s: %v", r.Name, p)
		}
	}()
	switch {
	case r.Name == "" || r.Name != strings.ToLower(r.Name):
		return fmt.Errorf("setting %q: bad name", r.Name)
	case r.Doc == "" || strings.HasSuffix(r.Doc, "."):
		return fmt.Errorf("setting %s: description missing, or with a final period", r.Name)
	case (r.Status == Honoured) != (r.Why == ""):
		return fmt.Errorf("setting %s: a reason belongs to every setting that is not honoured, and only there", r.Name)
	case r.Status == Honoured && r.field == nil:
		return fmt.Errorf("setting %s: honoured, but no code can read it", r.Name)
	case r.Kind == Enumeration && r.names == nil, r.Kind == Combination && r.names == nil:
		return fmt.Errorf("setting %s: no names", r.Name)
	}
	value := r.initial()
	if r.check != nil {
		if err := r.check(value); err != nil {
			return fmt.Errorf("setting %s: default: %w", r.Name, err)
		}
	}
	if r.field != nil {
		new(Config).assign(r, value)
	}
	return nil
}

// assign stores value in the row's field; it panics if their types differ.
func (c *Config) assign(r *Row, value any) { r.field(c).set(value) }

// find looks a name or alias up, in any case.
func (t *settings) find(name string) (entry, *Row, bool) {
	i, ok := t.byName[name]
	if !ok {
		i, ok = t.byName[strings.ToLower(name)]
	}
	if !ok {
		return entry{}, nil, false
	}
	e := t.sorted[i]
	return e, &t.rows[e.row], true
}
