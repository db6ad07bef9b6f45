package server

import (
	"context"
	"runtime/debug"
	"strconv"
	"sync"

	"hpkv/engine"
	"hpkv/resp"
	"hpkv/server/command"
	"hpkv/server/rest"
)

// restHost is what package rest sees of the server.
type restHost struct{ s *Server }

// Table implements rest.Host.
func (h restHost) Table() *command.Table { return h.s.table }

// Metrics implements rest.Host.
func (h restHost) Metrics() ([]byte, error) { return h.s.metricsText() }

// Panicked implements rest.Host.
func (h restHost) Panicked(cause any, stack []byte) {
	h.s.totals.panics.Add(1)
	h.s.log.Error().Interface("panic", cause).Bytes("stack", stack).Msg("a request panicked")
}

// NotReady implements rest.Host.
func (h restHost) NotReady() error { return h.s.notReady() }

// Record implements rest.Host.
func (h restHost) Record(c rest.Call, f func(l *engine.Lane) error) (err, down error) {
	s := h.s
	write := c.Row != nil && c.Row.Is(command.Write)
	if down := s.durability.admit(write); down != nil {
		return nil, down
	}
	s.pauses.wait(write)
	if write {
		s.awaitTurn()
	}
	round, full, err := h.record(&c, write, f)
	s.awaitRoom(full)
	return err, s.durability.wait(round)
}

// record runs f. round is that of the log which took its changes, full an outlet
// that should be given time before there is more to show to monitors, or nil.
func (h restHost) record(c *rest.Call, write bool, f func(l *engine.Lane) error) (round uint64, full *outlet, err error) {
	s := h.s
	x := s.borrowExecutor()
	defer func() {
		cause := recover()
		if cause == nil {
			s.returnExecutor(x)
			return
		}
		if x.lane.Begin(0).Inside() {
			h.Panicked(cause, debug.Stack())
			s.abort("a request panicked inside the engine: its data may be damaged")
		}
		x.lane.Close()
		s.executors.lose(x)
		panic(cause) // to whom it is told
	}()
	if write && s.engine.Evicting() {
		x.evict() // if there is nothing to evict, the write says so
	}
	startNs := monotonicNs()
	err = f(x.lane)
	x.deliverEvents()
	if c.Row != nil {
		full = x.countRecord(c, startNs, err != nil)
	}
	return x.lane.TakeRound(), full, err
}

// Settle implements rest.Host. A transaction is in the log before it lets go of its
// keys, so who has had them all can tell which round is the last that matters.
func (h restHost) Settle(keys func(visit func(key []byte))) error {
	s, d := h.s, &h.s.durability
	j := d.journal.Load()
	if j == nil || !d.waits.Load() {
		return nil
	}
	x := s.borrowExecutor()
	t := x.lane.Begin(0)
	keys(t.Want)
	t.LockWanted()
	t.End()
	s.returnExecutor(x)
	return j.WaitDurable(context.Background(), j.Appended())
}

// countRecord counts an operation of the REST interface that began at startNs as
// the command it amounts to. full is as tellMonitors returns it.
func (x *executor) countRecord(c *rest.Call, startNs int64, failed bool) (full *outlet) {
	took := monotonicNs() - startNs
	x.counts.commands++
	row := &x.rows[c.Row.ID()]
	row.add(1, took, x.srv.cfg.LatencyTracking.Load())
	if failed {
		row.failed.Add(1)
	}
	slow, monitored := took >= slowFrom(x.srv.cfg), x.srv.monitored.Load() > 0
	if !slow && !monitored {
		return nil
	}
	args := [][]byte{[]byte(c.Row.Name), c.Args[0]}
	if c.Args[1] != nil {
		args = append(args, c.Args[1])
	}
	from := origin{addr: "?:0"}
	if c.From != nil {
		from.addr = c.From.String()
	}
	if slow {
		x.srv.tellSlow(&from, c.Row, args, took)
	}
	if monitored {
		return x.tellMonitors(&from, c.Row, args)
	}
	return nil
}

