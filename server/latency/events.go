package latency

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// historyLength is how many samples of an event are kept.
const historyLength = 160

// Sample is the longest latency of an event within one second.
type Sample struct {
	Unix int64
	Ms   int64
}

// Event is what is known of one kind of event.
type Event struct {
	Name    string
	Samples []Sample // the oldest first
	MaxMs   int64    // of all, also of those that are not kept any more
}

// Last is the newest sample.
func (e *Event) Last() Sample { return e.Samples[len(e.Samples)-1] }

// Book records events that took longer than they should. The zero value is
// empty. Any goroutine may call any method.
type Book struct {
	mu     sync.Mutex
	events map[string]*Event
}

// Add notes that an event took ms milliseconds at a time.
func (b *Book) Add(name string, unix, ms int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.events[name]
	if e == nil {
		if b.events == nil {
			b.events = make(map[string]*Event)
		}
		e = &Event{Name: name}
		b.events[name] = e
	}
	e.MaxMs = max(e.MaxMs, ms)
	if n := len(e.Samples); n > 0 && e.Samples[n-1].Unix == unix {
		e.Samples[n-1].Ms = max(e.Samples[n-1].Ms, ms)
		return
	}
	if len(e.Samples) == historyLength {
		e.Samples = slices.Delete(e.Samples, 0, 1)
	}
	e.Samples = append(e.Samples, Sample{unix, ms})
}

// Event returns a copy of what is known of an event, and whether anything is.
func (b *Book) Event(name string) (Event, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.events[name]
	if e == nil {
		return Event{}, false
	}
	c := *e
	c.Samples = slices.Clone(e.Samples)
	return c, true
}

// Events returns copies of all events, by name.
func (b *Book) Events() []Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Event, 0, len(b.events))
	for _, e := range b.events {
		c := *e
		c.Samples = slices.Clone(e.Samples)
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Event) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Reset forgets the named events, all without names, and returns how many there
// were.
func (b *Book) Reset(names ...string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(names) == 0 {
		n = len(b.events)
		b.events = nil
		return n
	}
	for _, name := range names {
		if b.events[name] != nil {
			delete(b.events, name)
			n++
		}
	}
	return n
}

// graphRows is the height of a graph, graphColumns its greatest width.
const (
	graphRows    = 4
	graphColumns = 80
)

// Graph draws the last samples as columns of characters, with their age below,
// to be read from top to bottom.
func (e *Event) Graph(nowUnix int64) string {
	samples := e.Samples[max(len(e.Samples)-graphColumns, 0):]
	low, high := samples[0].Ms, samples[0].Ms
	ages, width := make([]string, len(samples)), 0
	for i, s := range samples {
		low, high = min(low, s.Ms), max(high, s.Ms)
		ages[i] = age(nowUnix - s.Unix)
		width = max(width, len(ages[i]))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s - high %d ms, low %d ms (all time high %d ms)\n", e.Name, high, low, e.MaxMs)
	b.WriteString(strings.Repeat("-", graphColumns) + "\n")
	// Each cell has three levels: _ o #. A column below its top is |.
	const levels = "_o#"
	for row := graphRows - 1; row >= 0; row-- {
		for _, s := range samples {
			const steps = graphRows * int64(len(levels))
			height := 1 + int(min((s.Ms-low)*steps/max(high-low, 1), steps-1))
			switch fill := height - row*len(levels); {
			case fill <= 0:
				b.WriteByte(' ')
			case fill > len(levels):
				b.WriteByte('|')
			default:
				b.WriteByte(levels[fill-1])
			}
		}
		b.WriteByte('\n')
	}
	b.WriteString(strings.Repeat(" ", len(samples)) + "\n")
	for row := range width {
		for _, a := range ages {
			if row < len(a) {
				b.WriteByte(a[row])
			} else {
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// age is a time span in its largest unit.
func age(seconds int64) string {
	switch {
	case seconds < 60:
		return fmt.Sprintf("%ds", max(seconds, 0))
	case seconds < 3600:
		return fmt.Sprintf("%dm", seconds/60)
	case seconds < 86400:
		return fmt.Sprintf("%dh", seconds/3600)
	}
	return fmt.Sprintf("%dd", seconds/86400)
}
