package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"hpkv/cmd/hpkv-bench/internal/embed"
	"hpkv/cmd/hpkv-bench/internal/machine"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/store"
	"hpkv/cmd/internal/cli"
)

// embeddedReport is what the subcommand measured; all figures are medians.
type embeddedReport struct {
	Machine     machine.Machine                       `json:"machine"`
	Setup       embed.Setup                           `json:"setup"`
	Rounds      int                                   `json:"rounds"`
	ClockCostNs int64                                 `json:"clock_cost_ns"`
	Stores      []string                              `json:"stores"`
	Latency     map[string]map[embed.Op]embed.Figures `json:"latency"` // by store
	Scaling     []scalingRow                          `json:"scaling"`
}

// scalingRow is one scene on one store.
type scalingRow struct {
	Store   string    `json:"store"`
	Scene   string    `json:"scene"`
	Threads int       `json:"threads"`
	Rates   []float64 `json:"ops_per_sec"` // by thread
}

func (r scalingRow) total() float64 {
	sum := 0.0
	for _, rate := range r.Rates {
		sum += rate
	}
	return sum
}

// embedded is the subcommand.
func embedded(ctx context.Context, e cli.Env, args []string) error {
	fs := newFlags(e, "embedded", "Measures the embedded library beside Go's own maps and a Go cache: latency and throughput of single\n"+
		"operations and batches, and how they scale with threads.")
	threads := intList{[]int{1, 2}, 1}
	var names words
	for _, m := range store.Makers() {
		names = append(names, m.Name)
	}
	var (
		setup    embed.Setup
		rounds   = fs.Int("rounds", 3, "how often everything is measured; medians are shown")
		length   = fs.Duration("scale-time", 300*time.Millisecond, "duration of each scaling run, taken in ten turns; 0 leaves them out")
		jsonFile = fs.String("json", "", "also write the figures to this `file`")
	)
	fs.IntVar(&setup.Keys, "keys", 1_000_000, "keys in the store, and operations of each pass")
	fs.IntVar(&setup.ValueBytes, "value", 64, "value size in bytes")
	fs.IntVar(&setup.Batch, "batch", 16, "keys in a batch")
	fs.Uint64Var(&setup.Seed, "seed", 1, "of the orders of keys")
	fs.Var(&threads, "threads", "threads of the scaling runs, `list`")
	fs.Var(&names, "stores", "comma-separated `names` of the stores; ratios refer to the sharded map")
	var makers []store.Maker
	err := parse(fs, args, func() error {
		for _, name := range names {
			i := slices.IndexFunc(store.Makers(), func(m store.Maker) bool { return m.Name == name })
			if i < 0 {
				return fmt.Errorf("--stores: no store %q", name)
			}
			makers = append(makers, store.Makers()[i])
		}
		if len(makers) == 0 || *rounds < 1 || *length < 0 || setup.Keys < setup.Batch || setup.Batch < 1 || setup.ValueBytes < 1 {
			return errors.New("--stores, --rounds, --value and --batch must be above 0, --keys at least --batch")
		}
		return nil
	})
	if err != nil {
		return err
	}
	r, err := measureEmbedded(ctx, e, makers, setup, *rounds, embed.Scenes(threads.values), *length)
	e.Progress.Clear()
	if err != nil {
		return err
	}
	if err := r.writeText(e.Out); err != nil {
		return err
	}
	return writeFile(*jsonFile, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	})
}

func measureEmbedded(ctx context.Context, e cli.Env, makers []store.Maker, setup embed.Setup, rounds int, scenes []embed.Scene, length time.Duration) (*embeddedReport, error) {
	r := &embeddedReport{Machine: machine.Read(), Setup: setup, Rounds: rounds, Latency: map[string]map[embed.Op]embed.Figures{}}
	e.Progress.Printf("making keys")
	b := embed.New(setup)
	r.ClockCostNs = b.ClockCost().Nanoseconds()
	figures := map[string][]map[embed.Op]embed.Figures{} // by store: the rounds
	rates := map[string][][][]float64{}                  // by store: the turns of all rounds, their scenes, their threads
	for round := range rounds {
		for k := range makers {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			m := makers[(round+k)%len(makers)]
			e.Progress.Printf("round %d/%d  %s  latency", round+1, rounds, m.Name)
			f, err := b.Latency(m)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.Name, err)
			}
			figures[m.Name] = append(figures[m.Name], f)
			if length == 0 {
				continue
			}
			e.Progress.Printf("round %d/%d  %s  scaling", round+1, rounds, m.Name)
			s, err := b.Scaling(m, scenes, length)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.Name, err)
			}
			rates[m.Name] = append(rates[m.Name], s...)
		}
	}
	for _, m := range makers {
		r.Stores = append(r.Stores, m.Name)
		r.Latency[m.Name] = medianFigures(figures[m.Name])
		if length > 0 {
			r.Scaling = append(r.Scaling, medianRates(m.Name, scenes, rates[m.Name])...)
		}
	}
	return r, nil
}

