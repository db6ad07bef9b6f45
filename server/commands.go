package server

import (
	_ "embed" // commands.txt
	"fmt"
	"slices"
	"strings"

	"hpkv/server/command"
)

//go:generate go test -count=1 -run ^TestCommandsDocument$ -args -update

// summaries is what COMMANDS.md says beyond the command table.
//
//go:embed commands.txt
var summaries string

// commandSummary is one line of commands.txt.
type commandSummary struct{ usage, text string }

// parseSummaries returns the lines of commands.txt by full command name.
func parseSummaries() map[string]commandSummary {
	m := make(map[string]commandSummary)
	for line := range strings.Lines(summaries) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		i := strings.LastIndex(line, " | ")
		name, usage, _ := strings.Cut(line[:i], " ")
		m[name] = commandSummary{usage, line[i+3:]}
	}
	return m
}

const commandsIntro = `# Commands

Made by ` + "`make generate`" + ` from the command table: do not edit. Behaviour, replies and error texts are those of Redis 7.2 unless this page says otherwise.

| command | arguments | what it does |
|---|---|---|
`

const commandsOurs = `
## HPKV.RANGE

` + "```" + `
HPKV.RANGE start end [LIMIT n] [KEYS|VALUES]
` + "```" + `

Reads the keys of the selected database from ` + "`start` to `end`" + `, both inclusive, in byte order, with their values, all as they were at one moment. Neither end needs to exist. An empty start means from the first key, an empty end to the last. The keys with a prefix are those from ` + "`prefix` to `prefix\\xff`" + `.

The reply is an array of two: a cursor, and an array of key, value, key, value, ... With ` + "`KEYS` or `VALUES`" + ` it has only those. The value of a key that holds no string is null. The cursor is null when nothing is left; otherwise give it as the next call's ` + "`start`" + `. Walking by pages returns no key twice and misses none that exists throughout.

The first range query of a database builds its ordered index in the background of other work, at about a microsecond a key; from then on writes keep it up to date. The setting ` + "`ordered-index always`" + ` has it from the start. Not allowed inside MULTI.

` + "```" + `
> HPKV.RANGE fruit:a fruit:c LIMIT 2
1) "fruit:banana\x00"
2) 1) "fruit:apple"
   2) "5"
   3) "fruit:banana"
   4) "6"
` + "```" + `

## HPKV.TOPOLOGY

Returns a map: the processor's model, sockets, cores and processors, those the process may use, memory, memory nodes, the connection driver, whether workers are pinned and why, the number of shards, and for each worker its processor, core, node and shards. ` + "`hpkv-server --topology`" + ` prints the same before a server is started.
`

// CommandsMarkdown is the content of COMMANDS.md.
func CommandsMarkdown() (string, error) {
	table, err := newTable(nil)
	if err != nil {
		return "", err
	}
	known := parseSummaries()
	var rows []*command.Row
	for _, r := range table.Rows() {
		rows = append(append(rows, r), r.Subs()...)
	}
	slices.SortFunc(rows, func(a, b *command.Row) int { return strings.Compare(a.FullName(), b.FullName()) })
	var b strings.Builder
	b.WriteString(commandsIntro)
	for _, r := range rows {
		s, ok := known[r.FullName()]
		if !ok {
			return "", fmt.Errorf("commands.txt has no line for %s", r.FullName())
		}
		delete(known, r.FullName())
		usage := strings.ReplaceAll(s.usage, "|", `\|`)
		if usage != "" {
			usage = "`" + usage + "`"
		}
		name := strings.ToUpper(strings.ReplaceAll(r.FullName(), "|", " "))
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, usage, s.text)
	}
	for name := range known {
		return "", fmt.Errorf("commands.txt has a line for %s, which is no command", name)
	}
	b.WriteString(commandsOurs)
	return b.String(), nil
}
