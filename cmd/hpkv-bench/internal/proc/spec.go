package proc

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Spec says how to start one server.
type Spec struct {
	Name    string   // short name for tables
	Command []string // program and arguments
	// Parent is where the directory for the server's files is made; empty:
	// where the system keeps temporary files.
	Parent string
}

// With returns the server with more arguments, under another name.
func (s Spec) With(name string, args ...string) Spec {
	s.Name, s.Command = name, slices.Concat(s.Command, args)
	return s
}

// ParseSpec reads "NAME=PROGRAM [ARG...]" or "PROGRAM [ARG...]"; words are
// separated by blanks, single or double quotes keep blanks (and empty words).
// Without NAME= the program's base name is the name.
//
// The arguments may hold {port} and {dir}. When they hold {port} they are the
// whole command line; otherwise the arguments that redis-server needs for a
// plain run on a private port are added (see Spec.Args).
func ParseSpec(s string) (Spec, error) {
	name, command, found := strings.Cut(s, "=")
	if !found || strings.ContainsAny(name, " \t'\"/") {
		name, command = "", s
	}
	words, err := splitWords(command)
	if err != nil {
		return Spec{}, fmt.Errorf("server %q: %w", s, err)
	}
	if len(words) == 0 || words[0] == "" {
		return Spec{}, fmt.Errorf("server %q: want NAME=PROGRAM [ARG...]", s)
	}
	if name == "" {
		name = filepath.Base(words[0])
	}
	return Spec{Name: name, Command: words}, nil
}

// Args returns the command line for a server on 127.0.0.1:port that keeps its
// files in dir. It persists nothing unless its own arguments speak of
// --appendonly.
func (s Spec) Args(port int, dir string) []string {
	replace := strings.NewReplacer("{port}", fmt.Sprint(port), "{dir}", dir)
	args := make([]string, 0, len(s.Command)+10)
	complete, logs := false, false
	for _, word := range s.Command {
		complete = complete || strings.Contains(word, "{port}")
		logs = logs || word == "--appendonly"
		args = append(args, replace.Replace(word))
	}
	if complete {
		return args
	}
	args = append(args, "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "")
	if !logs {
		args = append(args, "--appendonly", "no")
	}
	return args
}

func splitWords(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	started := false
	quote := rune(0)
	for _, r := range s {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, started = r, true
		case r == ' ' || r == '\t':
			if started {
				words = append(words, word.String())
				word.Reset()
				started = false
			}
		default:
			word.WriteRune(r)
			started = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("missing closing %c", quote)
	}
	if started {
		words = append(words, word.String())
	}
	return words, nil
}
