package engine

// Event is a keyspace event, named as Redis names them.
type Event uint8

const (
	EventNone Event = iota
	EventNew
	EventSet
	EventDel
	EventExpire
	EventExpired
	EventPersist
	EventRenameFrom
	EventRenameTo
	EventCopyTo
	EventMoveFrom
	EventMoveTo
	EventAppend
	EventSetRange
	EventIncrBy
	EventIncrByFloat
	EventSetBit
)

// EventClass groups events as notify-keyspace-events does; the byte is the
// letter used there.
type EventClass byte

const (
	ClassGeneric EventClass = 'g'
	ClassString  EventClass = '$'
	ClassExpired EventClass = 'x'
	ClassNew     EventClass = 'n'
)

var events = [...]struct {
	name  string
	class EventClass
}{
	EventNone:        {"", 0},
	EventNew:         {"new", ClassNew},
	EventSet:         {"set", ClassString},
	EventDel:         {"del", ClassGeneric},
	EventExpire:      {"expire", ClassGeneric},
	EventExpired:     {"expired", ClassExpired},
	EventPersist:     {"persist", ClassGeneric},
	EventRenameFrom:  {"rename_from", ClassGeneric},
	EventRenameTo:    {"rename_to", ClassGeneric},
	EventCopyTo:      {"copy_to", ClassGeneric},
	EventMoveFrom:    {"move_from", ClassGeneric},
	EventMoveTo:      {"move_to", ClassGeneric},
	EventAppend:      {"append", ClassString},
	EventSetRange:    {"setrange", ClassString},
	EventIncrBy:      {"incrby", ClassString},
	EventIncrByFloat: {"incrbyfloat", ClassString},
	EventSetBit:      {"setbit", ClassString},
}

// String returns the event's name on the wire.
func (e Event) String() string { return events[e].name }

// Class returns the class the event belongs to.
func (e Event) Class() EventClass { return events[e].class }

// Events receives keyspace events.
type Events interface {
	// KeyEvent is called under the lock of the key's shard, right after the
	// change, so that the events of one key arrive in the order of its
	// changes. It must not block nor call the engine; key is valid only
	// during the call.
	KeyEvent(db int, ev Event, key []byte)
}
