package compat

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A case file holds one command on a line, quoted as redis-cli quotes: bare
// words, 'single quotes' and "double quotes" with \n \r \t \a \b \\ \" \xHH.
// An argument written @CxN stands for the character C repeated N times. Lines
// that begin with # are comments.
//
//	== name              begins a case: empty keyspace, new connections
//	!server --a b ...    before the first case: the file gets its own pair of
//	                     servers with these options
//	!proto 2|3           the case runs in this protocol only
//	!need CMD            the case is skipped where our server lacks the command
//
//	CMD arg ...          both servers are sent the command; replies must agree
//	!NAME CMD arg ...    the same, compared by the relaxation NAME (relax.go)
//	!v72 NAME "wire" CMD where Redis 7.2 answers otherwise than 7.0: ours must
//	                     answer wire (no final CRLF); NAME is a Difference
//	!save VAR CMD        keeps the reply of each server as $VAR
//	!scan CMD arg ...    iterates a SCAN-like command (cursor 0 given) to its
//	                     end on both and compares the elements as sets
//	!until "wire" CMD    repeats until both answer wire
//
//	!conn N              the commands that follow go to connection N (first: 1)
//	!reconnect           closes the current connection and opens it anew
//	!pipe ... !end       the commands between are written at once
//	!raw "bytes" ...     writes bytes as they are, several pieces joined
//	!talk CMD            writes a command and compares what all connections receive
//	!send CMD            writes a command and does not wait
//	!reply [N]           reads and compares N replies (1)
//	!eof                 reads to the end of the connection and compares
//	!finish              closes the writing half first, then as !eof
//
// Variables: $VAR of !save, $now (unix seconds), $now_ms, $addrN and $laddrN
// (address of connection N as client and server side), with an optional +N or
// -N. They are the value of each server's own connection or reply.

// Op says what a step does.
type Op uint8

// The operations of a script; see the table of directives above.
const (
	OpCommand Op = iota
	OpV72
	OpSave
	OpScan
	OpUntil
	OpConn
	OpReconnect
	OpRaw
	OpSend
	OpReply
	OpEOF
	OpFinish
	OpTalk
)

// Step is one line of a case.
type Step struct {
	Op    Op
	Args  []string // command, or the pieces of OpRaw
	Relax string   // OpCommand: relaxation by name, "" for the command's default
	Text  string   // OpV72, OpUntil: wire text; OpSave: variable
	N     int      // OpConn, OpReply: number
	Pipe  int      // > 0: first of a pipeline of Pipe commands
	Line  int      // in the file
}

// Case is a named list of steps.
type Case struct {
	Name  string
	Line  int
	Proto int // 0: both
	Need  []string
	Steps []Step
}

// File is one parsed case file.
type File struct {
	Path   string
	Server []string // options of the file's own pair; nil: the shared pair
	Cases  []Case
}

// LoadDir parses every case file of a directory.
func LoadDir(dir string) ([]File, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no case files in %s", dir)
	}
	var files []File
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		f, err := ParseScript(p, string(b))
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// ParseScript parses the text of a case file. Errors carry path and line.
func ParseScript(path, text string) (File, error) {
	f := File{Path: path}
	names := map[string]bool{}
	pipe := -1 // index of the step that heads the open pipeline
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		fail := func(format string, args ...any) (File, error) {
			return f, fmt.Errorf("%s:%d: %s", path, i+1, fmt.Sprintf(format, args...))
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if name, ok := strings.CutPrefix(line, "== "); ok {
			if pipe >= 0 {
				return fail("the pipeline above has no !end")
			}
			if names[name] {
				return fail("a second case %q", name)
			}
			names[name] = true
			f.Cases = append(f.Cases, Case{Name: name, Line: i + 1})
			continue
		}
		words, err := SplitArgs(line)
		if err != nil {
			return fail("%v", err)
		}
		if len(f.Cases) == 0 {
			if words[0] != "!server" {
				return fail("a command before the first case")
			}
			f.Server = append(f.Server, words[1:]...)
			continue
		}
		c := &f.Cases[len(f.Cases)-1]
		switch words[0] {
		case "!proto":
			if len(words) != 2 || (words[1] != "2" && words[1] != "3") {
				return fail("!proto takes 2 or 3")
			}
			c.Proto = int(words[1][0] - '0')
			continue
		case "!need":
			c.Need = append(c.Need, words[1:]...)
			continue
		case "!pipe":
			if pipe >= 0 {
				return fail("!pipe inside !pipe")
			}
			pipe = len(c.Steps)
			continue
		case "!end":
			if pipe < 0 || pipe == len(c.Steps) {
				return fail("!end without a pipeline")
			}
			c.Steps[pipe].Pipe = len(c.Steps) - pipe
			pipe = -1
			continue
		}
		s, err := parseStep(words)
		if err != nil {
			return fail("%v", err)
		}
		if pipe >= 0 && s.Op != OpCommand {
			return fail("only commands go into a pipeline")
		}
		s.Line = i + 1
		c.Steps = append(c.Steps, s)
	}
	if pipe >= 0 {
		return f, fmt.Errorf("%s: the last pipeline has no !end", path)
	}
	return f, nil
}

