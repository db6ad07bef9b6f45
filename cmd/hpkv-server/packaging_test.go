package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hpkv/server/config"
)

// TestPackaging: the service unit and the container start the server with options
// that it understands, and the image builds with the Go that go.mod asks for.
func TestPackaging(t *testing.T) {
	unit, image := packaged(t, "hpkv-server.service"), packaged(t, "Containerfile")
	start := strings.Fields(after(t, unit, "ExecStart="))
	if start[0] != "/usr/local/bin/hpkv-server" {
		t.Errorf("the unit starts %s", start[0])
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "hpkv.conf")
	if err := os.WriteFile(file, []byte("daemonize yes\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	place := strings.NewReplacer("/etc/hpkv/hpkv.conf", file, "/var/lib/hpkv", dir, "/data", dir)
	parsed := func(args []string) *config.Config {
		t.Helper()
		for i := range args {
			args[i] = place.Replace(args[i])
		}
		cl, err := config.ParseArgs(args, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		return cl.Config
	}
	if c := parsed(start[1:]); c.Daemonize.Load() || c.Supervised.Load() != config.SupervisedSystemd || !strings.Contains(unit, "\nType=notify\n") {
		t.Error("systemd would not be told that the server is ready")
	}
	var entry []string
	if err := json.Unmarshal([]byte(after(t, image, "ENTRYPOINT ")), &entry); err != nil {
		t.Fatal(err)
	}
	if c := parsed(entry[1:]); c.ProtectedMode.Load() {
		t.Error("the container would refuse every client")
	}
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := strings.Join(strings.Split(after(t, string(mod), "go "), ".")[:2], ".")
	if !strings.Contains(image, "golang:"+version+" AS build") {
		t.Errorf("the image is not built with Go %s", version)
	}
}

func packaged(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("packaging", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// after returns the rest of the line that begins with a word.
func after(t *testing.T, text, word string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, word); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("no line begins with %q", word)
	return ""
}
