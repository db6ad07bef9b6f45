package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"hpkv/cmd/hpkv-bench/internal/disk"
	"hpkv/cmd/hpkv-bench/internal/loadgen"
	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/cmd/internal/cli"
)

// amplification is what one server wrote to overwrite keys for some time.
type amplification struct {
	Server   string `json:"server"`
	Writes   int64  `json:"acknowledged_writes"`
	Payload  int64  `json:"payload_bytes"`     // keys and values of those writes
	Log      int64  `json:"log_bytes"`         // by the server's count, compactions included; 0: it has none
	Disk     int64  `json:"disk_bytes"`        // by the kernel's count
	Rewrites int64  `json:"compactions"`       // that ended meanwhile
	Live     int64  `json:"live_bytes"`        // keys and values there are
	Largest  int64  `json:"largest_log_bytes"` // the log at its largest
}

// perPayload are bytes for each byte of payload.
func (a *amplification) perPayload(bytes int64) float64 {
	return report.Quotient(float64(bytes), float64(a.Payload))
}

// overwrite has all servers work at once, each with a load of its own: nothing
// here is timed.
func (o *compactionOptions) overwrite(ctx context.Context, e cli.Env, specs []proc.Spec) ([]amplification, error) {
	results, errs := make([]amplification, len(specs)), make([]error, len(specs))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	newPace(e, 1, o.seconds)
	var group sync.WaitGroup
	for i, s := range specs {
		p, err := proc.Start(ctx, s.With(s.Name, keepLog...), o.place.server)
		if err == nil {
			defer p.Stop()
			err = fillNoise(ctx, p, o.place.load, o.steady, compactionValue, func(int64) {})
		}
		if err == nil { // as every further compaction leaves it, too
			err = rewriting(ctx, p, func(map[string]int64) {})
		}
		if err == nil {
			err = compactByDefault(p)
		}
		if err != nil {
			cancel()
			group.Wait()
			return nil, err
		}
		group.Go(func() {
			if results[i], errs[i] = o.overwriteOne(ctx, e, p); errs[i] != nil {
				cancel()
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}

// compactByDefault sets what keepLog has turned off to its default.
func compactByDefault(p *proc.Process) error {
	v, err := do(p, "CONFIG", "SET", "auto-aof-rewrite-percentage", "100")
	if err == nil && v.IsError() {
		err = errors.New(v.Text())
	}
	if err != nil {
		return explain(p, "CONFIG SET", err)
	}
	return nil
}

func (o *compactionOptions) overwriteOne(ctx context.Context, e cli.Env, p *proc.Process) (a amplification, err error) {
	entry := int64(len(workload.KeyName) + compactionValue)
	a = amplification{Server: p.Name, Live: int64(o.steady) * entry}
	before, err := figures(p, "persistence")
	if err != nil {
		return a, err
	}
	written, _ := proc.Written(p.Pid()) // 0 where the platform does not tell
	sampled := time.Time{}
	source, kinds := loadgen.Mix([]workload.Share{share("set", 1, "SET", workload.KeyName, workload.Data)},
		compactionValue, workload.Uniform, o.steady, uint64(p.Pid()))
	b, err := send(ctx, loadgen.Config{
		Addr: p.Addr, Clients: o.clients, Pipeline: o.pipeline, CPUs: o.place.load, Rate: o.steadyRate,
		Duration: time.Duration(o.seconds * float64(time.Second)), Kinds: kinds, NewSource: source,
		Progress: func(done int64, elapsed time.Duration) {
			e.Progress.Printf("overwriting: %s of %gs", elapsed.Round(time.Second), o.seconds)
			if time.Since(sampled) < time.Second {
				return
			}
			sampled = time.Now()
			if now, err := figures(p, "persistence"); err == nil {
				a.Largest = max(a.Largest, now["aof_current_size"])
			}
		},
	})
	if err != nil {
		return a, explain(p, "overwriting", err)
	}
	after, err := figures(p, "persistence")
	if err != nil {
		return a, err
	}
	disk.Settle()
	if now, err := proc.Written(p.Pid()); err == nil {
		a.Disk = now - written
	}
	a.Writes, a.Payload = b.requests, b.requests*entry
	a.Log, a.Rewrites = after["log_bytes"]-before["log_bytes"], after["aof_rewrites"]-before["aof_rewrites"]
	return a, nil
}

func writeAmplification(w io.Writer, rows []amplification, o *compactionOptions) error {
	fmt.Fprintf(w, "\noverwriting  %s random keys of 16+%d bytes for %gs at %s/s, servers at once, everysec, compacted by the default settings;\n",
		report.Count(float64(o.steady)), compactionValue, o.seconds, report.Count(o.steadyRate))
	fmt.Fprint(w, "             log: bytes written by the server's count (redis-server has none), disk: by the kernel's, in pages; x: for each byte\n")
	fmt.Fprint(w, "             of acknowledged keys and values; largest: the log, against the keys and values there are\n\n")
	t := &report.Table{Columns: report.Columns("<server", "writes", "payload", "log", "x", "disk", "x", "compactions", "largest", "x")}
	for i := range rows {
		a := &rows[i]
		logged := "-"
		if a.Log > 0 {
			logged = report.Bytes(a.Log)
		}
		t.Add(a.Server, report.Count(float64(a.Writes)), report.Bytes(a.Payload), logged, report.Ratio(a.perPayload(a.Log)),
			report.Bytes(a.Disk), report.Ratio(a.perPayload(a.Disk)), fmt.Sprint(a.Rewrites),
			report.Bytes(a.Largest), report.Ratio(report.Quotient(float64(a.Largest), float64(a.Live))))
	}
	return t.Write(w)
}
