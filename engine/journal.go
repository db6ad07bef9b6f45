package engine

import "hpkv/engine/record"

// EffectKind says what an Effect does. The numbers are written to logs: a kind
// keeps its number for ever, and new ones go to the end.
type EffectKind uint8

const (
	// EffectPut stores a value of type Type under Key, replacing what was there,
	// with the expiry ExpireAtMs (0: none). Value is all of it, in the form Form,
	// which is portable, but for a large collection: that begins with the
	// elements in Items, and further effects add the rest.
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

	// The effects on collections change elements. The first element creates Key,
	// with the expiry ExpireAtMs, which means nothing if there is one; with the
	// last one Key goes, in the same effect. All but those on lists may be applied
	// again, and to a later state of the key than the one they were made for,
	// without harm.

	// EffectSetAdd adds Items to a set, EffectSetRemove removes them.
	EffectSetAdd
	EffectSetRemove
	// EffectHashSet gives fields values, Items being fields and values in turn;
	// they do not expire then. EffectHashUpdate does the same and leaves the
	// fields' expiries alone. EffectHashDelete removes the fields Items.
	EffectHashSet
	EffectHashUpdate
	EffectHashDelete
	// EffectHashExpire gives fields expiries: Items are fields and 8-byte
	// little-endian Unix milliseconds in turn, 0 for none. Absent fields stay
	// absent.
	EffectHashExpire
	// EffectZSetAdd gives members of a sorted set scores, Items being members
	// and 8-byte little-endian doubles in turn. EffectZSetRemove removes the
	// members Items.
	EffectZSetAdd
	EffectZSetRemove

	// The effects on lists say what to do: applied again they do it again.
	// Numbers among their items have 8 bytes, little endian.

	// EffectListPushLeft and EffectListPushRight add Items, one after the other,
	// at an end of a list.
	EffectListPushLeft
	EffectListPushRight
	// EffectListInsert adds an element before the one at a position: Items are the
	// position and the element. EffectListSet replaces the element there.
	EffectListInsert
	EffectListSet
	// EffectListTrim drops elements at the ends: Items are how many at the left
	// and how many at the right. EffectListKeep says the same in other words, and
	// takes its place in what is written; the other is in older logs.
	EffectListTrim
	// EffectListRemove removes elements equal to one: Items are how many, negative
	// to count from the right, 0 for all, the element, and, if it is not 0, the
	// position from which on.
	EffectListRemove
	// EffectListKeep drops elements at the ends: Items are how many at the left,
	// and how many are left then at most.
	EffectListKeep
	// EffectListPlace says what a list has at a position and behind it: Items are
	// the position, at most that of the end, and elements. From the first on that
	// differs, all the list has is dropped, and the rest of the elements added.
	EffectListPlace

	// EffectRename gives what Key holds in DB the name Value in OtherDB, in the
	// place of what is there; both are keys of the shard. Without Key there is
	// neither afterwards.
	EffectRename

	effectKinds // one more than the last
)

var effectNames = [effectKinds]string{
	EffectPut:    "put",
	EffectSplice: "splice",
	EffectRemove: "remove",
	EffectExpire: "expire",
	EffectFlush:  "flush",
	EffectSwap:   "swap",

	EffectSetAdd:     "set-add",
	EffectSetRemove:  "set-remove",
	EffectHashSet:    "hash-set",
	EffectHashUpdate: "hash-update",
	EffectHashDelete: "hash-delete",
	EffectHashExpire: "hash-expire",
	EffectZSetAdd:    "zset-add",
	EffectZSetRemove: "zset-remove",

	EffectListPushLeft:  "list-push-left",
	EffectListPushRight: "list-push-right",
	EffectListInsert:    "list-insert",
	EffectListSet:       "list-set",
	EffectListTrim:      "list-trim",
	EffectListRemove:    "list-remove",
	EffectListKeep:      "list-keep",
	EffectListPlace:     "list-place",

	EffectRename: "rename",
}

// String returns the kind's name.
func (k EffectKind) String() string {
	if k == 0 || k >= effectKinds {
		return "unknown"
	}
	return effectNames[k]
}

// shrinks reports whether an effect of the kind needs no memory to speak of, so
// that it is carried out however full the memory is.
func (k EffectKind) shrinks() bool {
	switch k {
	case EffectExpire, EffectSetRemove, EffectHashDelete, EffectZSetRemove, EffectListTrim, EffectListKeep, EffectListRemove:
		return true
	}
	return false
}

