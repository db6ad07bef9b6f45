package config

import (
	"io"
	"strings"
)

// Action is what the command line asks the program to do.
type Action uint8

const (
	Run          Action = iota // start the server
	ShowHelp                   // --help, -h
	ShowVersion                // --version, -v
	ShowTopology               // --topology
)

// CommandLine is the outcome of ParseArgs.
type CommandLine struct {
	Action Action
	Config *Config
	File   string // configuration file as it was given, "" for none
	Stdin  bool   // settings were read from standard input
}

// ParseArgs reads the arguments of the server program (without its name) the
// way redis-server does:
//
//	[file] [--option value ...]... [-]
//
// Options come after the file and standard input, whatever their order. All
// arguments up to the next one that begins with -- are the option's values; the
// first may begin with -- itself. --save with nothing after it means --save "".
// An option and its value may also be one argument ("--port 7777"), and, unlike
// in redis-server, --port=7777. A lone - as first or last argument reads
// settings from stdin. Errors are one line and of type *Error.
func ParseArgs(args []string, stdin io.Reader) (*CommandLine, error) {
	cl := &CommandLine{Config: New()}
	if len(args) > 0 {
		switch args[0] {
		case "-h":
			cl.Action = ShowHelp
			return cl, nil
		case "-v":
			cl.Action = ShowVersion
			return cl, nil
		}
		if args[0] != "" && args[0][0] != '-' {
			cl.File, args = args[0], args[1:]
		}
	}
	options, err := cl.options(args)
	if err != nil || cl.Action == ShowHelp || cl.Action == ShowVersion {
		return cl, err
	}

	l := &reader{c: cl.Config}
	if cl.File != "" {
		if err := l.file(cl.File, Error{}); err != nil {
			return cl, err
		}
	}
	if cl.Stdin {
		text, err := io.ReadAll(stdin)
		if err != nil {
			return cl, &Error{Source: "standard input", Text: reason(err).Error()}
		}
		if err := l.text("standard input", string(text)); err != nil {
			return cl, err
		}
	}
	for _, o := range options {
		if err := l.directive(o, Error{}); err != nil {
			return cl, err
		}
	}
	return cl, nil
}

// options cuts the arguments into an option's name and values each.
func (cl *CommandLine) options(args []string) (list [][]string, err error) {
	for i := 0; i < len(args); {
		arg := args[i]
		i++
		switch {
		case arg == "-" && (i == len(args) || i == 1 && cl.File == ""):
			cl.Stdin = true
			continue
		case arg == "--topology":
			cl.Action = ShowTopology
			continue
		case arg == "--help":
			cl.Action = ShowHelp
			return nil, nil
		case arg == "--version":
			cl.Action = ShowVersion
			return nil, nil
		case arg == "--test-memory":
			return nil, &Error{Text: "option --test-memory: this server has no memory test; use memtest86+ or memtester"}
		case arg == "--check-system":
			return nil, &Error{Text: "option --check-system: this server has no system check; see --topology for what it found"}
		case arg == "--sentinel":
			return nil, &Error{Text: "option --sentinel: " + impossible["sentinel"]}
		case arg == "--":
			continue
		case !strings.HasPrefix(arg, "--"):
			return nil, &Error{Text: "argument " + clip(arg) + " belongs to no option; options begin with --"}
		}

		option, ok := optionWords(arg[2:])
		if !ok {
			return nil, &Error{Text: "option " + clip(arg) + ": unbalanced quotes"}
		}
		if len(option) == 0 {
			continue
		}
		if len(option) == 1 {
			// --save takes no value from an option that follows: programs that
			// build command lines from lists leave it empty.
			save := strings.EqualFold(option[0], "save")
			switch {
			case save && (i == len(args) || strings.HasPrefix(args[i], "--")):
				option = append(option, "")
			case i < len(args) && !(args[i] == "-" && i == len(args)-1):
				option = append(option, args[i])
				i++
			}
		}
		for i < len(args) && !strings.HasPrefix(args[i], "--") && !(args[i] == "-" && i == len(args)-1) {
			option = append(option, args[i])
			i++
		}
		list = append(list, option)
	}
	return list, nil
}

// optionWords splits an option that came with its value: "port 7777" as in
// redis-server, or port=7777 where port is a setting.
func optionWords(s string) ([]string, bool) {
	if name, value, found := strings.Cut(s, "="); found && !strings.ContainsAny(name, " \t") {
		if _, _, ok := table().find(name); ok || strings.EqualFold(name, "include") {
			return []string{name, value}, true
		}
	}
	return splitLine(s)
}
