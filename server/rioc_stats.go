package server

import (
	"strconv"
	"sync/atomic"

	"hpkv/resp/rioc"
	"hpkv/server/command"
)

// riocCounts are what an executor did for clients that speak RIOC. Any
// goroutine may add and read.
type riocCounts struct {
	batches  atomic.Int64 // begun
	ops      [rioc.Add + 1]atomic.Int64
	statuses [len(riocStatuses)]atomic.Int64
}

// riocOps name the operations by number; 0 stands for unknown ones.
var riocOps = [rioc.Add + 1]string{
	0: "unknown", rioc.Get: "get", rioc.Put: "put", rioc.Delete: "delete", rioc.Update: "update", rioc.Range: "range", rioc.Add: "add",
}

// riocStatuses are the failures that are counted.
var riocStatuses = [...]struct {
	status rioc.Status
	name   string
}{
	{rioc.ErrInvalid, "invalid"}, {rioc.ErrNoMemory, "no_memory"}, {rioc.ErrIO, "io"}, {rioc.ErrProtocol, "protocol"},
	{rioc.ErrNotFound, "not_found"}, {rioc.ErrBusy, "busy"}, {rioc.ErrOverflow, "overflow"}, {rioc.ErrStaleTime, "stale"},
}

// op is where an operation is counted.
func (n *riocCounts) op(c rioc.Command) *atomic.Int64 {
	if int(c) < len(n.ops) && riocOps[c] != "" {
		return &n.ops[c]
	}
	return &n.ops[0]
}

// failed counts an answer other than OK.
func (n *riocCounts) failed(s rioc.Status) {
	for i := range riocStatuses {
		if riocStatuses[i].status == s {
			n.statuses[i].Add(1)
		}
	}
}

// countOps counts operations of one kind that ran together, from startNs to
// endNs, as the command they amount to. failures is how many of them ended with
// an error; that nothing was found is none.
func (x *executor) countOps(c *client, row *command.Row, ops []rioc.Op, startNs, endNs, failures int64) {
	n := int64(len(ops))
	x.rows[row.ID()].add(n, endNs-startNs, x.srv.cfg.LatencyTracking.Load())
	if failures > 0 {
		x.rows[row.ID()].failed.Add(failures)
	}
	each := (endNs - startNs) / n
	slow, monitored := each >= slowFrom(x.srv.cfg), x.srv.monitored.Load() > 0
	if !slow && !monitored {
		return
	}
	from := c.origin()
	for i := range ops {
		args := [][]byte{[]byte(row.Name), ops[i].Key}
		switch ops[i].Command {
		case rioc.Put, rioc.Update, rioc.Range:
			args = append(args, ops[i].Value)
		case rioc.Add:
			delta, _ := rioc.AddDelta(ops[i].Value)
			args = append(args, strconv.AppendInt(nil, delta, 10))
		}
		if slow {
			x.srv.tellSlow(from, row, args, each)
		}
		if monitored {
			c.awaitRoom(x.tellMonitors(from, row, args))
		}
	}
}

// sumRioc adds up what all executors counted.
func (b *statsBook) sumRioc() (batches int64, ops [rioc.Add + 1]int64, statuses [len(riocStatuses)]int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.lanes {
		batches += s.rioc.batches.Load()
		for i := range ops {
			ops[i] += s.rioc.ops[i].Load()
		}
		for i := range statuses {
			statuses[i] += s.rioc.statuses[i].Load()
		}
	}
	return batches, ops, statuses
}
