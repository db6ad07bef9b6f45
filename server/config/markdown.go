package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

//go:generate go test -count=1 -run ^TestSettingsDocument$ -args -update

const documentHead = `# Settings

Generated from the table in ` + "`server/config`" + ` by ` + "`go generate ./server/config`" + `; do not edit.

A setting can be given in the configuration file (` + "`port 7777`" + `), on the command line (` + "`--port 7777`" + `) and,
unless it is fixed, at run time (` + "`CONFIG SET port 7777`" + `). Memory takes units: ` + "`k`" + ` is 1000, ` + "`kb`" + ` 1024, likewise
` + "`m`, `mb`, `g`, `gb`" + `. Every setting of a Redis 7.2 configuration file is known, so that an existing file
starts this server. What becomes of it:

- **honoured**: it does what it says.
- **not yet in effect**: accepted and remembered; the feature it belongs to is not there yet. A value other than the
  default is logged at the start.
- **accepted, no effect**: this server does not work that way, and nothing is lost by ignoring it. A value other than the
  default is logged at the start.
- **refused**: only the default is accepted, since going on without it would be unsafe or misleading.

In the column *change*, **fixed** settings keep their value while the server runs, **protected** ones can be changed only
as ` + "`enable-protected-configs`" + ` allows.
`

// markdown is the content of docs/settings.md.
func markdown() string {
	var b strings.Builder
	b.WriteString(documentHead)
	t := table()
	for topic := range topicCount {
		fmt.Fprintf(&b, "\n## %s\n\n| setting | default | values | change | status | what it is for |\n|---|---|---|---|---|---|\n", topic)
		for i := range t.rows {
			r := &t.rows[i]
			if r.Topic != topic || r.Flags&Hidden != 0 {
				continue
			}
			fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s | %s |\n", documentName(r), shown(r.Default), documentValues(r),
				documentChange(r), documentStatus(r), documentDoc(r))
		}
	}
	b.WriteString(`
## Lines that are not settings

| line | what becomes of it |
|---|---|
| ` + "`include path`" + ` | reads another file here; wildcards stand for all files that match, in order of their names |
`)
	for _, name := range []string{"rename-command", "user", "loadmodule", "sentinel"} {
		fmt.Fprintf(&b, "| `%s` | refused: %s |\n", name, impossible[name])
	}
	for _, name := range forgotten {
		fmt.Fprintf(&b, "| `%s` | accepted, no effect: of older Redis versions |\n", name)
	}
	return b.String()
}

func documentName(r *Row) string {
	s := "`" + r.Name + "`"
	for _, alias := range r.Aliases {
		s += ", `" + alias + "`"
	}
	return s
}

func documentValues(r *Row) string {
	switch r.Kind {
	case Integer, Octal, Memory:
		unit := map[Kind]string{Integer: "number", Octal: "octal number", Memory: "bytes"}[r.Kind]
		switch {
		case r.Min == 0 && r.Max == 0:
			return unit
		case r.Max >= math.MaxInt32 && r.Min <= math.MinInt32:
			return unit
		case r.Max >= math.MaxInt32:
			return fmt.Sprintf("%s, at least %s", unit, bound(r, r.Min))
		}
		return fmt.Sprintf("%s, %s to %s", unit, bound(r, r.Min), bound(r, r.Max))
	case MemoryShare:
		return fmt.Sprintf("bytes, or up to %d%%", -r.Min)
	case Boolean:
		return "`yes`, `no`"
	case Enumeration, Combination:
		texts := make([]string, len(r.names))
		for i, n := range r.names {
			texts[i] = "`" + n.text + "`"
		}
		s := strings.Join(texts, ", ")
		if r.Kind == Combination {
			s += "; several"
		}
		return s
	case Directory:
		return "directory"
	case List:
		return "words"
	case Buffers:
		return "class, bytes, bytes, seconds"
	case Snapshots:
		return "pairs of numbers"
	case APIKeys:
		return "keys"
	case Percents:
		return "numbers, 0 to 100"
	case EventClasses:
		return "letters of `Ag$lshzxeKEtmdn`"
	}
	return "text"
}

// bound writes round powers of 1024 with their unit.
func bound(r *Row, n int64) string {
	switch {
	case r.Kind == Octal:
		return strconv.FormatInt(n, 8)
	case r.Kind == Memory && n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%dmb", n>>20)
	}
	return strconv.FormatInt(n, 10)
}

func documentChange(r *Row) string {
	switch {
	case r.Flags&(Immutable|AtStart) != 0:
		return "fixed"
	case r.Flags&Protected != 0:
		return "protected"
	}
	return "any time"
}

func documentStatus(r *Row) string {
	if r.Status == Honoured {
		return r.Status.String()
	}
	return r.Status.String() + ": " + r.Why
}

func documentDoc(r *Row) string { return strings.ReplaceAll(r.Doc, "|", "\\|") }
