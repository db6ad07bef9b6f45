package compat

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Pair is the server under test beside the reference, started with the same
// options, and one administrative connection to each.
type Pair struct {
	Ours, Ref *Server

	password string // from --requirepass in the options
	admin    [2]*Conn
	has      map[string]bool // commands that ours has, by probe
}

// StartPair starts both servers with extra options.
func StartPair(oursBin, refBin Binary, extra ...string) (*Pair, error) {
	p := &Pair{has: map[string]bool{}}
	if i := slices.Index(extra, "--requirepass"); i >= 0 && i+1 < len(extra) {
		p.password = extra[i+1]
	}
	var err error
	if p.Ref, err = Start("reference", refBin, extra...); err != nil {
		return nil, err
	}
	if p.Ours, err = Start("ours", oursBin, extra...); err != nil {
		p.Ref.Kill()
		return nil, err
	}
	return p, nil
}

// Servers returns both servers, ours first.
func (p *Pair) Servers() [2]*Server { return [2]*Server{p.Ours, p.Ref} }

// Admin returns the administrative connections, ours first.
func (p *Pair) Admin() ([2]*Conn, error) {
	for i, s := range p.Servers() {
		if p.admin[i] != nil {
			continue
		}
		c, err := s.Dial(2)
		if err == nil && p.password != "" {
			_, err = c.Do("AUTH", p.password)
		}
		if err != nil {
			return p.admin, fmt.Errorf("%s: %w", s.Name, err)
		}
		p.admin[i] = c
	}
	return p.admin, nil
}

// Reset empties both keyspaces and waits until the connections of the case
// before are gone, so that CLIENT LIST shows the new case alone.
func (p *Pair) Reset() error {
	admin, err := p.Admin()
	if err != nil {
		return err
	}
	for i, c := range admin {
		raw, err := c.Do("FLUSHALL")
		if err != nil || !bytes.Equal(raw, []byte("+OK\r\n")) {
			p.closeAdmin()
			return fmt.Errorf("%s: FLUSHALL: %s %w", p.Servers()[i].Name, Show(raw), errors.Join(err))
		}
		deadline := time.Now().Add(replyTimeout)
		for {
			raw, err := c.Do("CLIENT", "LIST")
			if err != nil {
				p.closeAdmin()
				return fmt.Errorf("%s: CLIENT LIST: %w", p.Servers()[i].Name, err)
			}
			if bytes.Count(raw, []byte("id=")) <= 1 || time.Now().After(deadline) {
				break
			}
			time.Sleep(time.Millisecond) // between polls of a condition
		}
	}
	return nil
}

func (p *Pair) closeAdmin() {
	for i, c := range p.admin {
		if c != nil {
			c.Close()
			p.admin[i] = nil
		}
	}
}

// Has reports whether our server has a command, given as "LPUSH" or
// "CLIENT|SETINFO".
func (p *Pair) Has(command string) (bool, error) {
	name := strings.ToLower(command)
	if has, ok := p.has[name]; ok {
		return has, nil
	}
	admin, err := p.Admin()
	if err != nil {
		return false, err
	}
	n, err := admin[0].Node("COMMAND", "INFO", name)
	if err != nil {
		return false, err
	}
	p.has[name] = len(n.Elems) == 1 && !n.Elems[0].Null
	return p.has[name], nil
}

// Stop ends both servers and returns what was wrong with ours.
func (p *Pair) Stop() error {
	p.closeAdmin()
	p.Ref.Kill()
	return p.Ours.Stop()
}

var shared struct {
	mu   sync.Mutex
	pair *Pair
}

// SharedPair returns the pair of the package's tests with default options. It
// is started when needed and again when one of its servers is gone; Cleanup
// stops it. Tests that use it must not run in parallel.
func SharedPair(t testing.TB) *Pair {
	t.Helper()
	ref := Reference(t)
	bin := OurBinary(t)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if p := shared.pair; p != nil && (!p.Ours.Alive() || !p.Ref.Alive()) {
		_ = p.Stop() // reported by the test during which it died
		shared.pair = nil
	}
	if shared.pair == nil {
		p, err := StartPair(bin, ref)
		if err != nil {
			t.Fatal(err)
		}
		shared.pair = p
	}
	p := shared.pair
	t.Cleanup(func() { p.report(t) })
	return p
}

// FreshPair starts a pair with other options for one test.
func FreshPair(t testing.TB, ours Binary, extra ...string) *Pair {
	t.Helper()
	p, err := StartPair(ours, Reference(t), extra...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.report(t)
		if err := p.Stop(); err != nil && !t.Failed() {
			t.Error(err)
		}
	})
	return p
}

// report fails the test when our server is not well, and shows its log when
// the test failed.
func (p *Pair) report(t testing.TB) {
	if err := p.Ours.Health(); err != nil {
		t.Error(err)
	}
	if t.Failed() {
		if log := p.Ours.Log(); log != "" {
			t.Logf("log of our server:\n%s", log)
		}
	}
}

func stopShared() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.pair == nil {
		return nil
	}
	err := shared.pair.Stop()
	shared.pair = nil
	return err
}

// Revive restarts our server if it ended, so that a shrink can go on after a
// crash.
func (p *Pair) Revive() error {
	if p.Ours.Alive() {
		return nil
	}
	p.closeAdmin()
	return p.Ours.Restart()
}
