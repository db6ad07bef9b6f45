package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	wrong := errors.New("wrong")
	got := ""
	p := Program{Name: "tool", About: "tool does something.", Usage: "[options]", Commands: []Command{
		{Name: "one", Summary: "the first", Run: func(_ context.Context, _ Env, args []string) error {
			got = strings.Join(args, " ")
			return nil
		}},
		{Name: "two", Summary: "the second", Run: func(context.Context, Env, []string) error { return wrong }},
	}}
	const help = "tool does something.\n\nUsage: tool SUBCOMMAND [options]\n\n  one         the first\n  two         the second\n\ntool SUBCOMMAND --help says more.\n"
	for _, c := range []struct {
		args     []string
		out, err string
		want     error
	}{
		{[]string{"one", "-x", "y"}, "", "", nil},
		{[]string{"two"}, "", "", wrong},
		{nil, "", help, ErrUsage},
		{[]string{"help"}, help, "", nil},
		{[]string{"three"}, "", "tool: no subcommand \"three\"\n\n" + help, ErrUsage},
	} {
		var out, err bytes.Buffer
		if e := p.Run(context.Background(), Env{Out: &out, Err: &err}, c.args); e != c.want || out.String() != c.out || err.String() != c.err {
			t.Errorf("%q: %v\n%s%s", c.args, e, out.String(), err.String())
		}
	}
	if got != "-x y" {
		t.Errorf("one was given %q", got)
	}
}
