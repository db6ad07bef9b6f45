package main

import (
	"context"
	"errors"
	"time"

	"hpkv/cmd/hpkv-bench/internal/proc"
)

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
