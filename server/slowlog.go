package server

import (
	"fmt"
	"sync"
	"time"

	"hpkv/resp"
	"hpkv/server/command"
)

// Bounds of what the slow log keeps of one command.
const (
	slowlogArgs  = 32  // arguments
	slowlogBytes = 128 // of one argument
	slowlogShown = 10  // entries SLOWLOG GET shows if not told
)

// slowlog is the commands that took longer than slowlog-log-slower-than, up to
// slowlog-max-len of them.
type slowlog struct {
	mu      sync.Mutex
	nextID  int64
	entries []slowEntry // the oldest first
}

type slowEntry struct {
	id, unix, us int64
	args         []string
	addr, name   string
}

func (l *slowlog) add(e slowEntry, limit int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.id = l.nextID
	l.nextID++
	l.entries = append(l.entries, e)
	l.trimLocked(limit)
}

func (l *slowlog) trimLocked(limit int64) {
	if extra := int64(len(l.entries)) - limit; extra > 0 {
		l.entries = append([]slowEntry(nil), l.entries[extra:]...)
	}
}

// newest returns up to n entries, the last one first; a negative n returns all.
func (l *slowlog) newest(n int64) []slowEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n < 0 || n > int64(len(l.entries)) {
		n = int64(len(l.entries))
	}
	list := make([]slowEntry, n)
	for i := range list {
		list[i] = l.entries[len(l.entries)-1-i]
	}
	return list
}

func (l *slowlog) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

func (l *slowlog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

// slowArgs copies a command line as far as the slow log keeps it.
func slowArgs(row *command.Row, args [][]byte) []string {
	n := min(len(args), slowlogArgs)
	list := make([]string, n)
	for i := range list {
		arg := args[i]
		switch {
		case n < len(args) && i == n-1:
			list[i] = fmt.Sprintf("... (%d more arguments)", len(args)-n+1)
		case row.Hides(args, i):
			list[i] = redacted
		case len(arg) > slowlogBytes:
			list[i] = fmt.Sprintf("%s... (%d more bytes)", arg[:slowlogBytes], len(arg)-slowlogBytes)
		default:
			list[i] = string(arg)
		}
	}
	return list
}

// tellSlow notes a command that took ns nanoseconds in the slow log and among the
// latency events, where it took long enough for them.
func (s *Server) tellSlow(from *origin, row *command.Row, args [][]byte, ns int64) {
	if ms := s.cfg.LatencyMonitorThreshold.Load(); ms > 0 && ns/1e6 >= ms {
		event := "command"
		if row.Is(command.Fast) {
			event = "fast-command"
		}
		s.latency.Add(event, time.Now().Unix(), ns/1e6)
	}
	if us := s.cfg.SlowlogLogSlowerThan.Load(); us < 0 || ns/1000 < us || row.Is(command.SkipSlowlog) {
		return
	}
	s.slowlog.add(slowEntry{
		unix: time.Now().Unix(), us: ns / 1000, args: slowArgs(row, args), addr: from.addr, name: from.name,
	}, s.cfg.SlowlogMaxLen.Load())
}

func slowlogRow() command.Row {
	const flags = command.Admin | command.Loading | command.Stale
	return command.Row{Name: "slowlog", Arity: -2, Sub: []command.Row{
		{Name: "get", Arity: -2, Flags: flags | command.Informs, Tips: []string{"request_policy:all_nodes", "nondeterministic_output"}, Run: slowlogGet},
		{Name: "help", Arity: 2, Flags: command.Loading | command.Stale, Run: command.Help(
			"GET [<count>]",
			"    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
			"    Entries are made of:",
			"    id, timestamp, time in microseconds, arguments array, client IP and port,",
			"    client name",
			"LEN",
			"    Return the length of the slowlog.",
			"RESET",
			"    Reset the slowlog.")},
		{Name: "len", Arity: 2, Flags: flags | command.Informs, Tips: []string{"request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"},
			Run: func(ctx *command.Ctx) { ctx.W.Int(int64(owner(ctx).srv.slowlog.len())) }},
		{Name: "reset", Arity: 2, Flags: flags, Tips: []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
			Run: func(ctx *command.Ctx) { owner(ctx).srv.slowlog.reset(); ctx.W.OK() }},
	}}
}

func slowlogGet(ctx *command.Ctx) {
	n := int64(slowlogShown)
	switch len(ctx.Args) {
	case 2:
	case 3:
		var ok bool
		if n, ok = resp.ParseInt64(ctx.Args[2]); !ok || n < -1 {
			ctx.W.Error(resp.ErrSlowlogCount)
			return
		}
	default:
		ctx.W.Error(resp.BadSubcommand("slowlog", ctx.Args[1]))
		return
	}
	entries := owner(ctx).srv.slowlog.newest(n)
	ctx.W.Array(len(entries))
	for i := range entries {
		e := &entries[i]
		ctx.W.Array(6)
		ctx.W.Int(e.id)
		ctx.W.Int(e.unix)
		ctx.W.Int(e.us)
		ctx.W.Array(len(e.args))
		for _, arg := range e.args {
			ctx.W.BulkString(arg)
		}
		ctx.W.BulkString(e.addr)
		ctx.W.BulkString(e.name)
	}
}
