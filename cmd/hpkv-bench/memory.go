package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"hpkv/cmd/hpkv-bench/internal/loadgen"
	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/cmd/internal/cli"
)

// Sizes that the overwrites draw from, both included.
const (
	churnLeast = 16
	churnMost  = 256
)

// memoryReport is what the subcommand measured.
type memoryReport struct {
	report.Head
	Base       string         `json:"base"`
	Keys       uint64         `json:"keys"`
	ValueBytes int            `json:"value_bytes"`
	Results    []memoryResult `json:"results"`
	Shapes     []shapeResult  `json:"shapes"`
}

// memoryResult is one server.
type memoryResult struct {
	Server      string `json:"server"`
	EmptyBytes  int64  `json:"empty_rss_bytes"`
	LoadedBytes int64  `json:"loaded_rss_bytes"`

	Survivors uint64  `json:"surviving_keys"`
	LiveBytes int64   `json:"live_bytes"`           // keys and values that survived the churn
	Churned   []int64 `json:"rss_after_churn"`      // at once, then second by second
	Best      int64   `json:"best_rss_after_churn"` // the smallest of them
	Allocated int64   `json:"allocated_at_the_end"` // objects, by the server's own count
}

// memory is the subcommand.
func memory(ctx context.Context, e cli.Env, args []string) error {
	fs := newFlags(e, "memory", "Loads keys and measures resident memory; then overwrites every key with a random size\n"+
		"from 16 to 256 bytes, deletes a random half, and watches the memory against the live bytes.\n"+
		"Then loads collections of several shapes, each into fresh servers.")
	var servers serverList
	var place placement
	names := shapeNames()
	fs.Var(&servers, "server", serverHelp)
	base := fs.String("base", "", "`name` of the server that ratios refer to (default: the second one)")
	fs.Var(&names, "shapes", "comma-separated `names`: strings are the keys, the others collections")
	keys := fs.Uint64("keys", 5_000_000, "number of 16-byte keys")
	value := fs.Int("value", 64, "value size in bytes")
	watch := fs.Duration("watch", 10*time.Second, "how long memory is watched after the deletes")
	scale := fs.Uint64("elements", 1_000_000, "hashes, members of a set and of a sorted set, elements of a list; a tenth of it lists of 20")
	seed := fs.Uint64("seed", 1, "of the random sizes and orders")
	jsonFile := fs.String("json", "", "also write the figures to this `file`")
	place.flags(fs)
	var chosen []shape
	err := parse(fs, args, func() (err error) {
		if *keys < 1 || *value < 1 || *watch < 0 || *scale < 1 {
			return errors.New("--keys, --value and --elements must be above 0, --watch not negative")
		}
		if *base, err = servers.base(*base); err != nil {
			return err
		}
		chosen, err = findShapes(names)
		return err
	})
	if err != nil {
		return err
	}
	placed := place.settle()
	specs := servers.orDefault()
	r := memoryReport{Head: head(ctx, specs, placed), Base: *base, Keys: *keys, ValueBytes: *value}
	if slices.Contains(names, shapeStrings) {
		for _, spec := range specs {
			m, err := measureMemory(ctx, e, spec, place, churn{*keys, *value, *seed}, *watch)
			if err != nil {
				return err
			}
			r.Results = append(r.Results, m)
		}
	}
	for _, s := range chosen {
		for _, spec := range specs {
			m, err := measureShape(ctx, e, spec, place, s, *scale, *seed)
			if err != nil {
				return err
			}
			r.Shapes = append(r.Shapes, m)
		}
	}
	e.Progress.Clear()
	if err := r.writeText(e.Out); err != nil {
		return err
	}
	return writeFile(*jsonFile, func(w io.Writer) error { return report.JSON(w, &r) })
}

// churn is the load of the subcommand. What happens to a key depends only on
// its number and the seed, so the live bytes are known without asking.
type churn struct {
	keys  uint64
	value int
	seed  uint64
}

// size is the value size that key n is overwritten with.
func (c churn) size(n uint64) int {
	return churnLeast + int(workload.Hash(n^c.seed)%(churnMost-churnLeast+1))
}

// deleted tells whether key n is among the deleted half.
func (c churn) deleted(n uint64) bool { return workload.Hash(^n^c.seed)&1 == 1 }

// live returns the surviving keys and their bytes, keys and values.
func (c churn) live() (keys uint64, bytes int64) {
	for n := range c.keys {
		if !c.deleted(n) {
			keys++
			bytes += int64(len(workload.KeyName) + c.size(n))
		}
	}
	return keys, bytes
}

// overwrites sets every key once, in random order, to its random size.
func (c churn) overwrites() func(dst []byte, n uint64) []byte {
	order := workload.NewShuffle(c.keys, c.seed)
	filler := workload.Value(churnMost)
	return func(dst []byte, n uint64) []byte {
		n = order.At(n)
		return append(append(appendSet(dst, n, c.size(n)), filler[:c.size(n)]...), "\r\n"...)
	}
}

// deletes removes the deleted half in another random order; the other keys are
// asked for with EXISTS, which also shows that they are there.
func (c churn) deletes() func(dst []byte, n uint64) []byte {
	order := workload.NewShuffle(c.keys, c.seed+1)
	return func(dst []byte, n uint64) []byte {
		n = order.At(n)
		if c.deleted(n) {
			dst = append(dst, "*2\r\n$3\r\nDEL\r\n"...)
		} else {
			dst = append(dst, "*2\r\n$6\r\nEXISTS\r\n"...)
		}
		return appendKey(dst, n)
	}
}

