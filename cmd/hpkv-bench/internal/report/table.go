package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"hpkv/cmd/hpkv-bench/internal/machine"
)

// Head says where and of what a report's figures are.
type Head struct {
	Machine   machine.Machine `json:"machine"`
	Servers   []Server        `json:"servers"`
	Placement string          `json:"placement"`
}

// Server is one server of a report.
type Server struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Command []string `json:"command"`
}

// Write prints the head for people.
func (h *Head) Write(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "machine    %s\n", h.Machine); err != nil {
		return err
	}
	for _, s := range h.Servers {
		fmt.Fprintf(w, "server     %s: %s\n", s.Name, s.Version)
	}
	_, err := fmt.Fprintf(w, "placement  %s\n", h.Placement)
	return err
}

// JSON writes v, indented.
func JSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// Table is an aligned text table.
type Table struct {
	Columns []Column
	rows    [][]string
}

// Column is a heading; Left aligns words, numbers stand right.
type Column struct {
	Name string
	Left bool
}

// Columns makes columns from names; a leading '<' marks one aligned left.
func Columns(names ...string) []Column {
	cols := make([]Column, len(names))
	for i, name := range names {
		cols[i] = Column{strings.TrimPrefix(name, "<"), strings.HasPrefix(name, "<")}
	}
	return cols
}

// Add appends a row; missing cells are empty. A row without cells is a blank
// line.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// Write prints the table.
func (t *Table) Write(w io.Writer) error {
	heads := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		heads[i] = c.Name
	}
	widths := make([]int, len(t.Columns))
	lines := slices.Concat([][]string{heads}, t.rows)
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var out strings.Builder
	for n, line := range lines {
		var b strings.Builder
		for i := range t.Columns {
			cell := ""
			if i < len(line) {
				cell = line[i]
			}
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				b.WriteString("  ")
			}
			if t.Columns[i].Left {
				b.WriteString(cell + pad)
			} else {
				b.WriteString(pad + cell)
			}
		}
		out.WriteString(strings.TrimRight(b.String(), " ") + "\n")
		if n == 0 {
			total := 2 * (len(widths) - 1)
			for _, width := range widths {
				total += width
			}
			out.WriteString(strings.Repeat("-", total) + "\n")
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}
