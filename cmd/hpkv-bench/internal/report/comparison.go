package report

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// Comparison is everything one `compare` run measured.
type Comparison struct {
	Head
	Base      string   `json:"base"` // ratios are to this server
	Generator string   `json:"generator"`
	Rounds    int      `json:"rounds"`
	Rows      []Row    `json:"rows"`
	Memory    []Memory `json:"memory"`
	Notes     []string `json:"notes"`
}

// Cell is one point of the matrix.
type Cell struct {
	Workload  string `json:"workload"`
	Pipeline  int    `json:"pipeline"`
	Clients   int    `json:"clients"`
	ValueSize int    `json:"value_bytes"` // 0: the workload carries no value
	Keys      string `json:"keys"`        // "" where keys do not matter
}

// String names the cell in a chart: "get P16 c50 512B hot".
func (c Cell) String() string {
	s := fmt.Sprintf("%s P%d c%d", c.Workload, c.Pipeline, c.Clients)
	if c.ValueSize > 0 {
		s += fmt.Sprintf(" %dB", c.ValueSize)
	}
	if c.Keys != "" && c.Keys != "uniform" {
		s += " " + c.Keys
	}
	return s
}

// Row is a cell with what each server did.
type Row struct {
	Cell
	Requests int64   `json:"requests_per_round"`
	Entries  []Entry `json:"servers"`
}

// Entry is one server in one cell.
type Entry struct {
	Server  string   `json:"server"`
	Skipped string   `json:"skipped,omitempty"` // why nothing was measured
	Median  Sample   `json:"median"`
	Rounds  []Sample `json:"rounds"`
}

// Sample is one measured run. Unknown values are 0 in JSON.
type Sample struct {
	OpsPerSec  float64 `json:"ops_per_sec"`
	CPUMicros  float64 `json:"cpu_us_per_op"` // of the server process
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	P999       float64 `json:"p999_ms"`
	ServerBusy float64 `json:"server_busy"` // processors' worth of CPU time during the run
	LoadBusy   float64 `json:"load_busy"`
	// Waited is the part of the run that the server's threads were ready to
	// run but had no processor: other work on the machine (or more threads
	// than processors).
	Waited float64 `json:"server_waited"`
}

// Memory is a server's resident memory with the string keys loaded.
type Memory struct {
	Server      string  `json:"server"`
	KeyBytes    int     `json:"key_bytes"`
	ValueBytes  int     `json:"value_bytes"`
	Keys        int64   `json:"keys"`
	EmptyBytes  int64   `json:"empty_rss_bytes"`
	LoadedBytes int64   `json:"loaded_rss_bytes"`
	PerKey      float64 `json:"rss_per_key_bytes"` // growth over the empty server, for each key
}

// Settle computes the medians of all entries; each figure has its own median.
func (c *Comparison) Settle() {
	defer c.noteDisturbance()
	for i := range c.Rows {
		for j := range c.Rows[i].Entries {
			e := &c.Rows[i].Entries[j]
			if len(e.Rounds) == 0 {
				continue
			}
			e.Median = MedianSample(e.Rounds)
		}
	}
}

// MedianSample takes the median of each figure by itself.
func MedianSample(samples []Sample) Sample {
	median := func(f func(Sample) float64) float64 { return MedianOf(samples, f) }
	return Sample{
		OpsPerSec:  median(func(s Sample) float64 { return s.OpsPerSec }),
		CPUMicros:  median(func(s Sample) float64 { return s.CPUMicros }),
		P50:        median(func(s Sample) float64 { return s.P50 }),
		P99:        median(func(s Sample) float64 { return s.P99 }),
		P999:       median(func(s Sample) float64 { return s.P999 }),
		ServerBusy: median(func(s Sample) float64 { return s.ServerBusy }),
		LoadBusy:   median(func(s Sample) float64 { return s.LoadBusy }),
		Waited:     median(func(s Sample) float64 { return s.Waited }),
	}
}

