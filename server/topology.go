package server

import (
	"hpkv/numa"
	"hpkv/resp"
	"hpkv/server/command"
)

// topology answers HPKV.TOPOLOGY: the machine as found, and where workers and
// shards were placed.
func topology(ctx *command.Ctx) {
	s := owner(ctx).srv
	t, p, w := s.topology, s.plan, ctx.W
	w.Map(12)
	text(w, "model", t.Model)
	number(w, "sockets", t.Sockets)
	number(w, "cores", t.Cores)
	number(w, "cpus", len(t.CPUs))
	text(w, "usable", t.Usable.String())
	w.BulkString("memory")
	w.Int(t.Memory)
	w.BulkString("nodes")
	w.Array(len(t.Nodes))
	for i := range t.Nodes {
		n := &t.Nodes[i]
		w.Map(3)
		number(w, "id", n.ID)
		text(w, "cpus", n.CPUs.String())
		w.BulkString("memory")
		w.Int(n.Memory)
	}
	text(w, "driver", s.driver.name())
	text(w, "pinned", yesNo(p.Pinned))
	text(w, "reason", p.Reason)
	number(w, "shards", s.engine.Shards())
	w.BulkString("workers")
	writeWorkers(w, p)
}

func writeWorkers(w *resp.Writer, p *numa.Plan) {
	homes := make([]int, len(p.Workers))
	for _, home := range p.ShardHome {
		homes[home]++
	}
	w.Array(len(p.Workers))
	for i := range p.Workers {
		k := &p.Workers[i]
		w.Map(5)
		number(w, "cpu", k.CPU)
		number(w, "core", k.Core)
		number(w, "node", k.Node)
		number(w, "memory-node", k.Memory)
		number(w, "shards", homes[i])
	}
}

func text(w *resp.Writer, key, value string) {
	w.BulkString(key)
	w.BulkString(value)
}

func number(w *resp.Writer, key string, n int) {
	w.BulkString(key)
	w.Int(int64(n))
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