func parseStep(words []string) (Step, error) {
	s := Step{Args: words}
	name, directive := strings.CutPrefix(words[0], "!")
	if !directive {
		return s, nil
	}
	rest := words[1:]
	need := 0 // arguments the directive cannot do without
	switch name {
	case "conn", "reply":
		s.Op, s.N, s.Args = OpConn, 1, nil
		if name == "reply" {
			s.Op = OpReply
		} else {
			need = 1
		}
		if len(rest) > 0 {
			n, err := strconv.Atoi(rest[0])
			if err != nil || n < 1 {
				return s, fmt.Errorf("!%s: bad number %q", name, rest[0])
			}
			s.N = n
		}
	case "reconnect":
		s.Op, s.Args = OpReconnect, nil
	case "eof":
		s.Op, s.Args = OpEOF, nil
	case "finish":
		s.Op, s.Args = OpFinish, nil
	case "raw":
		s.Op, s.Args, need = OpRaw, rest, 1
	case "send":
		s.Op, s.Args, need = OpSend, rest, 1
	case "talk":
		s.Op, s.Args, need = OpTalk, rest, 1
	case "scan":
		s.Op, s.Args, need = OpScan, rest, 2
	case "save", "until":
		s.Op, need = OpSave, 2
		if name == "until" {
			s.Op = OpUntil
		}
		if len(rest) >= need {
			s.Text, s.Args = rest[0], rest[1:]
		}
	case "v72":
		s.Op, need = OpV72, 3
		if len(rest) >= need {
			if _, ok := Differences[rest[0]]; !ok {
				return s, fmt.Errorf("no difference is called %q", rest[0])
			}
			s.Text, s.Args = rest[1], rest[2:]
		}
	default:
		if _, ok := relaxations[name]; !ok {
			return s, fmt.Errorf("no directive or relaxation is called %q", name)
		}
		s.Relax, s.Args, need = name, rest, 1
	}
	if len(rest) < need {
		return s, fmt.Errorf("!%s needs %d arguments", name, need)
	}
	return s, nil
}

// SplitArgs cuts a line into arguments.
func SplitArgs(line string) ([]string, error) {
	var args []string
	for i := 0; i < len(line); {
		if line[i] == ' ' || line[i] == '\t' {
			i++
			continue
		}
		var b strings.Builder
		quoted := false
		for i < len(line) && line[i] != ' ' && line[i] != '\t' {
			if line[i] != '"' && line[i] != '\'' {
				b.WriteByte(line[i])
				i++
				continue
			}
			quoted = true
			n, err := unquote(&b, line[i:])
			if err != nil {
				return nil, err
			}
			i += n
		}
		arg := b.String()
		if !quoted {
			arg = repeat(arg)
		}
		args = append(args, arg)
	}
	return args, nil
}

// unquote reads one quoted piece at the start of s and returns its length.
func unquote(b *strings.Builder, s string) (int, error) {
	q := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == q:
			return i + 1, nil
		case s[i] != '\\' || i+1 == len(s):
			b.WriteByte(s[i])
		case q == '\'':
			if s[i+1] == '\'' {
				i++
			}
			b.WriteByte(s[i])
		case s[i+1] == 'x' && i+3 < len(s):
			v, err := strconv.ParseUint(s[i+2:i+4], 16, 8)
			if err != nil {
				return 0, fmt.Errorf("bad escape %q", s[i:i+4])
			}
			b.WriteByte(byte(v))
			i += 3
		default:
			i++
			if c := strings.IndexByte("nrtab", s[i]); c >= 0 {
				b.WriteByte("\n\r\t\a\b"[c])
			} else {
				b.WriteByte(s[i])
			}
		}
	}
	return 0, fmt.Errorf("unbalanced quotes in %q", s)
}

// repeat expands @CxN.
func repeat(arg string) string {
	if len(arg) < 4 || arg[0] != '@' || arg[2] != 'x' {
		return arg
	}
	n, err := strconv.Atoi(arg[3:])
	if err != nil || n < 0 {
		return arg
	}
	return strings.Repeat(arg[1:2], n)
}

// Quote is the inverse of SplitArgs for one argument.
func Quote(arg string) string {
	plain := arg != "" && !strings.ContainsRune("#!@=$", rune(arg[0]))
	for i := 0; i < len(arg) && plain; i++ {
		plain = arg[i] > ' ' && arg[i] < 0x7f && arg[i] != '"' && arg[i] != '\'' && arg[i] != '\\'
	}
	if plain {
		return arg
	}
	if n := len(arg); n >= 64 && strings.Count(arg, arg[:1]) == n && arg[0] > ' ' && arg[0] < 0x7f {
		return fmt.Sprintf("@%cx%d", arg[0], n)
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(arg); i++ {
		switch c := arg[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// JoinArgs writes a command as a line of a case file.
func JoinArgs(args []string) string {
	q := make([]string, len(args))
	for i, a := range args {
		q[i] = Quote(a)
	}
	return strings.Join(q, " ")
}
