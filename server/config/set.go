package config

import (
	"errors"
	"reflect"
	"strings"

	"hpkv/engine/glob"
	"hpkv/resp"
)

// Get calls visit for each name that one of the patterns matches, once, in
// alphabetical order, with the value as CONFIG GET shows it. A pattern without
// glob characters is a name, and visit gets it as it was spelled.
func (c *Config) Get(patterns [][]byte, visit func(name, value string)) {
	t := table()
	spelled := make([]string, len(t.sorted)) // "": not asked for
	for _, p := range patterns {
		if pattern := string(p); !strings.ContainsAny(pattern, "[*?") {
			if i, ok := t.byName[strings.ToLower(pattern)]; ok && spelled[i] == "" {
				spelled[i] = pattern
			}
			continue
		}
		for i, e := range t.sorted {
			if spelled[i] == "" && t.rows[e.row].Flags&Hidden == 0 && glob.MatchFold(p, []byte(e.name)) {
				spelled[i] = e.name
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, s := range spelled {
		if s != "" {
			visit(s, c.format(t.sorted[i].row))
		}
	}
}

// Value is the setting of the name as CONFIG GET shows it, "" if there is none.
func (c *Config) Value(name string) string {
	e, _, ok := table().find(name)
	if !ok {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.format(e.row)
}

// IsSensitive reports whether a name, in any case, is that of a setting whose
// values are to be kept out of messages and logs.
func IsSensitive(name string) bool {
	_, r, ok := table().find(name)
	return ok && r.Flags&Sensitive != 0
}

// format is the current value of a row as CONFIG GET shows it. REQUIRES: c.mu is held.
func (c *Config) format(row int) string { return table().rows[row].format(c.values[row].get()) }

// change is one name and value of a Set, checked.
type change struct {
	name     string // as found in the table
	row      int
	old, new any
}

// Set is CONFIG SET: args alternate names and values. All are applied, or none.
// local says that the client is on this machine, for settings only such clients
// may change. The error's text is the complete reply ("ERR …"). It waits for the hooks
// of others, see Changing.
func (c *Config) Set(args [][]byte, local bool) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	return c.set(args, local)
}

// TrySet is Set for who must not wait, since the hooks of others may wait for them: it
// fails while Changing.
func (c *Config) TrySet(args [][]byte, local bool) error {
	if !c.changing.TryLock() {
		return errChanging
	}
	defer c.changing.Unlock()
	return c.set(args, local)
}

var errChanging = errors.New("ERR CONFIG SET failed - other settings are being changed")

// Changing reports whether somebody is about to change settings, which may take as
// long as their hooks do.
func (c *Config) Changing() bool {
	if !c.changing.TryLock() {
		return true
	}
	c.changing.Unlock()
	return false
}

// set is Set. REQUIRES: c.changing is held.
func (c *Config) set(args [][]byte, local bool) error {
	changes, err := c.store(args, local)
	if err != nil {
		return err
	}
	return c.apply(changes)
}

// store checks all values and stores them.
func (c *Config) store(args [][]byte, local bool) ([]change, error) {
	if len(args) == 0 || len(args)%2 != 0 {
		return nil, errors.New(resp.ErrSyntax)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	changes, err := c.plan(args, local)
	if err != nil {
		return nil, err
	}
	for i := range changes {
		ch := &changes[i]
		r := &table().rows[ch.row]
		// The current value is read here, not when planning: a name and its
		// alias may both be given.
		ch.old = c.values[ch.row].get()
		var base any
		if r.Kind == Buffers {
			base = ch.old
		}
		value, err := r.parse(arguments(r, string(args[2*i+1])), base)
		if err != nil {
			c.restoreLocked(changes[:i])
			return nil, failed(ch.name, err)
		}
		ch.new = value
		c.values[ch.row].set(value)
	}
	return changes, nil
}

// plan finds the rows and refuses what may not be changed.
func (c *Config) plan(args [][]byte, local bool) ([]change, error) {
	t := table()
	changes := make([]change, 0, len(args)/2)
	for i := 0; i < len(args); i += 2 {
		spelled := string(args[i])
		e, r, ok := t.find(spelled)
		if !ok {
			return nil, errors.New(resp.UnknownSetting(args[i]))
		}
		if r.Flags&Immutable != 0 {
			return nil, failed(spelled, errors.New(resp.ConfigImmutable))
		}
		if r.Flags&Protected != 0 && !c.EnableProtectedConfigs.Load().Admits(local) {
			return nil, failed(spelled, errors.New(resp.ConfigProtected))
		}
		if r.Flags&AtStart != 0 && c.differs(e.row, string(args[i+1])) {
			return nil, failed(e.name, errFixed)
		}
		for _, earlier := range changes {
			if earlier.name == e.name {
				return nil, failed(spelled, errors.New(resp.ConfigDuplicate))
			}
		}
		changes = append(changes, change{name: e.name, row: e.row})
	}
	return changes, nil
}

var errFixed = errors.New("can't be changed while the server runs")

// differs reports whether text is valid for a row and not its current value.
func (c *Config) differs(row int, text string) bool {
	r := &table().rows[row]
	value, err := r.parse(arguments(r, text), nil)
	return err == nil && r.format(value) != c.format(row)
}

// apply runs the hooks of what really changed.
func (c *Config) apply(changes []change) error {
	t := table()
	var effective []change
	done := make(map[int]bool)
	for _, ch := range changes {
		// Not by what CONFIG GET shows: it does not tell AKE from AnKE.
		if done[ch.row] || reflect.DeepEqual(ch.old, c.values[ch.row].get()) {
			continue
		}
		done[ch.row] = true
		effective = append(effective, ch)
	}
	for i, ch := range effective {
		err := c.runHooks(ch.row)
		if err == nil && t.rows[ch.row].Flags&Hooked != 0 && len(c.hooks(ch.row)) == 0 {
			err = errFixed
		}
		if err != nil {
			c.restore(changes)
			for _, undone := range effective[:i+1] {
				// The first failure is the one to report; a hook that cannot go
				// back has nobody else to tell.
				_ = c.runHooks(undone.row)
			}
			return failed(ch.name, err)
		}
	}
	return nil
}

// restore puts old values back, last change first.
func (c *Config) restore(changes []change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restoreLocked(changes)
}

func (c *Config) restoreLocked(changes []change) {
	for i := len(changes) - 1; i >= 0; i-- {
		c.values[changes[i].row].set(changes[i].old)
	}
}

func (c *Config) hooks(row int) []func() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.hooks[row]
}

func (c *Config) runHooks(row int) error {
	for _, f := range c.hooks(row) {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// Admits reports whether a client may do what an enable-… setting guards.
func (v Choice) Admits(local bool) bool { return v == AllowYes || v == AllowLocal && local }

func failed(name string, err error) error {
	return errors.New(resp.ConfigSetFailed(name, err.Error()))
}

// arguments splits the one value of CONFIG SET where the setting takes several.
func arguments(r *Row, value string) []string {
	if r.Kind.several() {
		return words(value)
	}
	return []string{value}
}
