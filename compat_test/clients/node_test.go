package clients_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	compat "hpkv/compat_test"
)

// setUpNode installs the scripts' packages when they are not there yet.
func setUpNode(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			compat.Missing(t, "%s is not installed: the Node.js clients cannot run", tool)
		}
	}
	// npm writes this file last, so an interrupted installation is repeated, as is
	// one of an earlier list of packages.
	wanted, err := os.Stat("node/package-lock.json")
	must(t, err)
	if there, err := os.Stat("node/node_modules/.package-lock.json"); err != nil || there.ModTime().Before(wanted.ModTime()) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "npm", "ci", "--no-progress")
		cmd.Dir = "node"
		if out, err := cmd.CombinedOutput(); err != nil {
			compat.Missing(t, "npm ci: %v\n%s", err, out)
		}
	}
}

// runNode runs a script against a server. A line "restart" on its output asks
// for a restart of the server, "restarted" on its input says that it is done.
func runNode(t *testing.T, script string, s *compat.Server, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	host, port, _ := strings.Cut(s.Addr, ":")
	cmd := exec.CommandContext(ctx, "node", append([]string{script, host, port}, args...)...)
	cmd.Dir = "node"
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	var out strings.Builder
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if lines.Text() == "restart" {
			if err := s.Restart(); err != nil {
				t.Error(err)
			}
			if _, err := stdin.Write([]byte("restarted\n")); err != nil {
				t.Error(err)
			}
			continue
		}
		out.WriteString(lines.Text() + "\n")
	}
	if err := cmd.Wait(); err != nil || !strings.HasSuffix(out.String(), "done\n") {
		t.Fatalf("%s %v: %v\n%s%s", script, args, err, out.String(), stderr.String())
	}
}

func TestIORedis(t *testing.T) {
	setUpNode(t)
	s := compat.StartOurs(t)
	runNode(t, "ioredis.mjs", s)
}

func TestNodeRedis(t *testing.T) {
	setUpNode(t)
	s := compat.StartOurs(t)
	for _, resp := range []string{"2", "3"} {
		t.Run("RESP"+resp, func(t *testing.T) { runNode(t, "redis.mjs", s, resp) })
	}
}
