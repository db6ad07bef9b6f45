package main

import (
	"fmt"
	"os"
	"path/filepath"

	"hpkv/cmd/internal/cli"
	"hpkv/persist"
	"hpkv/persist/vfs"
)

// logIn returns the directory of the log that dir, as the user gave it, stands for:
// dir itself, or, if there is none in it and one below it, that; a server's log is in
// the directory appenddirname below its dir.
func logIn(e cli.Env, dir string) string {
	if persist.IsLog(vfs.OS(), dir) {
		return dir
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return dir // whoever reads it will tell
	}
	found := ""
	for _, entry := range entries {
		if below := filepath.Join(dir, entry.Name()); entry.IsDir() && persist.IsLog(vfs.OS(), below) {
			if found != "" {
				return dir
			}
			found = below
		}
	}
	if found == "" {
		return dir
	}
	fmt.Fprintf(e.Err, "the log is in %s\n", found)
	return found
}

// started tells with which settings a server has the log in dir.
func started(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return fmt.Sprintf("hpkv-server --dir %q --appenddirname %q", filepath.Dir(dir), filepath.Base(dir))
}
