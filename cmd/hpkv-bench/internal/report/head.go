package report

import (
	"encoding/json"
	"fmt"
	"io"

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
