package server

import (
	"context"
	"math"
	"strconv"
	"time"

	"hpkv/engine/glob"
	"hpkv/resp"
	"hpkv/server/command"
	"hpkv/server/config"
)

func debugRow() command.Row {
	return command.Row{Name: "debug", Arity: -2, Flags: command.Patient | command.Admin | command.NoScript | command.Loading | command.Stale, Run: debugCommand}
}

// debugSubs are the subcommands of DEBUG. It is no container: as in Redis, the
// right to use it is checked before the name of the subcommand. args are the
// number of arguments behind the name, -1 for any.
var debugSubs = []struct {
	name string
	args int
	run  command.Handler
	help []string
}{
	{"CHANGE-REPL-ID", 0, debugChangeReplID, []string{"CHANGE-REPL-ID", "    Change the replication IDs of the instance."}},
	{"ERROR", 1, func(ctx *command.Ctx) { ctx.W.Error(string(ctx.Args[2])) }, []string{"ERROR <string>", "    Return a protocol error with <string> as message."}},
	{"LISTPACK", 1, debugListpack, []string{"LISTPACK <key>", "    Write the size of the listpack at <key> to the server log."}},
	{"LOADAOF", -1, debugLoadAOF, []string{"LOADAOF", "    Write the log to the disk and load the data from it again."}},
	{"LOG", 1, debugLog, []string{"LOG <message>", "    Write <message> to the server log."}},
	{"OBJECT", 1, debugObject, []string{"OBJECT <key>", "    Show low level info about <key> and its value."}},
	{"PROTOCOL", 1, debugProtocol, []string{"PROTOCOL <type>", "    Reply with a test value of the specified type: string, integer, double,",
		"    null, array, set, map, attrib, push, bignum, verbatim, true, false."}},
	{"QUICKLIST-PACKED-THRESHOLD", 1, debugPackedThreshold, []string{"QUICKLIST-PACKED-THRESHOLD <size>",
		"    Set the size from which on DEBUG OBJECT counts an element of a list as a node",
		"    of its own, 0 for 1gb. In memory one larger than a block always has its own block."}},
	{"RELOAD", -1, debugReload, []string{"RELOAD [option ...]", "    Write everything to the disk and load it again. <option> is MERGE, NOFLUSH or",
		"    NOSAVE, which make no difference: the log holds every change at any time."}},
	{"SET-ACTIVE-EXPIRE", 1, debugSetActiveExpire, []string{"SET-ACTIVE-EXPIRE <0|1>", "    Setting it to 0 disables expiring keys that nobody accesses."}},
	{"SLEEP", 1, debugSleep, []string{"SLEEP <seconds>", "    Stop the server for <seconds>. Decimals allowed."}},
	{"STRINGMATCH-LEN", 2, debugStringMatch, []string{"STRINGMATCH-LEN <len> <pattern>", "    Match <pattern> against a string of <len> bytes."}},
}

// debugCommand answers DEBUG, where enable-debug-command lets the client use it.
func debugCommand(ctx *command.Ctx) {
	c := owner(ctx)
	if !c.srv.cfg.EnableDebugCommand.Load().Admits(c.local()) {
		ctx.W.Error(resp.NotAllowed("DEBUG", "debug"))
		return
	}
	if resp.EqualFold(ctx.Args[1], "HELP") && len(ctx.Args) == 2 {
		debugHelp(ctx)
		return
	}
	for i := range debugSubs {
		if s := &debugSubs[i]; resp.EqualFold(ctx.Args[1], s.name) && (s.args < 0 || len(ctx.Args) == 2+s.args) {
			s.run(ctx)
			return
		}
	}
	ctx.W.Error(resp.BadSubcommand("debug", ctx.Args[1]))
}

func debugHelp(ctx *command.Ctx) {
	mark, n := ctx.W.BeginArray(), 0
	line := func(s string) {
		ctx.W.Status(s)
		n++
	}
	line("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for i := range debugSubs {
		for _, s := range debugSubs[i].help {
			line(s)
		}
	}
	line("HELP")
	line("    Prints this help.")
	ctx.W.EndArray(mark, n)
}

