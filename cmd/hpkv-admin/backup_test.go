package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"hpkv/cmd/internal/cli"
	"hpkv/persist"
)

func TestBackupDirectory(t *testing.T) {
	dir := newLog(t, "one", "two")
	dest := filepath.Join(t.TempDir(), "dest")
	if out := mustAdmin(t, "backup", dir, dest); !strings.Contains(out, "up to round 2 of") {
		t.Error(out)
	}
	mustAdmin(t, "check", dest)
	if got := contents(t, dest); got != "one two" {
		t.Errorf("the backup holds %q", got)
	}
	if _, _, err := admin("backup", dir, dest); err == nil {
		t.Error("a backup over another")
	}
}

// TestBackupInUse: a directory that a server has open is refused.
func TestBackupInUse(t *testing.T) {
	dir := newLog(t, "one")
	l, _, err := persist.Open(persist.Options{Dir: dir, Streams: 1}, &reader{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, _, err := admin("backup", dir, filepath.Join(t.TempDir(), "dest")); err == nil || !strings.Contains(err.Error(), "in use by another server: stop that first") {
		t.Errorf("in use: %v", err)
	}
}

// TestBackupServer holds what is sent to a server against what it should be.
func TestBackupServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	got := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		var lines []string
		for _, reply := range []string{"+OK\r\n", "-ERR no room\r\n"} {
			head, _ := r.ReadString('\n')
			for range 2 * int(head[1]-'0') {
				line, _ := r.ReadString('\n')
				if line[0] != '$' {
					lines = append(lines, strings.TrimSpace(line))
				}
			}
			conn.Write([]byte(reply))
		}
		got <- strings.Join(lines, " ")
	}()
	_, _, err = admin("backup", listener.Addr().String(), "/some/where", "--user", "u", "--password", "secret")
	if err == nil || err.Error() != "ERR no room" {
		t.Errorf("the error is %v", err)
	}
	if s := <-got; s != "AUTH u secret HPKV.BACKUP /some/where" {
		t.Errorf("the server got %q", s)
	}
}

// TestBackupIsWatched: a server whose backup takes long is asked how far it is. The
// one here has finished when it was.
func TestBackupIsWatched(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	asked := make(chan string, 1)
	go func() {
		writes, err := listener.Accept()
		if err != nil {
			return
		}
		defer writes.Close()
		tells, err := listener.Accept()
		if err != nil {
			return
		}
		defer tells.Close()
		b := make([]byte, 100)
		n, _ := tells.Read(b)
		asked <- string(b[:n])
		tells.Write([]byte("$2\r\nno\r\n"))
		writes.Write([]byte("+OK\r\n"))
	}()
	if out := mustAdmin(t, "backup", listener.Addr().String(), "/some/where"); !strings.Contains(out, "written by") {
		t.Error(out)
	}
	if s := <-asked; !strings.Contains(s, "INFO") {
		t.Errorf("the server was asked %q", s)
	}
}

// TestBackupInterrupted: who ends the command is told what becomes of the backup.
func TestBackupInterrupted(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, interrupt := context.WithCancel(context.Background())
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		r.ReadString('\n') // it has been asked
		interrupt()
		io.Copy(io.Discard, r)
	}()
	var out, errOut bytes.Buffer
	err = program.Run(ctx, cli.Env{Out: &out, Err: &errOut}, []string{"backup", listener.Addr().String(), "/some/where"})
	if !errors.Is(err, context.Canceled) || !strings.Contains(errOut.String(), "stops its backup and removes /some/where\n") || out.Len() > 0 {
		t.Errorf("%v, %q, %q", err, out.String(), errOut.String())
	}
}

func TestFigure(t *testing.T) {
	const info = "# Persistence\r\na:1\r\nlog_backup_copied_bytes:12345\r\nb:x\r\n"
	for field, want := range map[string]int64{"log_backup_copied_bytes": 12345, "a": 1, "b": 0, "copied_bytes": 0, "none": 0} {
		if got := figure(info, field); got != want {
			t.Errorf("%s is %d, want %d", field, got, want)
		}
	}
}
