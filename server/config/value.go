package config

import (
	"sync/atomic"
)

// The value types below hold one setting each. Load is a single atomic load,
// cheap enough for every command; stores happen only inside Config, under its
// lock.

// holder is where a row keeps its value. The dynamic type of the value is fixed
// by the row's Kind (see Row.parse).
type holder interface {
	get() any
	set(any)
}

// Int is a number: a count, seconds, bytes or a file mode, as its setting says.
type Int struct{ v atomic.Int64 }

// Load returns the current value.
func (x *Int) Load() int64 { return x.v.Load() }
func (x *Int) get() any    { return x.v.Load() }
func (x *Int) set(v any)   { x.v.Store(v.(int64)) }

// Bool is a yes/no setting.
type Bool struct{ v atomic.Bool }

// Load returns the current value.
func (x *Bool) Load() bool { return x.v.Load() }
func (x *Bool) get() any   { return x.v.Load() }
func (x *Bool) set(v any)  { x.v.Store(v.(bool)) }

// Text is a string setting.
type Text struct{ p atomic.Pointer[string] }

// Load returns the current value.
func (x *Text) Load() string { return *x.p.Load() }
func (x *Text) get() any     { return *x.p.Load() }
func (x *Text) set(v any)    { s := v.(string); x.p.Store(&s) }

// Words is a list of strings.
type Words struct{ p atomic.Pointer[[]string] }

// Load returns the current list. The caller must not change it.
func (x *Words) Load() []string { return *x.p.Load() }
func (x *Words) get() any       { return *x.p.Load() }
func (x *Words) set(v any)      { s := v.([]string); x.p.Store(&s) }

// Choice is the numeric value of an Enum. The constants are in choices.go.
type Choice int64

// Enum is one of a setting's names, or a combination of them where the setting
// allows several. Compare Load with the constants of that setting.
type Enum struct{ v atomic.Int64 }

// Load returns the current choice.
func (x *Enum) Load() Choice { return Choice(x.v.Load()) }
func (x *Enum) get() any     { return Choice(x.v.Load()) }
func (x *Enum) set(v any)    { x.v.Store(int64(v.(Choice))) }

// unread keeps the value of a setting that no code reads, so that CONFIG GET
// returns what was set. Guarded by Config.mu.
type unread struct{ v any }

func (x *unread) get() any  { return x.v }
func (x *unread) set(v any) { x.v = v }
