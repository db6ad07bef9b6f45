package server

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write generated documents")

func TestCommandsDocument(t *testing.T) {
	got, err := commandsMarkdown()
	if err != nil {
		t.Fatal(err)
	}
	const path = "../COMMANDS.md"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Error("COMMANDS.md is stale; renew it with: go generate ./server")
	}
}
