package engine

// Event is a keyspace event, named as Redis names them.
type Event uint8

const (
	EventNone Event = iota
	EventNew
	EventDel
	EventExpire
	EventExpired
	EventEvicted
	EventPersist
	EventRenameFrom
	EventRenameTo
	EventCopyTo
	EventMoveFrom
	EventMoveTo
	EventKeyMiss

	EventSet
	EventAppend
	EventSetRange
	EventIncrBy
	EventIncrByFloat
	EventSetBit
	EventPFAdd

	EventLPush
	EventRPush
	EventLPop
	EventRPop
	EventLInsert
	EventLSet
	EventLTrim
	EventLRem
	EventSortStore

	EventHSet
	EventHIncrBy
	EventHIncrByFloat
	EventHDel
	EventHExpire
	EventHExpired
	EventHPersist

	EventSAdd
	EventSRem
	EventSPop
	EventSInterStore
	EventSUnionStore
	EventSDiffStore

	EventZAdd
	EventZIncr
	EventZRem
	EventZRemRangeByScore
	EventZRemRangeByRank
	EventZRemRangeByLex
	EventZPopMin
	EventZPopMax
	EventZInterStore
	EventZUnionStore
	EventZDiffStore
	EventZRangeStore
	EventGeoSearchStore
	EventGeoRadiusStore
)

// EventClass is a group of events, as notify-keyspace-events selects them, or
// a set of such groups.
type EventClass uint16

const (
	ClassGeneric EventClass = 1 << iota // g: commands on keys of any type
	ClassString                         // $: strings
	ClassList                           // l: lists
	ClassSet                            // s: sets
	ClassHash                           // h: hashes
	ClassZSet                           // z: sorted sets
	ClassExpired                        // x: a key's time has come
	ClassEvicted                        // e: a key had to make room
	ClassStream                         // t: streams
	ClassKeyMiss                        // m: a read found no key
	ClassModule                         // d: keys of module types
	ClassNew                            // n: a key came into being

	// AllClasses is every class.
	AllClasses EventClass = 1<<iota - 1
)

var events = [...]struct {
	name  string
	class EventClass
}{
	EventNone: {"", 0},

	EventNew:        {"new", ClassNew},
	EventDel:        {"del", ClassGeneric},
	EventExpire:     {"expire", ClassGeneric},
	EventExpired:    {"expired", ClassExpired},
	EventEvicted:    {"evicted", ClassEvicted},
	EventPersist:    {"persist", ClassGeneric},
	EventRenameFrom: {"rename_from", ClassGeneric},
	EventRenameTo:   {"rename_to", ClassGeneric},
	EventCopyTo:     {"copy_to", ClassGeneric},
	EventMoveFrom:   {"move_from", ClassGeneric},
	EventMoveTo:     {"move_to", ClassGeneric},
	EventKeyMiss:    {"keymiss", ClassKeyMiss},

	EventSet:         {"set", ClassString},
	EventAppend:      {"append", ClassString},
	EventSetRange:    {"setrange", ClassString},
	EventIncrBy:      {"incrby", ClassString},
	EventIncrByFloat: {"incrbyfloat", ClassString},
	EventSetBit:      {"setbit", ClassString},
	EventPFAdd:       {"pfadd", ClassString},

	EventLPush:     {"lpush", ClassList},
	EventRPush:     {"rpush", ClassList},
	EventLPop:      {"lpop", ClassList},
	EventRPop:      {"rpop", ClassList},
	EventLInsert:   {"linsert", ClassList},
	EventLSet:      {"lset", ClassList},
	EventLTrim:     {"ltrim", ClassList},
	EventLRem:      {"lrem", ClassList},
	EventSortStore: {"sortstore", ClassList},

	EventHSet:         {"hset", ClassHash},
	EventHIncrBy:      {"hincrby", ClassHash},
	EventHIncrByFloat: {"hincrbyfloat", ClassHash},
	EventHDel:         {"hdel", ClassHash},
	EventHExpire:      {"hexpire", ClassHash},
	EventHExpired:     {"hexpired", ClassHash},
	EventHPersist:     {"hpersist", ClassHash},

	EventSAdd:        {"sadd", ClassSet},
	EventSRem:        {"srem", ClassSet},
	EventSPop:        {"spop", ClassSet},
	EventSInterStore: {"sinterstore", ClassSet},
	EventSUnionStore: {"sunionstore", ClassSet},
	EventSDiffStore:  {"sdiffstore", ClassSet},

	EventZAdd:             {"zadd", ClassZSet},
	EventZIncr:            {"zincr", ClassZSet},
	EventZRem:             {"zrem", ClassZSet},
	EventZRemRangeByScore: {"zremrangebyscore", ClassZSet},
	EventZRemRangeByRank:  {"zremrangebyrank", ClassZSet},
	EventZRemRangeByLex:   {"zremrangebylex", ClassZSet},
	EventZPopMin:          {"zpopmin", ClassZSet},
	EventZPopMax:          {"zpopmax", ClassZSet},
	EventZInterStore:      {"zinterstore", ClassZSet},
	EventZUnionStore:      {"zunionstore", ClassZSet},
	EventZDiffStore:       {"zdiffstore", ClassZSet},
	EventZRangeStore:      {"zrangestore", ClassZSet},
	EventGeoSearchStore:   {"geosearchstore", ClassZSet},
	EventGeoRadiusStore:   {"georadiusstore", ClassZSet},
}

// String returns the event's name on the wire.
func (e Event) String() string { return events[e].name }

// Class returns the class the event belongs to.
func (e Event) Class() EventClass { return events[e].class }

// Events receives keyspace events.
type Events interface {
	// KeyEvent is called under the lock of the key's shard, right after the
	// change, so that the events of one key arrive in the order of its changes;
	// EventKeyMiss, which changes nothing, may come without a lock. commit is
	// that of the change. It must not block nor call the engine; key is valid
	// only during the call.
	KeyEvent(db int, ev Event, key []byte, commit Commit)
}

// SetEventClasses chooses the classes of events that are raised; before the
// first call, all are if Options.Events was given. It costs operations one
// atomic load while none is.
func (e *Engine) SetEventClasses(c EventClass) {
	if e.events != nil {
		e.eventClasses.Store(uint32(c))
	}
}

// wantsEvent says whether anybody is to be told of ev.
func (e *Engine) wantsEvent(ev Event) bool {
	classes := e.eventClasses.Load()
	return classes != 0 && classes&uint32(ev.Class()) != 0
}

// raise reports a keyspace event. REQUIRES: the key's shard is locked, or ev
// tells of no change.
func (t *Txn) raise(db int, ev Event, key []byte) {
	if !t.loading && t.e.wantsEvent(ev) {
		t.e.events.KeyEvent(db, ev, key, t.commit())
	}
}
