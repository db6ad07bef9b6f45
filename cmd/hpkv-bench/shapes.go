package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"

	"hpkv/cmd/hpkv-bench/internal/loadgen"
	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/cmd/internal/cli"
)

// shapeStrings is the shape that memory measures with overwrites and deletes.
const shapeStrings = "strings"

// shapeBytes is the length of members and elements, and of fields' values.
const shapeBytes = 16

// shape is data of collections. Command appends the command of number n; it is
// sent for commands(scale) numbers, in random order.
type shape struct {
	name     string
	what     string
	commands func(scale uint64) uint64
	per      uint64 // elements of each command
	command  func(dst []byte, n uint64) []byte
}

// member is element number n: like the loaded keys, as long as they.
func member(n uint64) string { return fmt.Sprintf("key:%012d", n) }

func noise(n uint64) string { return string(workload.AppendNoise(nil, n, shapeBytes)) }

func whole(scale uint64) uint64 { return scale }

// shapes lists them; scale is 1,000,000 unless another is asked for.
var shapes = []shape{
	{"hashes", "hashes of 5 fields", whole, 5, func(dst []byte, n uint64) []byte {
		args := []string{"HSET", member(n)}
		for i := range uint64(5) {
			args = append(args, "field:"+strconv.FormatUint(i, 10), noise(5*n+i))
		}
		return workload.AppendCommand(dst, args...)
	}},
	{"zset", "one sorted set", whole, 1, func(dst []byte, n uint64) []byte {
		return workload.AppendCommand(dst, "ZADD", "myzset", strconv.FormatUint(workload.Hash(n)>>32, 10), member(n))
	}},
	{"zset-fraction", "the same, fractions", whole, 1, func(dst []byte, n uint64) []byte {
		score := float64(workload.Hash(n)>>11) / (1 << 53) // as random generators return them
		return workload.AppendCommand(dst, "ZADD", "myzset", strconv.FormatFloat(score, 'g', -1, 64), member(n))
	}},
	{"set", "one set", whole, 1, func(dst []byte, n uint64) []byte {
		return workload.AppendCommand(dst, "SADD", "myset", member(n))
	}},
	{"list", "one list", whole, 1, func(dst []byte, n uint64) []byte {
		return workload.AppendCommand(dst, "RPUSH", "mylist", noise(n))
	}},
	{"lists", "lists of 20", func(scale uint64) uint64 { return max(1, scale/10) }, 20, func(dst []byte, n uint64) []byte {
		args := []string{"RPUSH", member(n)}
		for i := range uint64(20) {
			args = append(args, noise(20*n+i))
		}
		return workload.AppendCommand(dst, args...)
	}},
}

func shapeNames() words {
	names := words{shapeStrings}
	for _, s := range shapes {
		names = append(names, s.name)
	}
	return names
}

// findShapes returns the named shapes, in the order of the table.
func findShapes(names words) ([]shape, error) {
	for _, name := range names {
		if !slices.Contains(shapeNames(), name) {
			return nil, fmt.Errorf("--shapes: no shape %q; there are: %s", name, shapeNames())
		}
	}
	var found []shape
	for _, s := range shapes {
		if slices.Contains(names, s.name) {
			found = append(found, s)
		}
	}
	return found, nil
}

// shapeResult is one shape in one server.
type shapeResult struct {
	Shape       string `json:"shape"`
	Server      string `json:"server"`
	Keys        uint64 `json:"keys"`
	Elements    uint64 `json:"elements"`
	EmptyBytes  int64  `json:"empty_rss_bytes"`
	LoadedBytes int64  `json:"loaded_rss_bytes"`
}

func (r *shapeResult) perElement() float64 {
	return float64(r.LoadedBytes-r.EmptyBytes) / float64(r.Elements)
}

// measureShape loads a shape into a fresh server.
func measureShape(ctx context.Context, e cli.Env, spec proc.Spec, place placement, s shape, scale, seed uint64) (shapeResult, error) {
	n := s.commands(scale)
	r := shapeResult{Shape: s.name, Server: spec.Name, Elements: n * s.per}
	p, err := proc.Start(ctx, spec, place.server)
	if err != nil {
		return r, err
	}
	defer p.Stop()
	if r.EmptyBytes, err = settledRSS(ctx, p); err != nil {
		return r, err
	}
	order := workload.NewShuffle(n, seed)
	source := loadgen.Each(n, func(dst []byte, i uint64) []byte { return s.command(dst, order.At(i)) })
	err = fillFrom(ctx, p, place.load, source, func(done int64) {
		e.Progress.Printf("%s: %s, %s of %s commands", p.Name, s.name, report.Count(float64(done)), report.Count(float64(n)))
	})
	if err != nil {
		return r, err
	}
	if r.LoadedBytes, err = settledRSS(ctx, p); err != nil {
		return r, err
	}
	size, err := do(p, "DBSIZE")
	if err != nil {
		return r, explain(p, "DBSIZE", err)
	}
	r.Keys = uint64(size.Int)
	return r, nil
}

func writeShapes(w io.Writer, rows []shapeResult, base string) error {
	fmt.Fprintf(w, "\ncollections  members, elements and values of fields of %d bytes, in random order; bytes/element: growth over the\n", shapeBytes)
	fmt.Fprintf(w, "             empty server (of a hash: for each field); ratio: to %s\n\n", base)
	t := &report.Table{Columns: report.Columns("<shape", "keys", "elements", "<server", "empty", "loaded", "bytes/element", "bytes/key", "ratio")}
	last := ""
	for i := range rows {
		r := &rows[i]
		name := ""
		if s := shapes[slices.IndexFunc(shapes, func(s shape) bool { return s.name == r.Shape })]; r.Shape != last {
			name, last = s.what, r.Shape
		}
		peer := 0.0
		if k := slices.IndexFunc(rows, func(o shapeResult) bool { return o.Shape == r.Shape && o.Server == base }); k >= 0 {
			peer = rows[k].perElement()
		}
		perKey := "" // of a single collection it says nothing
		if r.Keys > 1 {
			perKey = report.Fixed(float64(r.LoadedBytes-r.EmptyBytes)/float64(r.Keys), 1)
		}
		t.Add(name, report.Count(float64(r.Keys)), report.Count(float64(r.Elements)), r.Server, report.Bytes(r.EmptyBytes), report.Bytes(r.LoadedBytes),
			report.Fixed(r.perElement(), 1), perKey, report.Ratio(report.Quotient(r.perElement(), peer)))
	}
	return t.Write(w)
}
