package config

import (
	"fmt"
	"strings"
)

// Given reports whether a file or the command line set the named setting.
func (c *Config) Given(name string) bool {
	e, _, ok := table().find(name)
	c.mu.Lock()
	defer c.mu.Unlock()
	return ok && c.mu.given[e.row]
}

// Notices are the lines to log at the start about settings that were given a
// value other than their default and do not do what they say here.
func (c *Config) Notices() []string {
	t := table()
	c.mu.Lock()
	defer c.mu.Unlock()
	var lines, inert []string
	for i := range t.rows {
		r := &t.rows[i]
		if r.Status == Honoured || r.Status == Refused || !c.mu.given[i] || c.format(i) == r.standard() {
			continue
		}
		switch {
		case r.Status == Planned:
			text := r.Name
			if r.Flags&Sensitive == 0 {
				text += " " + shown(clip(c.format(i)))
			}
			lines = append(lines, fmt.Sprintf("%s has no effect: %s", text, r.Why))
		default:
			inert = append(inert, r.Name)
		}
	}
	if len(inert) > 0 {
		lines = append(lines, "settings accepted without effect, see docs/settings.md: "+strings.Join(inert, ", "))
	}
	return lines
}
