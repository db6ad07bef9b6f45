package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

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
		return backupServer(ctx, e, login{network, source, *user, *password}, dest)
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

// login is what it takes to connect to a server.
type login struct{ network, addr, user, password string }

func (l login) dial() (*resp.Client, error) {
	client, err := resp.Dial(l.network, l.addr)
	if err != nil {
		return nil, fmt.Errorf("cannot reach a server at %s: %w", l.addr, err)
	}
	auth := []any{"AUTH", l.password}
	if l.user != "" {
		auth = []any{"AUTH", l.user, l.password}
	}
	if l.password != "" || l.user != "" {
		if err := do(client, auth...); err != nil {
			client.Close()
			return nil, err
		}
	}
	return client, nil
}

func backupServer(ctx context.Context, e cli.Env, l login, dest string) error {
	dest, err := filepath.Abs(dest) // the server has a working directory of its own
	if err != nil {
		return err
	}
	client, err := l.dial()
	if err != nil {
		return err
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { client.Close() })()
	e.Progress.Printf("%s writes its backup to %s", l.addr, dest)
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() { // ends with watching
		defer close(watched)
		l.watch(watching, show(e, "copied"))
	}()
	err = do(client, "HPKV.BACKUP", dest)
	stop()
	<-watched
	e.Progress.Clear()
	if ctx.Err() != nil {
		fmt.Fprintf(e.Err, "%s stops its backup and removes %s\n", l.addr, dest)
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "%s: written by %s\n", dest, l.addr)
	return nil
}

// lookEvery is the time between two questions of how far a server is.
const lookEvery = 500 * time.Millisecond

// watch shows how far the server's backup is, on a connection of its own, until ctx is
// done. A server that does not tell is not asked again.
func (l login) watch(ctx context.Context, show func(done, total int64)) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var client *resp.Client
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if client == nil { // most backups have ended by now
			var err error
			if client, err = l.dial(); err != nil {
				return
			}
			defer client.Close()
			defer context.AfterFunc(ctx, func() { client.Close() })()
		}
		info, err := client.Do("INFO", "persistence")
		if err != nil || info.IsError() {
			return
		}
		show(figure(info.Text(), "log_backup_copied_bytes"), figure(info.Text(), "log_backup_total_bytes"))
	}
}

// figure returns the number of a field of INFO, 0 if it has none.
func figure(info, field string) int64 {
	_, after, _ := strings.Cut(info, "\n"+field+":")
	text, _, _ := strings.Cut(after, "\r")
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// do sends a command; an error reply is an error.
func do(client *resp.Client, args ...any) error {
	v, err := client.Do(args...)
	if err == nil && v.IsError() {
		err = errors.New(v.Text())
	}
	return err
}
