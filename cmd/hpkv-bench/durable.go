package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"hpkv/cmd/hpkv-bench/internal/disk"
	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/report"
)

const dirHelp = "`directory` for the servers' files, on the disk that is to be measured (default: the system's temporary one)"

// diskTime is how long the disk takes to make a block safe, in milliseconds:
// at the end of a file that grows, and in one that has its size.
type diskTime struct {
	Syncs    int     `json:"syncs"`
	GrowP50  float64 `json:"growing_p50_ms"`
	GrowP99  float64 `json:"growing_p99_ms"`
	ReadyP50 float64 `json:"preallocated_p50_ms"`
	ReadyP99 float64 `json:"preallocated_p99_ms"`
}

// timeDisk measures the disk under dir and returns the directory's name, too.
func timeDisk(dir string) (string, diskTime, error) {
	const syncs = 300
	if dir == "" {
		dir = os.TempDir()
	}
	d := diskTime{Syncs: syncs}
	disk.Settle()
	grow, err := disk.Sync(dir, syncs, false)
	if err != nil {
		return dir, d, err
	}
	ready, err := disk.Sync(dir, syncs, true)
	if err != nil {
		return dir, d, err
	}
	at := func(took []time.Duration, percent float64) float64 {
		return report.Millis(report.Percentile(took, percent))
	}
	d.GrowP50, d.GrowP99, d.ReadyP50, d.ReadyP99 = at(grow, 50), at(grow, 99), at(ready, 50), at(ready, 99)
	return dir, d, nil
}

func (d diskTime) write(w io.Writer, dir string) {
	fmt.Fprintf(w, "disk       %s: fdatasync after %d bytes, %d times: p50 %.3f ms, p99 %.3f ms in a file that grows; p50 %.3f ms, p99 %.3f ms in a preallocated one\n",
		dir, disk.Block, d.Syncs, d.GrowP50, d.GrowP99, d.ReadyP50, d.ReadyP99)
}

// keepLog are the arguments of a server with a log that is compacted only when
// asked to.
var keepLog = logged("everysec")

// rewriting has a server rewrite its log (hpkv compacts it, redis-server makes
// a new file) and looks at it ten times a second until that is done.
func rewriting(ctx context.Context, p *proc.Process, look func(numbers map[string]int64)) error {
	v, err := do(p, "BGREWRITEAOF")
	if err == nil && v.IsError() {
		err = errors.New(v.Text())
	}
	if err != nil {
		return explain(p, "BGREWRITEAOF", err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		numbers, err := figures(p, "persistence")
		if err != nil {
			return err
		}
		look(numbers)
		if numbers["aof_rewrite_in_progress"] == 0 && numbers["aof_rewrite_scheduled"] == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