// appendSet appends SET of key n up to its value of size bytes, which together
// with a line's end is the caller's to append.
func appendSet(dst []byte, n uint64, size int) []byte {
	dst = append(dst, "*3\r\n$3\r\nSET\r\n"...)
	dst = append(appendKey(dst, n), '$')
	dst = strconv.AppendInt(dst, int64(size), 10)
	return append(dst, "\r\n"...)
}

// appendKey appends key n as a bulk string, as the loading names it.
func appendKey(dst []byte, n uint64) []byte {
	dst = append(dst, "$16\r\nkey:000000000000\r\n"...)
	end := len(dst) - 2
	workload.PutDigits(dst[end-12:end], n)
	return dst
}

func measureMemory(ctx context.Context, e cli.Env, spec proc.Spec, place placement, c churn, watch time.Duration) (memoryResult, error) {
	r := memoryResult{Server: spec.Name}
	p, err := proc.Start(ctx, spec, place.server)
	if err != nil {
		return r, err
	}
	defer p.Stop()
	if r.EmptyBytes, err = settledRSS(ctx, p); err != nil {
		return r, err
	}
	send := func(doing string, source func(worker, workers int) loadgen.Source) error {
		return fillFrom(ctx, p, place.load, source, func(done int64) {
			e.Progress.Printf("%s: %s, %s of %s keys", p.Name, doing, report.Count(float64(done)), report.Count(float64(c.keys)))
		})
	}
	set := workload.Expand([]string{"SET", workload.KeyName, workload.Data}, workload.Value(c.value))
	if err := send("loading", loadgen.Sequence(set, c.keys)); err != nil {
		return r, err
	}
	if r.LoadedBytes, err = settledRSS(ctx, p); err != nil {
		return r, err
	}
	if err := send("overwriting", loadgen.Each(c.keys, c.overwrites())); err != nil {
		return r, err
	}
	if err := send("deleting half", loadgen.Each(c.keys, c.deletes())); err != nil {
		return r, err
	}
	r.Survivors, r.LiveBytes = c.live()
	if err := r.watch(ctx, e, p, watch); err != nil {
		return r, err
	}
	// A server that lost keys would look lean.
	size, err := do(p, "DBSIZE")
	if err != nil {
		return r, explain(p, "DBSIZE", err)
	}
	if size.Int != int64(r.Survivors) {
		return r, fmt.Errorf("server %s holds %s keys, not %d", p.Name, size.Text(), r.Survivors)
	}
	own, err := figures(p, "memory")
	r.Allocated = own["allocator_allocated"]
	return r, err
}

// settle is how long a server has to come to rest before its memory counts.
const settle = 2 * time.Second

// settledRSS is the resident memory of a server that has nothing to do.
func settledRSS(ctx context.Context, p *proc.Process) (int64, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(settle):
	}
	return proc.RSS(p.Pid())
}

// watch samples the resident memory at once and then each second.
func (r *memoryResult) watch(ctx context.Context, e cli.Env, p *proc.Process, length time.Duration) error {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for left := length; ; left -= time.Second {
		rss, err := proc.RSS(p.Pid())
		if err != nil {
			return explain(p, "watching its memory", err)
		}
		r.Churned = append(r.Churned, rss)
		if r.Best == 0 || rss < r.Best {
			r.Best = rss
		}
		if left < time.Second {
			return nil
		}
		e.Progress.Printf("%s: watching memory, %s left", p.Name, left)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-second.C:
		}
	}
}

func (m *memoryReport) writeText(w io.Writer) error {
	if err := m.Head.Write(w); err != nil {
		return err
	}
	if len(m.Results) > 0 {
		if err := m.writeStrings(w); err != nil {
			return err
		}
	}
	if len(m.Shapes) > 0 {
		return writeShapes(w, m.Shapes, m.Base)
	}
	return nil
}

func (m *memoryReport) writeStrings(w io.Writer) error {
	fmt.Fprintf(w, "loaded     %s keys of %d bytes with values of %d bytes; bytes/key: growth over the empty server\n",
		report.Count(float64(m.Keys)), len(workload.KeyName), m.ValueBytes)
	fmt.Fprintf(w, "churned    every key overwritten with %d to %d bytes, half deleted; live: bytes of the remaining keys and values;\n"+
		"           allocated: of the objects that hold them with their index, by the server's count (allocator_allocated)\n\n", churnLeast, churnMost)
	t := &report.Table{Columns: report.Columns("<server", "empty", "loaded", "bytes/key", "RSS/key", "live", "after churn", "RSS/live", "best", "RSS/live", "last", "RSS/live", "allocated", "RSS/allocated")}
	for _, r := range m.Results {
		perKey := func(n int64) string { return report.Fixed(float64(n)/float64(m.Keys), 1) }
		perLive := func(n int64) string { return report.Ratio(float64(n) / float64(r.LiveBytes)) }
		first, last := r.Churned[0], r.Churned[len(r.Churned)-1]
		t.Add(r.Server, report.Bytes(r.EmptyBytes), report.Bytes(r.LoadedBytes), perKey(r.LoadedBytes-r.EmptyBytes), perKey(r.LoadedBytes),
			report.Bytes(r.LiveBytes), report.Bytes(first), perLive(first), report.Bytes(r.Best), perLive(r.Best), report.Bytes(last), perLive(last),
			report.Bytes(r.Allocated), report.Ratio(float64(last)/float64(max(r.Allocated, 1))))
	}
	return t.Write(w)
}
