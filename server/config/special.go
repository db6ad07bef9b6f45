package config

import (
	"math"
	"strconv"
	"strings"
	"sync/atomic"

	"hpkv/engine"
)

// Client classes of client-output-buffer-limit.
const (
	ClassNormal = iota
	ClassReplica
	ClassPubsub
	classCount
)

// classNames are the names CONFIG GET shows; "replica" is accepted as well.
var classNames = [classCount]string{"normal", "slave", "pubsub"}

// BufferLimit bounds the unsent output of one client class. A client is closed
// at once when it has Hard bytes or more waiting, or Soft bytes or more for
// longer than SoftSeconds; 0 bytes means no limit.
type BufferLimit struct {
	Hard, Soft  int64
	SoftSeconds int64
}

// BufferLimits is client-output-buffer-limit.
type BufferLimits struct {
	p atomic.Pointer[[classCount]BufferLimit]
}

// Load returns the limits of one class, ClassNormal, ClassReplica or ClassPubsub.
func (x *BufferLimits) Load(class int) BufferLimit { return x.p.Load()[class] }
func (x *BufferLimits) get() any                   { return *x.p.Load() }
func (x *BufferLimits) set(v any)                  { l := v.([classCount]BufferLimit); x.p.Store(&l) }

// parseBufferLimits changes the classes named in args and keeps the others.
func parseBufferLimits(args []string, current [classCount]BufferLimit) ([classCount]BufferLimit, error) {
	if len(args)%4 != 0 {
		return current, wireText("Wrong number of arguments in buffer limit configuration.")
	}
	limits := current
	for i := 0; i < len(args); i += 4 {
		class := -1
		for c, n := range classNames {
			if strings.EqualFold(args[i], n) || c == ClassReplica && strings.EqualFold(args[i], "replica") {
				class = c
			}
		}
		if class < 0 {
			return current, wireText("Invalid client class specified in buffer limit configuration.")
		}
		hard, err1 := ParseMemory(args[i+1])
		soft, err2 := ParseMemory(args[i+2])
		seconds, err3 := strconv.ParseInt(args[i+3], 10, 32)
		if err1 != nil || err2 != nil || err3 != nil || seconds < 0 {
			return current, wireText("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
		}
		limits[class] = BufferLimit{Hard: hard, Soft: soft, SoftSeconds: seconds}
	}
	return limits, nil
}

func formatBufferLimits(limits [classCount]BufferLimit) string {
	var b []byte
	for class, l := range limits {
		if class > 0 {
			b = append(b, ' ')
		}
		b = append(b, classNames[class]...)
		for _, n := range []int64{l.Hard, l.Soft, l.SoftSeconds} {
			b = strconv.AppendInt(append(b, ' '), n, 10)
		}
	}
	return string(b)
}

// SavePoint asks for a snapshot once Changes writes happened within Seconds.
type SavePoint struct{ Seconds, Changes int64 }

// SavePoints is the save setting.
type SavePoints struct{ p atomic.Pointer[[]SavePoint] }

// Load returns the current list. The caller must not change it.
func (x *SavePoints) Load() []SavePoint { return *x.p.Load() }
func (x *SavePoints) get() any          { return *x.p.Load() }
func (x *SavePoints) set(v any)         { l := v.([]SavePoint); x.p.Store(&l) }

// parseSavePoints appends the pairs in args to earlier; one empty argument
// empties the list.
func parseSavePoints(args []string, earlier []SavePoint) ([]SavePoint, error) {
	if len(args) == 0 || len(args) == 1 && args[0] == "" {
		return nil, nil
	}
	if len(args)%2 != 0 {
		return nil, wireText("Invalid save parameters")
	}
	list := append([]SavePoint(nil), earlier...)
	for i := 0; i < len(args); i += 2 {
		seconds, err1 := strconv.ParseInt(args[i], 10, 64)
		changes, err2 := strconv.ParseInt(args[i+1], 10, 32)
		if err1 != nil || err2 != nil || seconds < 1 || changes < 0 {
			return nil, wireText("Invalid save parameters")
		}
		list = append(list, SavePoint{Seconds: seconds, Changes: changes})
	}
	return list, nil
}

func formatSavePoints(list []SavePoint) string {
	var b []byte
	for i, p := range list {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendInt(b, p.Seconds, 10)
		b = strconv.AppendInt(append(b, ' '), p.Changes, 10)
	}
	return string(b)
}

// Percentiles is latency-tracking-info-percentiles.
type Percentiles struct{ p atomic.Pointer[[]float64] }

// Load returns the current list. The caller must not change it.
func (x *Percentiles) Load() []float64 { return *x.p.Load() }
func (x *Percentiles) get() any        { return *x.p.Load() }
func (x *Percentiles) set(v any)       { l := v.([]float64); x.p.Store(&l) }

func parsePercentiles(args []string) ([]float64, error) {
	if len(args) == 0 || len(args) == 1 && args[0] == "" {
		return nil, nil
	}
	list := make([]float64, 0, len(args))
	for _, arg := range args {
		f, err := strconv.ParseFloat(arg, 64)
		if err != nil || math.IsNaN(f) {
			return nil, wireText("Invalid latency-tracking-info-percentiles parameters")
		}
		if f < 0 || f > 100 {
			return nil, wireText("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
		}
		list = append(list, f)
	}
	return list, nil
}

func formatPercentiles(list []float64) string {
	var b []byte
	for i, f := range list {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	return string(b)
}

// Event is what notify-keyspace-events chooses: a set of classes of events, in the
// bits of engine.EventClass, and of the two kinds of channel.
type Event uint32

const (
	EventKeyspace Event = 1 << (16 + iota) // K: __keyspace@<db>__ channels
	EventKeyevent                          // E: __keyevent@<db>__ channels

	// EventAll is the letter A: misses and new keys must be asked for.
	EventAll = Event(engine.AllClasses &^ (engine.ClassKeyMiss | engine.ClassNew))
)

// Classes are the classes of events in the set.
func (e Event) Classes() engine.EventClass { return engine.EventClass(e) }

// eventLetters are in the order CONFIG GET shows them.
var eventLetters = []struct {
	letter byte
	event  Event
}{
	{'g', Event(engine.ClassGeneric)}, {'$', Event(engine.ClassString)}, {'l', Event(engine.ClassList)},
	{'s', Event(engine.ClassSet)}, {'h', Event(engine.ClassHash)}, {'z', Event(engine.ClassZSet)},
	{'x', Event(engine.ClassExpired)}, {'e', Event(engine.ClassEvicted)}, {'t', Event(engine.ClassStream)},
	{'d', Event(engine.ClassModule)}, {'n', Event(engine.ClassNew)},
	{'K', EventKeyspace}, {'E', EventKeyevent}, {'m', Event(engine.ClassKeyMiss)},
}

// Events is notify-keyspace-events.
type Events struct{ v atomic.Uint32 }

// Load returns the current set.
func (x *Events) Load() Event { return Event(x.v.Load()) }
func (x *Events) get() any    { return Event(x.v.Load()) }
func (x *Events) set(v any)   { x.v.Store(uint32(v.(Event))) }

func parseEvents(s string) (Event, error) {
	var set Event
next:
	for i := 0; i < len(s); i++ {
		if s[i] == 'A' {
			set |= EventAll
			continue
		}
		for _, l := range eventLetters {
			if s[i] == l.letter {
				set |= l.event
				continue next
			}
		}
		return 0, wireText("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
	}
	return set, nil
}

// formatEvents is what CONFIG GET shows: as in Redis, n only beside single classes,
// never after A.
func formatEvents(set Event) string {
	if set&EventAll == EventAll {
		set &^= Event(engine.ClassNew)
	}
	return writeEvents(set)
}

// writeEvents is all of the set. CONFIG REWRITE writes it: Redis writes what
// CONFIG GET shows, and after a restart n is lost.
func writeEvents(set Event) string {
	var b []byte
	if set&EventAll == EventAll {
		b = append(b, 'A')
	}
	for _, l := range eventLetters {
		if set&l.event != 0 && (l.event&EventAll == 0 || set&EventAll != EventAll) {
			b = append(b, l.letter)
		}
	}
	return string(b)
}
