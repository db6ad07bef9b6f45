package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"hpkv/cmd/internal/cli"
	"hpkv/persist"
	"hpkv/persist/vfs"
	"hpkv/resp"
)

const backupAbout = `Copies a log into the directory DEST, which must not exist or be empty. The copy
is a log like any other: check, dump and restore take it, and so does a server.

Given the address of a running server (HOST:PORT, or the path of its Unix
socket), has that server write its backup to DEST on its own machine, without
stopping. Given a directory, copies the log in it, which no server may have
open.`

func backup(ctx context.Context, e cli.Env, args []string) error {
	fs := newFlags(e, "backup", "DIR|ADDR DEST", backupAbout)
	user := fs.String("user", "", "user `name` at the server")
	password := fs.String("password", os.Getenv("HPKV_PASSWORD"), "`password` at the server (default: $HPKV_PASSWORD)")
	args, err := parse(fs, args, 2)
	if err != nil {
		return err
	}
	source, dest := args[0], args[1]
	if network := serverAt(source); network != "" {
		return backupServer(ctx, e, network, source, *user, *password, dest)
	}
	dir, err := logIn(e, source)
	if err != nil {
		return err
	}
	r, err := persist.Restore(ctx, vfs.OS(), dir, dest, persist.Target{}, show(e, "copied"))
	e.Progress.Clear()
	if err != nil {
		return err
	}
	report(e, dest, r)
	return nil
}

// serverAt returns the network of an address, "" for a directory.
func serverAt(source string) string {
	if info, err := os.Stat(source); err == nil {
		if info.Mode()&os.ModeSocket != 0 {
			return "unix"
		}
		return ""
	}
	if host, port, err := net.SplitHostPort(source); err == nil && port != "" && !strings.Contains(host, "/") {
		return "tcp"
	}
	return ""
}

func backupServer(ctx context.Context, e cli.Env, network, addr, user, password, dest string) error {
	dest, err := filepath.Abs(dest) // the server has a working directory of its own
	if err != nil {
		return err
	}
	client, err := resp.Dial(network, addr)
	if err != nil {
		return fmt.Errorf("cannot reach a server at %s: %w", addr, err)
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { client.Close() })()
	auth := []any{"AUTH", password}
	if user != "" {
		auth = []any{"AUTH", user, password}
	}
	if password != "" || user != "" {
		if err := do(client, auth...); err != nil {
			return err
		}
	}
	e.Progress.Printf("%s writes its backup to %s", addr, dest)
	err = do(client, "HPKV.BACKUP", dest)
	e.Progress.Clear()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "%s: written by %s\n", dest, addr)
	return nil
}

// do sends a command; an error reply is an error.
func do(client *resp.Client, args ...any) error {
	v, err := client.Do(args...)
	if err == nil && v.IsError() {
		err = errors.New(v.Text())
	}
	return err
}