// Effect is one deterministic change of one shard: what the write path
// applies, journals and replays. Times are absolute and choices are made; a
// client's command text is never kept. The byte slices belong to the caller of
// the write path and are valid only during a call.
//
// A replay may meet effects that change a key before the EffectPut that brings
// the key's whole state: see capture. On a key that is absent or holds a part
// only, every kind must therefore do something harmless, and fail for want of
// memory only.
type Effect struct {
	Kind       EffectKind
	Type       Type
	Form       record.Form // of the value, for EffectPut
	DB         int
	OtherDB    int
	Key        []byte
	Value      []byte
	Items      [][]byte // elements of a collection
	Offset     int64    // of EffectFlush and EffectSwap: how many shards there were
	ExpireAtMs int64
}

// JournalRecord is an encoded effect and where it belongs.
type JournalRecord struct {
	Home    int    // of the shard
	Shard   int    //
	Seq     uint64 // number of the record within the shard
	Txn     uint64 // 0, or the same for all records that must survive a crash together
	Payload []byte // see AppendEffect; valid during the call only
}

// Journal keeps effects, in the order in which each shard applied them. Records
// gather in rounds; what is in one round becomes durable together.
//
// Its methods are called under the locks of the records' shards: they must copy
// what they keep, must not block on I/O and must not call the engine. They
// return the number of the round that took the records.
type Journal interface {
	// Append takes a change that stands alone, number seq of a shard. The journal
	// encodes it itself, with AppendEffect, where it is to lie; ef is valid during
	// the call only.
	Append(home, shard int, seq uint64, ef *Effect) (round uint64)
	// AppendTxn takes the records of one transaction, one or more, all into one
	// round.
	AppendTxn(recs []JournalRecord) (round uint64)
}

// SetJournal makes j receive every effect from now on; nil stops that. No
// transaction has some of its effects in one journal and some in another.
func (e *Engine) SetJournal(j Journal) {
	for _, s := range e.shards {
		s.mu.lock()
	}
	e.journal = j
	for _, s := range e.shards {
		s.mu.unlock()
	}
}

// StartJournal is SetJournal for a journal that is to hold what is here and
// nothing else, whatever it held before: the databases are emptied in it. A
// capture of every shard must follow.
func (l *Lane) StartJournal(j Journal) {
	t := l.Begin(0)
	t.LockAll()
	defer t.End()
	t.e.journal = j
	for _, s := range t.e.shards {
		for db := range t.e.databases {
			t.effect = Effect{Kind: EffectFlush, DB: db, Offset: int64(len(t.e.shards))}
			t.captured(s)
		}
	}
}

// Round returns the highest round that took a change of the lane since the last
// TakeRound, 0 if there was none.
func (l *Lane) Round() uint64 { return l.round }

// TakeRound returns the highest round that took a change of the lane since the
// last call, 0 if there was none.
func (l *Lane) TakeRound() uint64 {
	r := l.round
	l.round = 0
	return r
}

// gathered is what a transaction that holds shards will hand to the journal.
type gathered struct {
	recs []JournalRecord // without payloads
	ends []int           // of the payloads in buf
	buf  []byte
}

// keepGathered bounds the memory that a lane keeps for the next transaction.
const keepGathered = 1 << 20

// journalize hands ef to the journal, or keeps it until End when the transaction
// holds shards. REQUIRES: e.journal is not nil; s is locked by enter.
func (t *Txn) journalize(s *shard, ef *Effect) {
	if !t.locked {
		t.note(t.e.journal.Append(s.home, s.id, s.seq, ef))
		return
	}
	g := &t.gathered
	g.recs = append(g.recs, JournalRecord{Home: s.home, Shard: s.id, Seq: s.seq})
	g.buf = AppendEffect(g.buf, ef)
	g.ends = append(g.ends, len(g.buf))
}

// handOver gives the journal what the transaction did. REQUIRES: its shards are
// still locked.
func (t *Txn) handOver() {
	g := &t.gathered
	from, id := 0, uint64(0)
	if len(g.recs) > 1 {
		id = t.e.txnID.Add(1)
	}
	for i, end := range g.ends {
		g.recs[i].Payload, g.recs[i].Txn = g.buf[from:end], id
		from = end
	}
	t.note(t.e.journal.AppendTxn(g.recs))
	t.committed()
	g.reset()
}

func (t *Txn) note(round uint64) { t.lane.round = max(t.lane.round, round) }

func (g *gathered) reset() {
	if cap(g.buf) > keepGathered || cap(g.recs) > keepGathered/64 {
		*g = gathered{}
		return
	}
	g.recs, g.ends, g.buf = g.recs[:0], g.ends[:0], g.buf[:0]
}