// noteDisturbance warns when the servers often waited for their processor.
func (c *Comparison) noteDisturbance() {
	const tolerated = 0.05 // a few percent is the kernel's own housekeeping
	var waited []float64
	for i := range c.Rows {
		for _, e := range c.Rows[i].Entries {
			if len(e.Rounds) > 0 {
				waited = append(waited, e.Median.Waited)
			}
		}
	}
	if m := Median(waited); m > tolerated {
		c.Notes = append(c.Notes, fmt.Sprintf("the machine was busy: the servers waited for a processor %s of the time (median); "+
			"throughput and latency say little, CPU per operation still compares", Percent(m)))
	}
}

func pick(samples []Sample, f func(Sample) float64) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = f(s)
	}
	return values
}

// Find returns the named server's entry of a row, nil if it has no figures.
func (r *Row) Find(server string) *Entry {
	i := slices.IndexFunc(r.Entries, func(e Entry) bool { return e.Server == server && len(e.Rounds) > 0 })
	if i < 0 {
		return nil
	}
	return &r.Entries[i]
}

// WriteText prints the whole comparison for people.
func (c *Comparison) WriteText(w io.Writer) error {
	if err := c.Head.Write(w); err != nil {
		return err
	}
	fmt.Fprintf(w, "load       %s\n", c.Generator)
	fmt.Fprintf(w, "figures    medians of %d interleaved rounds; ratios to %s; CPU us/op is the server process's user and system time;\n", c.Rounds, c.Base)
	fmt.Fprintf(w, "           +-: largest minus smallest CPU us/op of the rounds, as a part of the median; busy: processors used\n\n")
	if len(c.Rows) > 0 {
		if err := c.speedTable().Write(w); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	if len(c.Memory) > 0 {
		if err := c.memoryTable().Write(w); err != nil {
			return err
		}
	}
	for _, note := range c.Notes {
		fmt.Fprintf(w, "\nnote: %s", note)
	}
	_, err := fmt.Fprintln(w)
	return err
}

func (c *Comparison) speedTable() *Table {
	t := &Table{Columns: Columns("<workload", "pipe", "conns", "value", "<keys", "<server", "ops/s", "ratio",
		"CPU us/op", "ratio", "+-", "p99 ms", "p99.9 ms", "busy server", "load")}
	for i := range c.Rows {
		r := &c.Rows[i]
		value := ""
		if r.ValueSize > 0 {
			value = fmt.Sprint(r.ValueSize)
		}
		head := []string{r.Workload, fmt.Sprint(r.Pipeline), fmt.Sprint(r.Clients), value, r.Keys}
		base := Sample{}
		if e := r.Find(c.Base); e != nil {
			base = e.Median
		}
		for _, e := range r.Entries {
			if e.Skipped != "" {
				t.Add(append(head, e.Server, e.Skipped)...)
			} else {
				m := e.Median
				t.Add(append(head, e.Server, Count(m.OpsPerSec), Ratio(Quotient(m.OpsPerSec, base.OpsPerSec)),
					Fixed(Known(m.CPUMicros), 3), Ratio(Quotient(m.CPUMicros, base.CPUMicros)),
					Percent(Spread(pick(e.Rounds, func(s Sample) float64 { return s.CPUMicros }))),
					Fixed(m.P99, 3), Fixed(m.P999, 3), Fixed(Known(m.ServerBusy), 2), Fixed(Known(m.LoadBusy), 2))...)
			}
			head = []string{"", "", "", "", ""}
		}
	}
	return t
}

func (c *Comparison) memoryTable() *Table {
	t := &Table{Columns: Columns("<memory", "keys", "key+value", "<server", "RSS empty", "RSS loaded", "bytes/key", "ratio")}
	for _, m := range c.Memory {
		base := math.NaN()
		for _, other := range c.Memory {
			if other.Server == c.Base && other.ValueBytes == m.ValueBytes {
				base = other.PerKey
			}
		}
		t.Add("strings", Count(float64(m.Keys)), fmt.Sprintf("%d+%d", m.KeyBytes, m.ValueBytes), m.Server,
			Bytes(m.EmptyBytes), Bytes(m.LoadedBytes), Fixed(m.PerKey, 1), Ratio(Quotient(m.PerKey, base)))
	}
	return t
}

// WriteJSON writes the comparison with every round.
func (c *Comparison) WriteJSON(w io.Writer) error { return JSON(w, c) }
