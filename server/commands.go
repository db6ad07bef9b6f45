package server

import (
	"fmt"
	"slices"
	"strings"

	"hpkv/server/command"
)

//go:generate go test -count=1 -run ^TestCommandsDocument$ -args -update

const commandsIntro = `# Commands

Made by ` + "`make generate`" + ` from the command table and ` + "`server/command/docs.json`" + `: do not edit. Behaviour, replies and error texts are those of Redis 7.2 unless this page says otherwise.

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
	var rows []*command.Row
	for _, r := range table.Rows() {
		rows = append(append(rows, r), r.Subs()...)
	}
	slices.SortFunc(rows, func(a, b *command.Row) int { return strings.Compare(a.FullName(), b.FullName()) })
	var b strings.Builder
	b.WriteString(commandsIntro)
	for _, r := range rows {
		d := r.Doc()
		if d == nil {
			return "", fmt.Errorf("server/command/docs.json has no entry for %s", r.FullName())
		}
		usage := strings.ReplaceAll(command.Usage(d.Arguments), "|", `\|`)
		if usage != "" {
			usage = "`" + usage + "`"
		}
		name := strings.ToUpper(strings.ReplaceAll(r.FullName(), "|", " "))
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, usage, d.Summary)
	}
	b.WriteString(commandsOurs)
	return b.String(), nil
}
