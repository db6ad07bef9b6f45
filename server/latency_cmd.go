package server

import (
	"fmt"
	"strings"
	"time"

	"hpkv/resp"
	"hpkv/server/command"
	"hpkv/server/latency"
)

func latencyRow() command.Row {
	const flags = command.Admin | command.NoScript | command.Loading | command.Stale
	varies := []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"}
	sub := func(name string, arity int, run command.Handler) command.Row {
		return command.Row{Name: name, Arity: arity, Flags: flags | command.Informs, Tips: varies, Run: run}
	}
	return command.Row{Name: "latency", Arity: -2, Sub: []command.Row{
		sub("doctor", 2, latencyDoctor),
		sub("graph", 3, latencyGraph),
		{Name: "help", Arity: 2, Flags: command.Loading | command.Stale, Run: command.Help(
			"DOCTOR",
			"    Return a human readable latency analysis report.",
			"GRAPH <event>",
			"    Return an ASCII latency graph for the <event> class.",
			"HISTORY <event>",
			"    Return time-latency samples for the <event> class.",
			"LATEST",
			"    Return the latest latency samples for all events.",
			"RESET [<event> ...]",
			"    Reset latency data of one or more <event> classes.",
			"    (default: reset all data for all event classes)",
			"HISTOGRAM [COMMAND ...]",
			"    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.",
			"    If no commands are specified then all histograms are replied.")},
		sub("histogram", -2, latencyHistogram),
		sub("history", 3, latencyHistory),
		sub("latest", 2, latencyLatest),
		{Name: "reset", Arity: -2, Flags: flags, Tips: []string{"request_policy:all_nodes", "response_policy:all_succeeded"}, Run: latencyReset},
	}}
}

func latencyLatest(ctx *command.Ctx) {
	events := owner(ctx).srv.latency.Events()
	ctx.W.Array(len(events))
	for i := range events {
		last := events[i].Last()
		ctx.W.Array(4)
		ctx.W.BulkString(events[i].Name)
		ctx.W.Int(last.Unix)
		ctx.W.Int(last.Ms)
		ctx.W.Int(events[i].MaxMs)
	}
}

func latencyHistory(ctx *command.Ctx) {
	e, _ := owner(ctx).srv.latency.Event(string(ctx.Args[2]))
	ctx.W.Array(len(e.Samples))
	for _, s := range e.Samples {
		ctx.W.Array(2)
		ctx.W.Int(s.Unix)
		ctx.W.Int(s.Ms)
	}
}

func latencyReset(ctx *command.Ctx) {
	var names []string
	for _, name := range ctx.Args[2:] {
		names = append(names, string(name))
	}
	ctx.W.Int(int64(owner(ctx).srv.latency.Reset(names...)))
}

func latencyGraph(ctx *command.Ctx) {
	e, ok := owner(ctx).srv.latency.Event(string(ctx.Args[2]))
	if !ok {
		ctx.W.Error(resp.NoLatencySamples(ctx.Args[2]))
		return
	}
	ctx.W.Verbatim("txt", e.Graph(time.Now().Unix()))
}

func latencyDoctor(ctx *command.Ctx) {
	s := owner(ctx).srv
	var b strings.Builder
	threshold := s.cfg.LatencyMonitorThreshold.Load()
	events := s.latency.Events()
	switch {
	case threshold == 0:
		b.WriteString("Latency events are not recorded: latency-monitor-threshold is 0. Set it to the number of milliseconds from which on an event is to be recorded.\n")
	case len(events) == 0:
		fmt.Fprintf(&b, "No event has taken %d ms or longer since recording began.\n", threshold)
	}
	for i := range events {
		b.WriteString(describeEvent(&events[i], time.Now().Unix()))
	}
	for i := range events {
		if text := advice[events[i].Name]; text != "" && !strings.Contains(b.String(), text) {
			b.WriteString(text)
		}
	}
	ctx.W.Verbatim("txt", b.String())
}

// What LATENCY DOCTOR says of events.
const (
	slowCommands = "Commands: SLOWLOG GET shows which they were, if slowlog-log-slower-than is low enough. One command that takes long holds up the clients of its event loop.\n"
	slowDisk     = "The log: the disk is slow or busy. Other programs that use it, a full device, or a network file system may be why; appendfsync everysec has nobody wait for it.\n"
	slowMemory   = "Memory: making room takes long when much has to go at once, as after a lower maxmemory, or for a large value.\n"
	slowExpiry   = "Expiry: very many keys were due at one moment. Times that are spread a little avoid that.\n"
	slowProcess  = "Background work never takes long by itself: the process did not get the processor. Look for other load, and for limits of the container.\n"
)

var advice = map[string]string{
	"command": slowCommands, "fast-command": slowCommands, eventUnblock: slowCommands,
	eventSync: slowDisk, eventSyncLate: slowDisk, eventRename: slowDisk,
	eventWrite: slowDisk, eventWriteInSync: slowDisk, eventWriteCompact: slowDisk, eventWriteAlone: slowDisk,
	eventEvict: slowMemory, eventExpire: slowExpiry, eventDefrag: slowProcess,
}

func describeEvent(e *latency.Event, now int64) string {
	sum := int64(0)
	for _, s := range e.Samples {
		sum += s.Ms
	}
	first, last := e.Samples[0], e.Last()
	return fmt.Sprintf("%s: %d seconds with latency, the first %d s and the last %d s ago; average %d ms, worst ever %d ms.\n",
		e.Name, len(e.Samples), now-first.Unix, now-last.Unix, sum/int64(len(e.Samples)), e.MaxMs)
}

// latencyHistogram shows the named commands, with their subcommands, or all;
// those that were never called it leaves out, as well as unknown ones.
func latencyHistogram(ctx *command.Ctx) {
	stats := owner(ctx).srv.commandStats()
	mark, n := ctx.W.BeginArray(), 0
	show := func(r *command.Row) {
		if h := stats[r.ID()].Latency; h != nil && h.Total() > 0 {
			ctx.W.BulkString(r.FullName())
			writeHistogram(ctx.W, h)
			n++
		}
	}
	if len(ctx.Args) == 2 {
		ctx.Table.Each(show)
	}
	for _, name := range ctx.Args[2:] {
		r := ctx.Table.Find(name)
		if r == nil {
			continue
		}
		show(r)
		for _, sub := range r.Subs() {
			show(sub)
		}
	}
	ctx.W.EndMap(mark, n)
}

func writeHistogram(w *resp.Writer, h *latency.Counts) {
	w.Map(2)
	w.BulkString("calls")
	w.Int(h.Total())
	w.BulkString("histogram_usec")
	octaves := h.Octaves()
	w.Map(len(octaves))
	for _, o := range octaves {
		w.Int(o.LeUsec)
		w.Int(o.Count)
	}
}
