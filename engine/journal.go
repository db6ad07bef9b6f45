package engine

import "hpkv/engine/record"

// EffectKind says what an Effect does.
type EffectKind uint8

const (
	// EffectPut stores Value, of type Type, under Key, replacing what was
	// there, with the expiry ExpireAtMs (0: none).
	EffectPut EffectKind = iota + 1
	// EffectSplice writes Value over a string from Offset on, extending it
	// with zero bytes as needed; an absent key is an empty string. Expiry stays.
	EffectSplice
	// EffectRemove deletes Key.
	EffectRemove
	// EffectExpire gives Key the expiry ExpireAtMs, or none if 0.
	EffectExpire
	// EffectFlush empties the shard's part of database DB.
	EffectFlush
	// EffectSwap exchanges the shard's parts of databases DB and OtherDB.
	EffectSwap
)

// Effect is one deterministic change of one shard: what the write path
// applies, journals and replays. Times are absolute and choices are made; a
// client's command text is never kept. The byte slices belong to the caller of
// the write path and are valid only during a call.
type Effect struct {
	Kind       EffectKind
	Type       Type
	Form       record.Form // of a string, for EffectPut
	DB         int
	OtherDB    int
	Key        []byte
	Value      []byte
	Offset     int64
	ExpireAtMs int64
}

// Journal receives every effect in the order in which its shard applied it.
type Journal interface {
	// Append records ef as change number seq of the shard. It is called under
	// the shard's lock: it must copy what it keeps, must not block on I/O and
	// must not call the engine. txn is 0 for a change that stands alone, else
	// the same for all effects that must survive a crash together.
	Append(shard int, seq, txn uint64, ef *Effect)
}

// noJournal keeps nothing.
type noJournal struct{}

func (noJournal) Append(int, uint64, uint64, *Effect) {}
