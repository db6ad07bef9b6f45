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
## LATENCY

With ` + "`latency-monitor-threshold`" + ` above 0 these events are recorded:

| event | what has taken long |
|---|---|
| ` + "`command`, `fast-command`" + ` | a command |
| ` + "`command-unblocking`" + ` | a command tried again for a client that waited |
| ` + "`expire-cycle`" + ` | a step of background work that removed keys whose time had come |
| ` + "`eviction-cycle`" + ` | making room for a command, or in the background |
| ` + "`active-defrag-cycle`" + ` | a step of background work that moved records together |
| ` + "`aof-write`" + ` | writing a round of the log; it is recorded as one of the next three, too |
| ` + "`aof-write-pending-fsync`" + ` | while the log was being synced |
| ` + "`aof-write-active-child`" + ` | while the log was being compacted (there is no child process) |
| ` + "`aof-write-alone`" + ` | while it was neither |
| ` + "`aof-fsync-always`" + ` | a sync of one of the log's files that clients waited for |
| ` + "`aof-fsync-everysec`" + ` | a sync that nobody waited for; Redis does not record these |
| ` + "`aof-rename`" + ` | replacing the list of the log's files |

Redis' other events have no counterpart: ` + "`fork`, `rdb-unlink-temp-file`, `aof-fstat`, `aof-rewrite-diff-write`" + ` (no process is forked and no snapshot merged), ` + "`expire-del`, `eviction-del`, `eviction-lazyfree`, `while-blocked-cron`, `module-acquire-GIL`" + ` (removing a key, of whatever size, takes well below a millisecond: what it held is freed in the background, in steps; a stopped event loop has no work to catch up with; there are no modules). The log is written on a thread of its own, so its events delay replies only with ` + "`appendfsync always`" + `.

## OBJECT ENCODING

Settings decide, as in Redis 7.2; they may be changed at any time and count from the next change of a key on.

| type | encoding | of what |
|---|---|---|
| hash | ` + "`" + `listpack` + "`" + ` | up to ` + "`" + `hash-max-listpack-entries` + "`" + ` fields, no field or value longer than ` + "`" + `hash-max-listpack-value` + "`" + ` |
| | ` + "`" + `listpackex` + "`" + ` | the same, after one of its fields was given an expiry (HEXPIRE and the like are commands of Redis 7.4, and so is this name) |
| | ` + "`" + `hashtable` + "`" + ` | others |
| list | ` + "`" + `listpack` + "`" + ` | what fits ` + "`" + `list-max-listpack-size` + "`" + ` |
| | ` + "`" + `quicklist` + "`" + ` | others |
| set | ` + "`" + `intset` + "`" + ` | integers only, up to ` + "`" + `set-max-intset-entries` + "`" + ` |
| | ` + "`" + `listpack` + "`" + ` | up to ` + "`" + `set-max-listpack-entries` + "`" + ` members, none longer than ` + "`" + `set-max-listpack-value` + "`" + ` |
| | ` + "`" + `hashtable` + "`" + ` | others |
| sorted set | ` + "`" + `listpack` + "`" + ` | up to ` + "`" + `zset-max-listpack-entries` + "`" + ` members, none longer than ` + "`" + `zset-max-listpack-value` + "`" + ` |
| | ` + "`" + `skiplist` + "`" + ` | others |

A list becomes a ` + "`" + `listpack` + "`" + ` again when it is half of what may be one; other collections keep the larger form when they shrink. The names tell the form, not how it is made: a ` + "`" + `skiplist` + "`" + ` is a tree here.

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

// commandsMarkdown is the content of COMMANDS.md.
func commandsMarkdown() (string, error) {
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
