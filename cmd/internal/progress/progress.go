// Package progress tells a waiting person how far a long piece of work is: one line
// that updates in place on a terminal, an occasional line elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
)

// A terminal line is redrawn at most this often; elsewhere (a log, CI) a line
// appears at most once in lineEvery.
const (
	redrawEvery = 100 * time.Millisecond
	lineEvery   = 10 * time.Second
)

// Line shows the current state of one long piece of work. Safe for concurrent
// use. The zero value and nil are silent.
type Line struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	last     time.Time
	shown    bool
	now      func() time.Time
}

// New writes to f, redrawing one line if f is a terminal.
func New(f *os.File) *Line {
	return &Line{w: f, terminal: isatty.IsTerminal(f.Fd()), now: time.Now}
}

// Printf shows the state unless the previous one was shown a moment ago.
func (l *Line) Printf(format string, args ...any) {
	if l == nil || l.w == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	every := lineEvery
	if l.terminal {
		every = redrawEvery
	}
	now := l.now()
	if !l.last.IsZero() && now.Sub(l.last) < every {
		return
	}
	l.last = now
	text := fmt.Sprintf(format, args...)
	if !l.terminal {
		fmt.Fprintln(l.w, text)
		return
	}
	const widest = 110 // a longer line would wrap and not be overwritten
	if len(text) > widest {
		text = text[:widest]
	}
	fmt.Fprintf(l.w, "\r\x1b[K%s", text)
	l.shown = true
}

// Clear removes the line from a terminal, before other output.
func (l *Line) Clear() {
	if l == nil || l.w == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shown {
		fmt.Fprint(l.w, "\r\x1b[K")
		l.shown = false
	}
}

// Eta is a short estimate of the time left after done of total parts took
// elapsed, when something else will take more: ", 3m10s left", or nothing before
// the first part.
func Eta(done, total int, elapsed, more time.Duration) string {
	if done <= 0 || done > total {
		return ""
	}
	left := time.Duration(float64(elapsed)/float64(done)*float64(total-done)) + more
	return ", " + left.Round(time.Second).String() + " left"
}

// Bytes shows, behind a word, how many of total bytes are done after elapsed.
// Nothing is said elsewhere than on a terminal of what is done in a moment.
func (l *Line) Bytes(word string, done, total int64, elapsed time.Duration) {
	if total <= 0 || l == nil || !l.terminal && elapsed < time.Second {
		return
	}
	const width = 30
	full := int(width * min(done, total) / total)
	bar := strings.Repeat("#", full) + strings.Repeat(".", width-full)
	unit, shift := "MB", 20
	if total < 10<<20 {
		unit, shift = "KB", 10
	}
	l.Printf("%s [%s] %d of %d %s%s", word, bar, done>>shift, total>>shift, unit, Eta(int(done), int(total), elapsed, 0))
}
