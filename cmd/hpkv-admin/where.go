package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"hpkv/cmd/internal/cli"
	"hpkv/persist"
	"hpkv/persist/vfs"
)

// logIn returns the directory of the log that dir, as the user gave it, stands for:
// dir itself, or, if there is none in it and one below it, that; a server's log is in
// the directory appenddirname, or a link to one, below its dir. Of several below it
// none is meant.
func logIn(e cli.Env, dir string) (string, error) {
	if persist.IsLog(vfs.OS(), dir) {
		return dir, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return dir, nil // whoever reads it will tell
	}
	var found []string
	var closed error // what may be the log, and cannot be read
	for _, entry := range entries {
		below := filepath.Join(dir, entry.Name())
		if persist.IsLog(vfs.OS(), below) {
			found = append(found, below)
		} else if _, err := os.ReadDir(below); err != nil && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, fs.ErrNotExist) {
			closed = err
		}
	}
	switch len(found) {
	case 0:
		if closed != nil {
			return "", fmt.Errorf("there is no log in %s, unless it is where nothing can be read: %w", dir, closed)
		}
		return dir, nil
	case 1:
		fmt.Fprintf(e.Err, "the log is in %s\n", found[0])
		return found[0], nil
	}
	return "", fmt.Errorf("there are %d logs below %s, please name one of them: %s", len(found), dir, strings.Join(found, ", "))
}

// started tells with which settings a server has the log in dir.
func started(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return fmt.Sprintf("hpkv-server --dir %q --appenddirname %q", filepath.Dir(dir), filepath.Base(dir))
}
