package redisbench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"hpkv/cmd/hpkv-bench/internal/proc"
)

// Program is what is looked up in PATH.
const Program = "redis-benchmark"

// Run describes one run of redis-benchmark.
type Run struct {
	Addr     string // host:port
	Args     []string
	Requests int64
	Clients  int
	Pipeline int
	KeySpace uint64 // random numbers are below it; 1 sends every command to one key
	CPUs     []int  // where redis-benchmark runs; none: anywhere
}

// Available returns an error that says how to get redis-benchmark if it is
// missing.
func Available() error {
	if _, err := exec.LookPath(Program); err != nil {
		return fmt.Errorf("%s is not installed (Debian: apt-get install redis-tools); or use --generator builtin", Program)
	}
	return nil
}

// Do runs it and returns what it measured and the CPU time it used itself.
func (r Run) Do(ctx context.Context) (Report, time.Duration, error) {
	args, err := r.args()
	if err != nil {
		return Report{}, 0, err
	}
	cmd := exec.CommandContext(ctx, Program, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = proc.OnCPUs(r.CPUs, cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		if ctx.Err() != nil {
			return Report{}, 0, ctx.Err()
		}
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = errors.New(strings.TrimSpace(errOut.String()))
		}
		return Report{}, 0, fmt.Errorf("%s: %w", commandLine(args), err)
	}
	report, err := ParseReport(out.Bytes())
	return report, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), err
}

// args are the arguments of the program.
func (r Run) args() ([]string, error) {
	host, port, err := net.SplitHostPort(r.Addr)
	if err != nil {
		return nil, err
	}
	args := []string{
		"-h", host, "-p", port, "-n", strconv.FormatInt(r.Requests, 10), "-c", strconv.Itoa(r.Clients),
		"-P", strconv.Itoa(r.Pipeline), "-r", strconv.FormatUint(r.KeySpace, 10), "--precision", "3",
	}
	return append(args, r.Args...), nil
}

// commandLine is the command as a user would type it, long values cut.
func commandLine(args []string) string {
	line := Program
	for _, arg := range args {
		if len(arg) > 32 {
			arg = fmt.Sprintf("%s...(%d bytes)", arg[:8], len(arg))
		}
		line += " " + arg
	}
	return line
}
