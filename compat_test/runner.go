package compat

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxDifferences ends a case that has gone wrong: later replies only repeat it.
const maxDifferences = 8

// untilTimeout bounds an !until.
const untilTimeout = time.Minute

// runner plays one case. Index 0 is ours, 1 the reference.
type runner struct {
	pair    *Pair
	proto   int
	cur     int
	conns   [2]map[int]*Conn
	vars    [2]map[string]string
	tracker map[int]*execTracker
	started time.Time
	diffs   []error
}

// ErrNeeds is returned by RunCase for a case that needs a command our server
// does not have (yet).
var ErrNeeds = errors.New("our server lacks a command the case needs")

// RunCase plays a case on both servers in the given protocol and compares the
// replies and, at the end, the keyspaces. The error lists the differences.
func RunCase(p *Pair, path string, c Case, proto int) error {
	for _, need := range c.Need {
		has, err := p.Has(need)
		if err != nil {
			return err
		}
		if !has {
			return fmt.Errorf("%w: %s", ErrNeeds, need)
		}
	}
	if err := p.Reset(); err != nil {
		return err
	}
	r := &runner{pair: p, proto: proto, cur: 1, tracker: map[int]*execTracker{}, started: time.Now()}
	for i := range 2 {
		r.conns[i] = map[int]*Conn{}
		r.vars[i] = map[string]string{}
	}
	defer r.close()
	if err := r.open(1); err != nil {
		return err
	}
	for i := 0; i < len(c.Steps) && len(r.diffs) < maxDifferences; i++ {
		n := max(c.Steps[i].Pipe, 1)
		var err error
		if c.Steps[i].Pipe > 0 {
			err = r.pipeline(path, c.Steps[i:i+n])
			i += n - 1
		} else if err = r.step(c.Steps[i]); err != nil {
			r.differ(path, c.Steps[i], err)
		}
		if errors.Is(err, errGone) {
			return errors.Join(r.diffs...) // without a connection nothing else can be compared
		}
	}
	if err := p.CompareKeyspaces(); err != nil {
		r.diffs = append(r.diffs, fmt.Errorf("%s:%d: after case %q: %w", path, c.Line, c.Name, err))
	}
	return errors.Join(r.diffs...)
}

// errGone marks a failure after which a connection cannot be used.
var errGone = errors.New("the connection is gone")

func (r *runner) differ(path string, s Step, err error) {
	r.diffs = append(r.diffs, fmt.Errorf("%s:%d: RESP%d: %s: %w", path, s.Line, r.proto, JoinArgs(s.Args), err))
}

func (r *runner) close() {
	for i := range 2 {
		for _, c := range r.conns[i] {
			c.Close()
		}
	}
}

// open makes connection n exist on both sides.
func (r *runner) open(n int) error {
	for i, s := range r.pair.Servers() {
		if r.conns[i][n] != nil {
			continue
		}
		c, err := s.Dial(r.proto)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", errGone, s.Name, err)
		}
		r.conns[i][n] = c
		r.vars[i]["addr"+strconv.Itoa(n)] = c.LocalAddr().String()
		r.vars[i]["laddr"+strconv.Itoa(n)] = c.RemoteAddr().String()
	}
	if r.tracker[n] == nil {
		r.tracker[n] = &execTracker{}
	}
	return nil
}

func (r *runner) step(s Step) error {
	switch s.Op {
	case OpConn:
		r.cur = s.N
		return r.open(s.N)
	case OpReconnect:
		for i := range 2 {
			r.conns[i][r.cur].Close()
			delete(r.conns[i], r.cur)
		}
		r.tracker[r.cur] = nil
		return r.open(r.cur)
	case OpRaw:
		return r.send(func(i int) []byte { return []byte(strings.Join(r.expand(i, s.Args), "")) })
	case OpSend:
		return r.send(func(i int) []byte { return AppendCommand(nil, r.expand(i, s.Args)...) })
	case OpReply:
		for range s.N {
			if err := r.compareNext(s); err != nil {
				return err
			}
		}
		return nil
	case OpTalk:
		return r.talk(s)
	case OpEOF:
		return r.compareRest()
	case OpFinish:
		for i := range 2 {
			// Fails where the server has closed already, which is fine.
			_ = r.conns[i][r.cur].CloseWrite()
		}
		return r.compareRest()
	case OpScan:
		return r.scan(s)
	case OpUntil:
		return r.until(s)
	}
	if err := r.send(func(i int) []byte { return AppendCommand(nil, r.expand(i, s.Args)...) }); err != nil {
		return err
	}
	return r.compareNext(s)
}

func (r *runner) pipeline(path string, steps []Step) error {
	err := r.send(func(i int) []byte {
		var b []byte
		for _, s := range steps {
			b = AppendCommand(b, r.expand(i, s.Args)...)
		}
		return b
	})
	if err != nil {
		r.differ(path, steps[0], err)
		return err
	}
	for _, s := range steps {
		if err := r.compareNext(s); err != nil {
			r.differ(path, s, err)
			if errors.Is(err, errGone) {
				return err
			}
		}
	}
	return nil
}

func (r *runner) send(bytesFor func(i int) []byte) error {
	for i := range 2 {
		if err := r.conns[i][r.cur].Send(bytesFor(i)); err != nil && !isReset(err) {
			return fmt.Errorf("%w: %s: %w", errGone, r.pair.Servers()[i].Name, err)
		}
	}
	return nil
}

// receive reads one reply from each side.
func (r *runner) receive() ([2][]byte, error) {
	var raw [2][]byte
	var errs [2]error
	for i := range 2 {
		raw[i], errs[i] = r.conns[i][r.cur].Receive()
	}
	if errs[0] == nil && errs[1] == nil {
		return raw, nil
	}
	says := func(i int) string {
		if errs[i] != nil {
			return errs[i].Error()
		}
		return Show(raw[i])
	}
	return raw, fmt.Errorf("%w\n  ours      %s\n  reference %s", errGone, says(0), says(1))
}