func medianFigures(rounds []map[embed.Op]embed.Figures) map[embed.Op]embed.Figures {
	out := map[embed.Op]embed.Figures{}
	for _, op := range embed.Ops {
		pick := func(f func(embed.Figures) float64) float64 {
			var values []float64
			for _, round := range rounds {
				values = append(values, f(round[op]))
			}
			return report.Median(values)
		}
		out[op] = embed.Figures{
			OpsPerSec: pick(func(f embed.Figures) float64 { return f.OpsPerSec }),
			P50:       pick(func(f embed.Figures) float64 { return f.P50 }),
			P99:       pick(func(f embed.Figures) float64 { return f.P99 }),
			P999:      pick(func(f embed.Figures) float64 { return f.P999 }),
		}
	}
	return out
}

func medianRates(name string, scenes []embed.Scene, turns [][][]float64) []scalingRow {
	var rows []scalingRow
	for i, scene := range scenes {
		row := scalingRow{Store: name, Scene: scene.Name, Threads: len(scene.Roles)}
		for thread := range scene.Roles {
			var values []float64
			for _, turn := range turns {
				values = append(values, turn[i][thread])
			}
			row.Rates = append(row.Rates, report.Median(values))
		}
		rows = append(rows, row)
	}
	return rows
}

func (r *embeddedReport) writeText(w io.Writer) error {
	fmt.Fprintf(w, "machine    %s\n", r.Machine)
	fmt.Fprintf(w, "setup      %s keys of 16 bytes, values of %d, %s operations a pass, batches of %d; medians of %d rounds\n",
		report.Count(float64(r.Setup.Keys)), r.Setup.ValueBytes, report.Count(float64(r.Setup.Keys)), r.Setup.Batch, r.Rounds)
	fmt.Fprintf(w, "method     each operation between two clock readings, less the %d ns a reading costs; op/s of single operations from a\n", r.ClockCostNs)
	fmt.Fprintf(w, "           pass without clock; batches: figures for one key; insert: new keys, write: overwrites; ratio: op/s to the sharded map;\n")
	fmt.Fprintf(w, "           op/s leave out the time in which the thread had no processor (other work on the machine), percentiles do not\n\n")
	if err := r.latencyTable().Write(w); err != nil {
		return err
	}
	if len(r.Scaling) == 0 {
		return nil
	}
	fmt.Fprint(w, "\nOperations per second of all threads; x: to one thread of the same. In write + read each thread is set against itself alone.\n"+
		"Medians of ten turns a round, in which the scenes alternate and one thread has each processor in turn.\n\n")
	return r.scalingTable().Write(w)
}

const embeddedBase = "sharded map"

func (r *embeddedReport) latencyTable() *report.Table {
	t := &report.Table{Columns: report.Columns("<operation", "<store", "op/s", "ratio", "p50 ns", "p99 ns", "p99.9 ns")}
	for _, op := range embed.Ops {
		name := string(op)
		for _, s := range r.Stores {
			f := r.Latency[s][op]
			base := math.NaN()
			if b, ok := r.Latency[embeddedBase]; ok {
				base = b[op].OpsPerSec
			}
			t.Add(name, s, report.Count(f.OpsPerSec), report.Ratio(f.OpsPerSec/base), report.Fixed(f.P50, 0), report.Fixed(f.P99, 0), report.Fixed(f.P999, 0))
			name = ""
		}
	}
	return t
}

// scalingTable has a line for each store and kind of work, and a column pair
// for each number of threads.
func (r *embeddedReport) scalingTable() *report.Table {
	columns := []string{"<work", "<store"}
	var threads []int
	for _, row := range r.Scaling {
		if row.Store == r.Stores[0] && row.Scene == r.Scaling[0].Scene {
			threads = append(threads, row.Threads)
			columns = append(columns, fmt.Sprintf("%d threads", row.Threads), "x")
		}
	}
	t := &report.Table{Columns: report.Columns(columns...)}
	find := func(store, scene string, threads int) *scalingRow {
		i := slices.IndexFunc(r.Scaling, func(row scalingRow) bool {
			return row.Store == store && row.Scene == scene && row.Threads == threads
		})
		if i < 0 {
			return nil
		}
		return &r.Scaling[i]
	}
	var scenes []string
	for _, row := range r.Scaling {
		if !slices.Contains(scenes, row.Scene) {
			scenes = append(scenes, row.Scene)
		}
	}
	for _, scene := range scenes {
		name := scene
		for _, s := range r.Stores {
			cells := []string{name, s}
			name = ""
			one := find(s, scene, 1)
			for _, n := range threads {
				row := find(s, scene, n)
				switch {
				case row == nil:
					cells = append(cells, "", "")
				case one == nil:
					cells = append(cells, report.Count(row.total()), r.besides(*row))
				default:
					cells = append(cells, report.Count(row.total()), report.Ratio(row.total()/one.total()))
				}
			}
			t.Add(cells...)
		}
	}
	return t
}

// besides sets the writer and the reader of a mixed scene against what each
// does alone.
func (r *embeddedReport) besides(row scalingRow) string {
	alone := func(scene string) float64 {
		for _, other := range r.Scaling {
			if other.Store == row.Store && other.Scene == scene && other.Threads == 1 {
				return other.total()
			}
		}
		return math.NaN()
	}
	if len(row.Rates) != 2 {
		return ""
	}
	return report.Ratio(row.Rates[0]/alone("write hot")) + " + " + report.Ratio(row.Rates[1]/alone("read hot"))
}
