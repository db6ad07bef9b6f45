package config

import "sync/atomic"

// The value types below hold one setting each. Load is a single atomic load,
// cheap enough for every command; stores happen only inside Config, under its
// lock. Two Loads of different settings may straddle a CONFIG SET.

// Int is a number: a count, seconds, bytes or a file mode, as its setting says.
type Int struct{ v atomic.Int64 }

// Load returns the current value.
func (x *Int) Load() int64 { return x.v.Load() }

// Bool is a yes/no setting.
type Bool struct{ v atomic.Bool }

// Load returns the current value.
func (x *Bool) Load() bool { return x.v.Load() }

// Text is a string setting; its zero value is the empty string.
type Text struct{ p atomic.Pointer[string] }

// Load returns the current value.
func (x *Text) Load() string {
	if s := x.p.Load(); s != nil {
		return *s
	}
	return ""
}

// Words is a list of strings.
type Words struct{ p atomic.Pointer[[]string] }

// Load returns the current list. The caller must not change it.
func (x *Words) Load() []string {
	if s := x.p.Load(); s != nil {
		return *s
	}
	return nil
}

// Enum is one of a setting's names, or a combination of them where the setting
// allows several. Compare Load with the constants of that setting.
type Enum struct{ v atomic.Int64 }

// Load returns the current choice.
func (x *Enum) Load() Choice { return Choice(x.v.Load()) }

// Choice is the numeric value of an Enum.
type Choice int64
