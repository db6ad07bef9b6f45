package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/internal/cli"
)

// newFlags makes the flag set of a subcommand; about says what it does.
func newFlags(e cli.Env, name, about string) *flag.FlagSet {
	fs := flag.NewFlagSet("hpkv-bench "+name, flag.ContinueOnError)
	fs.SetOutput(e.Err)
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "%s\n\nUsage: %s [options]\n\n", about, fs.Name())
		fs.PrintDefaults()
	}
	return fs
}

// parse reads args into fs. Whatever is wrong has been printed when it returns
// cli.ErrUsage.
func parse(fs *flag.FlagSet, args []string, check func() error) error {
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return cli.ErrUsage
	}
	err := error(nil)
	if fs.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	} else if check != nil {
		err = check()
	}
	if err != nil {
		fmt.Fprintf(fs.Output(), "%s: %v\n", fs.Name(), err)
		return cli.ErrUsage
	}
	return nil
}

// intList is a flag of comma-separated numbers from least up.
type intList struct {
	values []int
	least  int
}

func (l *intList) String() string {
	words := make([]string, len(l.values))
	for i, v := range l.values {
		words[i] = strconv.Itoa(v)
	}
	return strings.Join(words, ",")
}

func (l *intList) Set(s string) error {
	l.values = nil
	for word := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < l.least {
			return fmt.Errorf("%q is not a number from %d up", word, l.least)
		}
		l.values = append(l.values, n)
	}
	return nil
}

// words is a flag of comma-separated words.
type words []string

func (w *words) String() string { return strings.Join(*w, ",") }

func (w *words) Set(s string) error {
	*w = nil
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word != "" {
			*w = append(*w, word)
		}
	}
	return nil
}

// cpuList is a flag such as "0-3,8"; empty means not given.
type cpuList []int

func (l *cpuList) String() string { return cpuNames(*l) }

func (l *cpuList) Set(s string) error {
	*l = nil
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || from < 0 || to < from || to > 4095 {
			return fmt.Errorf("%q is not a list of processors such as 0-3,8", s)
		}
		for cpu := from; cpu <= to; cpu++ {
			*l = append(*l, cpu)
		}
	}
	return nil
}

func cpuNames(cpus []int) string {
	names := make([]string, len(cpus))
	for i, cpu := range cpus {
		names[i] = strconv.Itoa(cpu)
	}
	return strings.Join(names, ",")
}

// serverList is the repeatable --server flag.
type serverList []proc.Spec

func (l *serverList) String() string {
	names := make([]string, len(*l))
	for i, s := range *l {
		names[i] = s.Name + "=" + strings.Join(s.Command, " ")
	}
	return strings.Join(names, ", ")
}

func (l *serverList) Set(s string) error {
	spec, err := proc.ParseSpec(s)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(*l, func(other proc.Spec) bool { return other.Name == spec.Name }) {
		return fmt.Errorf("two servers are called %q; name them with NAME=PROGRAM", spec.Name)
	}
	*l = append(*l, spec)
	return nil
}

// orDefault returns the servers that were asked for, or hpkv and redis.
func (l serverList) orDefault() []proc.Spec {
	if len(l) > 0 {
		return l
	}
	return []proc.Spec{
		{Name: "hpkv", Command: []string{"./bin/hpkv-server"}},
		{Name: "redis", Command: []string{"redis-server"}},
	}
}

// base checks the name of the server that ratios refer to; without one it is
// the second server.
func (l serverList) base(name string) (string, error) {
	specs := l.orDefault()
	if name == "" {
		return specs[min(1, len(specs)-1)].Name, nil
	}
	if !slices.ContainsFunc(specs, func(s proc.Spec) bool { return s.Name == name }) {
		return "", fmt.Errorf("--base %s: no server has that name", name)
	}
	return name, nil
}

const serverHelp = "`NAME=PROGRAM [ARG...]`: a server to measure; repeat it for several, hpkv first, then its peers. " +
	"{port} and {dir} in the arguments make them the whole command line " +
	"(default hpkv=./bin/hpkv-server and redis=redis-server)"

// placement says which processors servers and load run on.
type placement struct {
	server, load cpuList
}

func (p *placement) flags(fs *flag.FlagSet) {
	fs.Var(&p.server, "server-cpus", "`processors` for the servers, such as 0 or 0-3 (default: the first allowed one)")
	fs.Var(&p.load, "load-cpus", "`processors` for the load (default: the next one)")
}

// settle fills in the defaults and returns what a reader should know about
// them.
func (p *placement) settle() string {
	allowed := proc.Allowed()
	if !proc.CanPin || len(allowed) < 2 {
		p.server, p.load = nil, nil
		return "not pinned: servers and load share the processors"
	}
	if len(p.server) == 0 {
		p.server = pickOther(allowed, p.load)
	}
	if len(p.load) == 0 {
		p.load = pickOther(allowed, p.server)
	}
	s := fmt.Sprintf("servers on processor %s, load on %s", cpuNames(p.server), cpuNames(p.load))
	if len(allowed) > 2 && len(p.server) == 1 {
		s += fmt.Sprintf(" (of %d; --server-cpus and --load-cpus give them more)", len(allowed))
	}
	return s
}

// pickOther returns the first allowed processor that is not taken.
func pickOther(allowed, taken []int) cpuList {
	for _, cpu := range allowed {
		if !slices.Contains(taken, cpu) {
			return cpuList{cpu}
		}
	}
	return cpuList{allowed[0]}
}
