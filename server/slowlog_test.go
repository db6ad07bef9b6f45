package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hpkv/server/command"
	"hpkv/server/latency"
)

// slowRow takes as long as its argument says.
func slowRow() command.Row {
	return command.Row{Name: "test.slow", Arity: -2, Flags: command.Fast, Run: func(ctx *command.Ctx) {
		d, _ := time.ParseDuration(string(ctx.Args[1]))
		for began := time.Now(); time.Since(began) < d; {
		}
		ctx.W.OK()
	}}
}

func TestSlowlog(t *testing.T) {
	b := newBench(t, slowRow())
	b.run(cmdline("CONFIG", "SET", "slowlog-log-slower-than", "3600000000"))
	b.run(cmdline("TEST.SLOW", "1us") + cmdline("GET", "k"))
	if n := b.slowlog.len(); n != 0 {
		t.Errorf("%d entries of quick commands", n)
	}
	b.run(cmdline("CONFIG", "SET", "slowlog-log-slower-than", "10000"))
	var many []string
	for i := range 40 {
		many = append(many, fmt.Sprint("a", i))
	}
	many[1] = strings.Repeat("x", 200)
	b.run(cmdline(append([]string{"TEST.SLOW", "12ms"}, many...)...))
	b.run(cmdline("MULTI") + cmdline("TEST.SLOW", "11ms") + cmdline("EXEC"))
	// On a busy machine others may have been slow.
	got := slices.DeleteFunc(b.slowlog.newest(-1), func(e slowEntry) bool { return e.args[0] == "CONFIG" || e.args[0] == "MULTI" })
	if len(got) != 2 {
		t.Fatalf("%+v, want one of the command and one of that in EXEC", got)
	}
	if e := got[0]; e.id <= got[1].id || strings.Join(e.args, " ") != "TEST.SLOW 11ms" || e.us < 11000 {
		t.Errorf("last entry: %+v", e)
	}
	e := got[1]
	if len(e.args) != 32 || e.args[31] != "... (11 more arguments)" || e.args[3] != strings.Repeat("x", 128)+"... (72 more bytes)" {
		t.Errorf("first entry: %d arguments, %q, the last %q", len(e.args), e.args[3], e.args[len(e.args)-1])
	}
	b.run(cmdline("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "3"))
	b.run(cmdline("SLOWLOG", "RESET") + cmdline("AUTH", "name", "pw") + cmdline("GET", "1") + cmdline("CONFIG", "SET", "requirepass", "", "Rest-API-Key", "k") + cmdline("GET", "2"))
	want := "GET 2, CONFIG SET requirepass (redacted) Rest-API-Key (redacted), GET 1"
	var lines []string
	for _, e := range b.slowlog.newest(-1) {
		lines = append(lines, strings.Join(e.args, " "))
	}
	if got := strings.Join(lines, ", "); got != want {
		t.Errorf("entries %q, want %q", got, want)
	}
}

func TestLatencyEvents(t *testing.T) {
	b := newBench(t, slowRow())
	b.run(cmdline("CONFIG", "SET", "latency-monitor-threshold", "3600000"))
	b.run(cmdline("GET", "k"))
	if e, ok := b.latency.Event("fast-command"); ok {
		t.Fatalf("an event of a quick command: %+v", e)
	}
	b.run(cmdline("CONFIG", "SET", "latency-monitor-threshold", "5"))
	b.run(cmdline("TEST.SLOW", "6ms"))
	e, ok := b.latency.Event("fast-command")
	if !ok || len(e.Samples) != 1 || e.MaxMs < 6 {
		t.Fatalf("events: %+v", b.latency.Events())
	}
	if got := b.run(cmdline("LATENCY", "GRAPH", "fast-command")); !strings.Contains(got, "all time high") {
		t.Errorf("graph %q", got)
	}
	if got := b.run(cmdline("LATENCY", "RESET", "no", "fast-command")); got != ":1\r\n" {
		t.Errorf("reset: %q", got)
	}
	stat := b.statOf(t, "test.slow")
	if octaves := stat.Latency.Octaves(); len(octaves) != 1 || octaves[0].LeUsec < 6000 {
		t.Errorf("histogram %v", octaves)
	}
}

func TestLatencyBook(t *testing.T) {
	var b latency.Book
	for i := range int64(200) {
		b.Add("e", i, i%50)
	}
	b.Add("e", 199, 7)
	b.Add("e", 199, 500)
	e, _ := b.Event("e")
	if len(e.Samples) != 160 || e.Last() != (latency.Sample{Unix: 199, Ms: 500}) || e.Samples[0].Unix != 40 || e.MaxMs != 500 {
		t.Errorf("%d samples from %+v to %+v", len(e.Samples), e.Samples[0], e.Last())
	}
	graph := strings.Split(e.Graph(259), "\n")
	if len(graph[2]) != 80 || graph[2][79] != '#' || graph[7][79] != '1' || graph[8][79] != 'm' {
		t.Errorf("graph:\n%s", strings.Join(graph, "\n"))
	}
}

// A graph is drawn as redis-server drew it of the same samples.
func TestLatencyGraph(t *testing.T) {
	var b latency.Book
	for _, s := range [][2]int64{{589, 10}, {616, 30}, {655, 50}, {685, 20}, {688, 100}, {727, 4}, {762, 90}, {766, 60}} {
		b.Add("command", s[0], s[1])
	}
	e, _ := b.Event("command")
	want := strings.Join([]string{
		"command - high 100 ms, low 4 ms (all time high 100 ms)", strings.Repeat("-", 80),
		"    # o ",
		"    | |o",
		" _# | ||",
		"_||#|_||",
		"        ",
		"33221144",
		"mmmmmm51",
		"      ss", ""}, "\n")
	if got := e.Graph(807); got != want {
		t.Errorf("drawn:\n%swant:\n%s", got, want)
	}
}
