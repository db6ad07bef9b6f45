package engine

import "hpkv/engine/record"

// Type is the type of a value.
type Type uint8

const (
	TypeNone Type = iota
	TypeString
	TypeList
	TypeSet
	TypeZSet
	TypeHash
	TypeStream
)

var typeNames = [...]string{"none", "string", "list", "set", "zset", "hash", "stream"}

// String returns the name TYPE reports.
func (t Type) String() string { return typeNames[t] }

// stored converts between the type clients see and the record's tag, where a
// string is 0.
func (t Type) stored() record.Type  { return record.Type(t - TypeString) }
func typeOf(r record.Type) Type     { return Type(r) + TypeString }
func isString(h record.Header) bool { return h.Type() == TypeString.stored() }

// TTLState says whether a key exists and whether it expires.
type TTLState uint8

const (
	Missing TTLState = iota
	Persistent
	Volatile
)

// ExpireCond restricts ExpireAt by the expiry the key has now. NX excludes the
// others; GT and LT may each go with XX. A key without expiry counts as
// expiring never.
type ExpireCond uint8

const (
	ExpireNX ExpireCond = 1 << iota // only if the key has no expiry
	ExpireXX                        // only if it has one
	ExpireGT                        // only if the new expiry is later
	ExpireLT                        // only if it is earlier
)

// SetOptions of Set.
type SetOptions struct {
	NX, XX     bool  // only if the key is absent; only if it exists
	Get        bool  // return the previous value; ErrWrongType if it is no string
	KeepTTL    bool  // keep the expiry the key has
	SameType   bool  // ErrWrongType if the key holds something else than a string
	ExpireAtMs int64 // Unix milliseconds; 0: no expiry. In the past: the key is stored and has expired
}

// SetResult of Set.
type SetResult struct {
	Set     bool   // the value was stored
	Prev    []byte // previous value, with SetOptions.Get; valid until the lane's next operation
	HadPrev bool
}

// GetExOptions of GetEx; the zero value changes nothing.
type GetExOptions struct {
	Persist    bool  // drop the expiry
	ExpireAtMs int64 // 0: leave the expiry alone
}

// Head writes what must precede a value of n bytes, such as a length header,
// and returns the extended slice.
type Head func(dst []byte, n int) []byte
