package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
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

// TestMain runs the program that TestInterrupt starts, if it is that.
func TestMain(m *testing.M) {
	if os.Getenv("CLI_TEST_PROGRAM") == "" {
		os.Exit(m.Run())
	}
	p := Program{Name: "tool", Commands: []Command{
		{Name: "obey", Run: func(ctx context.Context, _ Env, _ []string) error {
			fmt.Println("ready")
			<-ctx.Done()
			return fmt.Errorf("something: %w", ctx.Err())
		}},
		{Name: "stay", Run: func(context.Context, Env, []string) error {
			fmt.Println("ready")
			_, err := bufio.NewReader(os.Stdin).ReadString(0)
			return err
		}},
	}}
	p.Main()
}

// TestInterrupt: a command that heeds its context ends with the first signal, any
// other with a further one.
func TestInterrupt(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		for _, command := range []string{"obey", "stay"} {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			c := exec.CommandContext(ctx, os.Args[0], command)
			c.Env = append(os.Environ(), "CLI_TEST_PROGRAM=1")
			var errOut bytes.Buffer
			c.Stderr = &errOut
			in, _ := c.StdinPipe()
			defer in.Close()
			out, _ := c.StdoutPipe()
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
				t.Fatalf("%s: %q, %v", command, line, err)
			}
			c.Process.Signal(signal)
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			again := time.NewTicker(time.Millisecond)
			var err error
			for waiting := true; waiting; {
				select {
				case err = <-ended:
					waiting = false
				case <-again.C: // the first one may not have been taken yet
					if command == "stay" {
						c.Process.Signal(signal)
					}
				}
			}
			again.Stop()
			status, _ := c.ProcessState.Sys().(syscall.WaitStatus)
			switch {
			case command == "obey" && (status.ExitStatus() != 1 || errOut.String() != "tool: interrupted\n"):
				t.Errorf("%s, %v: %v, %q", command, signal, err, errOut.String())
			case command == "stay" && status.Signal() != signal:
				t.Errorf("%s, %v: %v, %q", command, signal, err, errOut.String())
			}
		}
	}
}