// debugSleep keeps everybody waiting, as Redis does.
func debugSleep(ctx *command.Ctx) {
	seconds, err := strconv.ParseFloat(string(ctx.Args[2]), 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 {
		seconds = 0
	}
	s := owner(ctx).srv
	inline := ctx.Host == nil // in a transaction: on an event loop, with shards held
	ctx.Defer(func(ctx *command.Ctx) {
		defer ctx.W.OK()
		if seconds == 0 {
			return
		}
		pause, cancel := s.untilStopped(context.Background(), time.Duration(min(seconds, 1e6)*float64(time.Second)))
		defer cancel()
		if !inline {
			s.stands.turn.Lock()
		} else if !s.stands.turn.TryLock() { // who has it may be waiting for this loop
			<-pause.Done()
			return
		}
		settle, goOn := s.standStill()
		defer goOn()
		_ = settle(pause) // what does not stop in time is not stopped
		<-pause.Done()
	})
}

func debugChangeReplID(ctx *command.Ctx) {
	s := owner(ctx).srv
	id := newRunID()
	s.replID.Store(&id)
	s.log.Warn().Str("replid", id).Msg("replication ID changed after DEBUG CHANGE-REPL-ID")
	ctx.W.OK()
}

func debugLog(ctx *command.Ctx) {
	owner(ctx).srv.log.Warn().Bytes("message", ctx.Args[2]).Msg("DEBUG LOG")
	ctx.W.OK()
}

func debugSetActiveExpire(ctx *command.Ctx) {
	n, _ := resp.ParseInt64(ctx.Args[2])
	owner(ctx).srv.engine.SetActiveExpiry(n != 0)
	ctx.W.OK()
}

// Arguments of QUICKLIST-PACKED-THRESHOLD: the greatest, and what 0 stands for.
const (
	mostPackedThreshold    = 1<<32 - 1<<20
	defaultPackedThreshold = 1 << 30
)

func debugPackedThreshold(ctx *command.Ctx) {
	n, err := config.ParseMemory(string(ctx.Args[2]))
	if err != nil || n < 0 || n > mostPackedThreshold {
		ctx.W.Error("ERR argument must be a memory value bigger than 1 and smaller than 4gb")
		return
	}
	if n == 0 {
		n = defaultPackedThreshold
	}
	owner(ctx).srv.packedThreshold.Store(n)
	ctx.W.OK()
}

// stringMatchMost bounds the string of STRINGMATCH-LEN.
const stringMatchMost = 1 << 24

func debugStringMatch(ctx *command.Ctx) {
	n, ok := resp.ParseInt64(ctx.Args[2])
	if !ok || n < 0 || n > stringMatchMost {
		ctx.W.Error(resp.ErrNotInteger)
		return
	}
	text := make([]byte, n)
	for i := range text {
		text[i] = 'x'
	}
	match := int64(0)
	if glob.Match(ctx.Args[3], text) {
		match = 1
	}
	ctx.W.Int(match)
}

// debugProtocol writes one reply of each kind, for those who test a client.
func debugProtocol(ctx *command.Ctx) {
	w := ctx.W
	series := func() {
		for i := range int64(3) {
			w.Int(i)
		}
	}
	switch name := lower(ctx.Args[2]); name {
	case "string":
		w.BulkString("Hello World")
	case "integer":
		w.Int(12345)
	case "double":
		w.Double(3.141)
	case "null":
		w.Null()
	case "array":
		w.Array(3)
		series()
	case "set":
		w.Set(3)
		series()
	case "map":
		w.Map(3)
		for i := range int64(3) {
			w.Int(i)
			w.Bool(i == 1)
		}
	case "attrib":
		if w.Attribute(1) {
			w.BulkString("key-popularity")
			w.Array(2)
			w.BulkString("key:123")
			w.Int(90)
		}
		w.BulkString("Some real reply following the attribute")
	case "push":
		if w.Proto() == 2 {
			w.Error(resp.ErrNoResp2)
			return
		}
		w.Push(2)
		w.BulkString("server-cpu-usage")
		w.Int(42)
		w.BulkString("Some real reply following the push reply")
	case "bignum":
		w.BigNumber("1234567999999999999999999999999999999")
	case "verbatim":
		w.Verbatim("txt", "This is a verbatim\nstring")
	case "true", "false":
		w.Bool(name == "true")
	default:
		w.Error(resp.ErrDebugProtocol)
	}
}

// moduleRow is MODULE: there are none, and none can be loaded.
func moduleRow() command.Row {
	const admin = command.Admin | command.NoScript
	refuse := func(ctx *command.Ctx) { ctx.W.Error(resp.NotAllowed("MODULE", "module")) }
	return command.Row{Name: "module", Arity: -2, Sub: []command.Row{
		{Name: "help", Arity: 2, Flags: command.Loading | command.Stale, Run: command.Help(
			"LIST",
			"    Return a list of loaded modules.")},
		{Name: "list", Arity: 2, Flags: admin, Tips: []string{"nondeterministic_output_order"},
			Run: func(ctx *command.Ctx) { ctx.W.Array(0) }},
		{Name: "load", Arity: -3, Flags: admin | command.NoAsyncLoading, Run: refuse},
		{Name: "loadex", Arity: -3, Flags: admin | command.NoAsyncLoading, Run: refuse},
		{Name: "unload", Arity: 3, Flags: admin | command.NoAsyncLoading, Run: refuse},
	}}
}