// Execute implements rest.Host: the lines go through the parser and the
// dispatcher as those of a connection do.
func (h restHost) Execute(addr string, lines [][][]byte) []resp.Value {
	if len(lines) == 0 {
		return nil
	}
	v := h.s.newVirtualClient(addr)
	var input []byte
	for _, line := range lines {
		input = appendLine(input, line)
	}
	missing := resp.Value{Kind: resp.KindError, Str: []byte(v.serve(input))}
	replies := make([]resp.Value, len(lines))
	rest := v.output()
	for i := range replies {
		value, after, err := resp.ParseValue(rest)
		if err != nil {
			value = missing
		}
		replies[i], rest = value, after
	}
	return replies
}

// appendLine appends a command as a connection would bring it.
func appendLine(dst []byte, line [][]byte) []byte {
	dst = strconv.AppendInt(append(dst, '*'), int64(len(line)), 10)
	dst = append(dst, "\r\n"...)
	for _, arg := range line {
		dst = append(append(resp.AppendBulkHeader(dst, len(arg)), arg...), "\r\n"...)
	}
	return dst
}

// What is said of commands that have no reply.
const (
	textCutShort = "ERR not executed: an earlier command ended the request"
	textTooMuch  = "ERR not executed: the replies before are too long together"
	textLost     = "ERR it is unknown whether this was executed, and if so it may not last: the log cannot be written"
)

// maxReplies is how many bytes of replies to one request are gathered before no
// more of its commands are executed.
const maxReplies = 64 << 20

// virtualClient is a client without a connection: its commands come in one
// piece, and its replies are gathered. The goroutine that calls serve is its
// owner.
type virtualClient struct {
	client
	wake chan struct{} // capacity 1: there is mail

	mu struct {
		sync.Mutex
		mail []func()
		out  []byte
	}
}

func (s *Server) newVirtualClient(addr string) *virtualClient {
	v := &virtualClient{wake: make(chan struct{}, 1)}
	s.prepareClient(&v.client, v, &endpoint{fd: -1, addr: addr}, s.clock.NowMs())
	v.authenticated = true // by an API key
	return v
}

// serve executes the commands in input, and those of them that take long to
// their end. It returns what to say of commands that have no reply.
func (v *virtualClient) serve(input []byte) (missing string) {
	for {
		x := v.srv.borrowExecutor()
		x.counts.netIn += int64(len(input))
		used := x.run(&v.client, input)
		input = input[used:]
		v.srv.returnExecutor(x)
		for v.suspended || v.held || v.crowded && len(input) > 0 {
			<-v.wake
			v.readMail()
		}
		lost := false
		if len(input) == 0 || !v.runnable() {
			lost = !v.awaitWithheld()
		}
		v.paused = false // nobody has to take what is gathered: see maxReplies
		switch {
		case lost:
			missing = textLost
		case len(v.output()) > maxReplies:
			missing = textTooMuch
		case len(input) == 0 || !v.runnable():
			missing = textCutShort
		default:
			continue
		}
		break
	}
	x := v.srv.borrowExecutor()
	v.release(x)
	v.srv.returnExecutor(x)
	return missing
}

// await implements link: see awaitWithheld.
func (v *virtualClient) await() { v.srv.durability.hurry() }

// awaitWithheld waits until the last replies may be delivered. It reports false
// when they never will be.
func (v *virtualClient) awaitWithheld() bool {
	for !v.withheld.none() {
		err := v.srv.durability.wait(v.round)
		v.deliverWithheld()
		if err != nil {
			return v.withheld.none()
		}
	}
	return true
}

func (v *virtualClient) readMail() {
	v.mu.Lock()
	mail := v.mu.mail
	v.mu.mail = nil
	v.mu.Unlock()
	for _, fn := range mail {
		fn()
	}
}

// output is what the commands replied.
func (v *virtualClient) output() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.mu.out
}

// send implements link.
func (v *virtualClient) send(p []byte) {
	v.mu.Lock()
	v.mu.out = append(v.mu.out, p...)
	v.mu.Unlock()
}

// unsent implements link.
func (v *virtualClient) unsent() int { return len(v.output()) }

// post implements link.
func (v *virtualClient) post(fn func()) {
	v.mu.Lock()
	v.mu.mail = append(v.mu.mail, fn)
	v.mu.Unlock()
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// kill implements link. Nobody else knows the client, so it can only have ended
// itself.
func (v *virtualClient) kill() {}