// compareNext reads the reply to s from both sides and compares.
func (r *runner) compareNext(s Step) error {
	raw, err := r.receive()
	if err != nil {
		return err
	}
	switch s.Op {
	case OpV72:
		if r.pair.Ours.bin.IsRedis {
			return nil // an older reference in our place proves nothing here
		}
		if got := string(raw[0]); got != s.Text+"\r\n" {
			return fmt.Errorf("\n  ours      %s\n  Redis 7.2 %s", Show(raw[0]), Show([]byte(s.Text)))
		}
		return nil
	case OpSave:
		for i := range 2 {
			n, err := ParseReply(raw[i])
			if err != nil {
				return err
			}
			r.vars[i][s.Text] = n.Text
		}
		s.Relax = "any"
	}
	relax, inner := r.tracker[r.cur].relax(s.Args, raw[1])
	if s.Relax != "" {
		relax = s.Relax
	}
	if err := Compare(relax, inner, time.Since(r.started), raw[0], raw[1]); err != nil {
		return fmt.Errorf("%w\n  ours      %s\n  reference %s", err, Show(raw[0]), Show(raw[1]))
	}
	return nil
}

func (r *runner) compareRest() error {
	var rest [2][]byte
	for i := range 2 {
		var err error
		if rest[i], err = r.conns[i][r.cur].Drain(); err != nil {
			return fmt.Errorf("%w: %s did not close the connection: %w after %s", errGone, r.pair.Servers()[i].Name, err, Show(rest[i]))
		}
	}
	if string(rest[0]) != string(rest[1]) {
		return fmt.Errorf("\n  ours      %s\n  reference %s", Show(rest[0]), Show(rest[1]))
	}
	return nil
}

func (r *runner) scan(s Step) error {
	at := 1 // the cursor follows the key in HSCAN and its like
	if !strings.EqualFold(s.Args[0], "SCAN") {
		at = 2
	}
	var sets [2][]string
	for i := range 2 {
		args := slices.Clone(r.expand(i, s.Args))
		for calls := 0; ; calls++ {
			n, err := r.conns[i][r.cur].Node(args...)
			if err != nil {
				return fmt.Errorf("%w: %s: %w", errGone, r.pair.Servers()[i].Name, err)
			}
			if len(n.Elems) != 2 || calls > 100000 {
				return fmt.Errorf("%s: reply %s after %d calls", r.pair.Servers()[i].Name, Show(n.Wire()), calls)
			}
			for _, e := range n.Elems[1].Elems {
				sets[i] = append(sets[i], string(e.Wire()))
			}
			args[at] = n.Elems[0].Text
			if args[at] == "0" {
				break
			}
		}
		slices.Sort(sets[i])
		sets[i] = slices.Compact(sets[i])
	}
	if !slices.Equal(sets[0], sets[1]) {
		return fmt.Errorf("scanned sets differ\n  ours      %q\n  reference %q", sets[0], sets[1])
	}
	return nil
}

func (r *runner) until(s Step) error {
	deadline := time.Now().Add(untilTimeout)
	for {
		if err := r.send(func(i int) []byte { return AppendCommand(nil, r.expand(i, s.Args)...) }); err != nil {
			return err
		}
		raw, err := r.receive()
		if err != nil {
			return err
		}
		if string(raw[0]) == s.Text+"\r\n" && string(raw[1]) == s.Text+"\r\n" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("never %s\n  ours      %s\n  reference %s", s.Text, Show(raw[0]), Show(raw[1]))
		}
		time.Sleep(2 * time.Millisecond) // between polls of a condition
	}
}

var variable = regexp.MustCompile(`^\$([a-z_]+[0-9]*)([+-][0-9]+)?$`)

// expand replaces variables in the arguments for one side.
func (r *runner) expand(side int, args []string) []string {
	var out []string
	for k, a := range args {
		m := variable.FindStringSubmatch(a)
		if m == nil {
			continue
		}
		v, ok := r.vars[side][m[1]]
		switch m[1] {
		case "now":
			v, ok = strconv.FormatInt(r.started.Unix(), 10), true
		case "now_ms":
			v, ok = strconv.FormatInt(r.started.UnixMilli(), 10), true
		}
		if !ok {
			continue
		}
		if m[2] != "" {
			base, _ := strconv.ParseInt(v, 10, 64)
			delta, _ := strconv.ParseInt(m[2], 10, 64)
			v = strconv.FormatInt(base+delta, 10)
		}
		if out == nil {
			out = slices.Clone(args)
		}
		out[k] = v
	}
	if out == nil {
		return args
	}
	return out
}

// execTracker follows MULTI on one connection so that the relaxations of queued
// commands reach the elements of the EXEC reply.
type execTracker struct {
	open  bool
	queue []string
}

// relax returns how the reply to args is to be compared, given the reference's
// reply.
func (x *execTracker) relax(args []string, ref []byte) (string, []string) {
	if len(args) == 0 {
		return "", nil
	}
	name := strings.ToLower(args[0])
	switch {
	case name == "multi" && string(ref) == "+OK\r\n":
		x.open, x.queue = true, nil
	case name == "exec":
		inner := x.queue
		x.open, x.queue = false, nil
		return "", inner
	case name == "discard" || name == "reset":
		x.open, x.queue = false, nil
	case x.open && string(ref) == "+QUEUED\r\n":
		x.queue = append(x.queue, relaxFor(args))
		return "", nil
	}
	return relaxFor(args), nil
}
