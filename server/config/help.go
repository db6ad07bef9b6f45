package config

import (
	"fmt"
	"strings"
)

// usage is the head of --help.
const usage = `Usage: hpkv-server [file] [--option value ...] [-]

  hpkv-server                             start with the defaults, on port 6379
  hpkv-server /etc/redis/redis.conf       start with a Redis configuration file
  hpkv-server --port 7777 --bind 127.0.0.1 -::1
  hpkv-server redis.conf --maxclients 100 options win over the file
  hpkv-server -                           read settings from standard input

  -h, --help      this text
  -v, --version   version of the program
  --topology      show processors and memory as the server sees them, and how it
                  would use them

Settings, with their defaults. The same names work in the file, as options, and
in CONFIG GET and CONFIG SET; a * marks those that are fixed once the server runs.
`

// Help is the text of --help: how to call the server, and the settings that do
// something, by topic.
func Help() string {
	var b strings.Builder
	b.WriteString(usage)
	t := table()
	others := 0
	for topic := range topicCount {
		head := false
		for i := range t.rows {
			r := &t.rows[i]
			if r.Topic != topic || r.Flags&Hidden != 0 {
				continue
			}
			if r.Status != Honoured {
				others++
				continue
			}
			if !head {
				fmt.Fprintf(&b, "\n%s\n", topic)
				head = true
			}
			fixed := ""
			if r.Flags&(Immutable|AtStart) != 0 {
				fixed = "*"
			}
			fmt.Fprintf(&b, "  %s\n%s", strings.TrimRight(fmt.Sprintf("%s%s %s", r.Name, fixed, shown(r.Default)), " "), wrap(r.Doc+values(r), "      ", 80))
		}
	}
	fmt.Fprintf(&b, "\n%d more settings of Redis are accepted for the sake of existing files, or refused with a\n"+
		"reason: see docs/settings.md.\n", others)
	return b.String()
}

// shown is a default as a file would have it.
func shown(text string) string {
	if text == "" {
		return `""`
	}
	return text
}

// values lists what an enumerated setting accepts.
func values(r *Row) string {
	if r.names == nil {
		return ""
	}
	texts := make([]string, len(r.names))
	for i, n := range r.names {
		texts[i] = n.text
	}
	return " (" + strings.Join(texts, ", ") + ")"
}

// wrap breaks text at spaces into lines of at most width bytes, each after indent.
func wrap(text, indent string, width int) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		if column > 0 && column+1+len(word) > width {
			b.WriteByte('\n')
			column = 0
		}
		if column == 0 {
			b.WriteString(indent)
			column = len(indent)
		} else {
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	b.WriteByte('\n')
	return b.String()
}
