package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxIncludes is how deep configuration files may include each other. Real
// set-ups use one or two levels; an endless chain of links should end in an
// error, not in running out of memory.
const maxIncludes = 16

// Error is a fault of a configuration file or of the command line, told in one line.
type Error struct {
	Source string // file name as it was given, "standard input", or "" for the command line
	Line   int    // in Source, from 1; 0: the source as a whole
	Text   string
}

func (e *Error) Error() string {
	switch {
	case e.Source == "":
		return e.Text
	case e.Line == 0:
		return e.Source + ": " + e.Text
	}
	return fmt.Sprintf("%s:%d: %s", e.Source, e.Line, e.Text)
}

// reader applies directives to a Config that nobody else uses yet.
type reader struct {
	c     *Config
	open  []string // absolute paths of the files being read, outermost first
	saved bool     // a save line was seen: later ones add to it
}

// file reads one configuration file; from is where it was included.
func (l *reader) file(path string, from Error) error {
	fail := func(format string, args ...any) error {
		from.Text = fmt.Sprintf(format, args...)
		return &from
	}
	absolute := l.resolve(path)
	// A link to itself under another name is caught by the depth.
	if slices.Contains(l.open, absolute) {
		return fail("configuration file %q includes itself", path)
	}
	if len(l.open) >= maxIncludes {
		return fail("configuration files include each other more than %d deep", maxIncludes)
	}
	f, err := os.Open(absolute)
	if err != nil {
		return fail("cannot read configuration file %q: %v", path, reason(err))
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return fail("cannot read configuration file %q: %v", path, reason(err))
	}
	l.open = append(l.open, absolute)
	defer func() { l.open = l.open[:len(l.open)-1] }()
	return l.text(path, string(text))
}

// resolve makes a path of a file or directory absolute.
func (l *reader) resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.c.started, path)
}

// text applies the lines of one source.
func (l *reader) text(source, text string) error {
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		line = strings.Trim(line, " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		at := Error{Source: source, Line: number}
		args, ok := splitLine(line)
		if !ok {
			at.Text = "unbalanced quotes"
			return &at
		}
		if len(args) == 0 {
			continue
		}
		if err := l.directive(args, at); err != nil {
			return err
		}
	}
	return nil
}

// Directives that are not settings. Those of older Redis versions are accepted
// and do nothing, as in Redis; the others would change what clients can do.
var (
	forgotten  = []string{"list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"}
	impossible = map[string]string{
		"rename-command": "commands cannot be renamed or disabled",
		"user":           "ACLs are not available yet",
		"loadmodule":     "modules cannot be loaded",
		"sentinel":       "Sentinel mode is not available",
	}
)

// directive applies one line: a setting's name and its value, or include.
func (l *reader) directive(args []string, at Error) error {
	fail := func(text string) error {
		at.Text = text
		return &at
	}
	name := strings.ToLower(args[0])
	_, r, ok := table().find(name)
	switch {
	case ok:
		if err := l.setting(name, args[1:]); err != nil {
			return fail(describe(r, args, err, at.Source == ""))
		}
		return nil
	case name == "include" && len(args) == 2:
		return l.include(args[1], at)
	case name == "include":
		return fail("include: wrong number of arguments")
	case slices.Contains(forgotten, name) && len(args) == 2:
		return nil
	case impossible[name] != "":
		return fail(name + ": " + impossible[name])
	}
	if at.Source == "" {
		return fail("unknown option --" + clip(args[0]))
	}
	return fail("unknown setting " + clip(args[0]))
}

// setting stores a setting's value.
func (l *reader) setting(name string, args []string) error {
	e, r, _ := table().find(name)
	current := l.c.values[e.row].get()
	if r.Name == "replicaof" && len(args) == 2 && strings.EqualFold(args[0], "no") && strings.EqualFold(args[1], "one") {
		args = nil
	}
	if r.Kind.several() && len(args) == 1 && args[0] != "" {
		// As in Redis, one argument may hold them all: --save "60 1000".
		list, ok := splitLine(args[0])
		if !ok {
			return errors.New("unbalanced quotes")
		}
		args = list
	}
	if r.Kind == Directory && len(args) == 1 {
		args = []string{l.resolve(args[0])}
	}
	if r.Kind == Snapshots && !l.saved {
		current = nil // the first line replaces the default
	}
	value, err := r.parse(args, current)
	if err != nil {
		return err
	}
	l.saved = l.saved || r.Kind == Snapshots
	l.c.values[e.row].set(value)
	l.c.mu.given[e.row] = true
	return nil
}

// include reads the files a pattern stands for, in order of their names.
// Relative paths start where the server was started, as in Redis. A pattern
// with wildcards may match nothing.
func (l *reader) include(pattern string, at Error) error {
	paths := []string{pattern}
	if strings.ContainsAny(pattern, "*?[") {
		var err error
		if paths, err = filepath.Glob(l.resolve(pattern)); err != nil {
			at.Text = fmt.Sprintf("include %q: %v", pattern, err)
			return &at
		}
	}
	for _, path := range paths {
		if err := l.file(path, at); err != nil {
			return err
		}
	}
	return nil
}

// describe tells what was wrong with a setting's line, without secrets.
func describe(r *Row, args []string, err error, option bool) string {
	text := clip(strings.Join(args, " "))
	if r.Flags&Sensitive != 0 {
		text = args[0]
	}
	if option {
		text = "option --" + text
	}
	return strings.TrimSuffix(fmt.Sprintf("%s: %v", text, err), ".")
}

// clip keeps what a message quotes to one short, printable line.
func clip(s string) string {
	const most = 80
	b := []rune(s)
	if len(b) > most {
		b = append(b[:most], '…')
	}
	for i, c := range b {
		if c < ' ' || c == 0x7f {
			b[i] = '?'
		}
	}
	return string(b)
}

// reason is an error without the operation and path that os puts before it.
func reason(err error) error {
	if pathError := (*os.PathError)(nil); errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
