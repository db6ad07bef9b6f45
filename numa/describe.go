package numa

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Describe writes topology and plan as text for people, one fact a line. The
// fields of both types are the structured form of the same. p may be nil. The
// error is that of w, which is written to once.
func Describe(w io.Writer, t *Topology, p *Plan) error {
	var b bytes.Buffer
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	t.describe(row)
	if p != nil {
		b.WriteByte('\n')
		p.describe(t, row)
	}
	_, err := w.Write(b.Bytes())
	return err
}

type rowFunc func(name, format string, args ...any)

func (t *Topology) describe(row rowFunc) {
	model := first(t.Model, "unknown")
	if t.Vendor != "" && !strings.Contains(model, t.Vendor) {
		model += " (" + t.Vendor + ")"
	}
	row("processor", "%s", model)
	row("cpus", "%s online: %s", count(t.Online.Len(), "CPU"), t.Online)
	if off := t.Present.AndNot(t.Online); !off.Empty() {
		row("", "%s offline: %s", count(off.Len(), "CPU"), off)
	}
	if !t.Usable.Equal(t.Online) {
		row("", "%s usable: %s", count(t.Usable.Len(), "CPU"), t.Usable)
	}
	if !t.Isolated.Empty() {
		row("", "%s isolated: %s", count(t.Isolated.Len(), "CPU"), t.Isolated)
	}
	row("cores", "%s in %s", count(t.Cores, "core"), count(t.Sockets, "socket"))
	for _, kind := range []CoreKind{Performance, Efficiency} {
		var set CPUSet
		for _, c := range t.CPUs {
			if c.Online && c.Kind == kind {
				set.add(c.ID)
			}
		}
		if !set.Empty() {
			row("", "%s: %s", kind, set)
		}
	}
	for i, c := range t.Caches {
		row(fmt.Sprintf("cache %d", i), "L%d %s: %s", c.Level, size(c.Bytes), c.CPUs)
	}
	for i := range t.Nodes {
		t.describeNode(&t.Nodes[i], row)
	}
	row("affinity", "%s", t.Affinity)
	t.describeLimits(row)
	pages := first(t.THP, "unknown")
	for _, h := range t.HugePages {
		if h.Total > 0 {
			pages += fmt.Sprintf("; %d of %d reserved %s pages free", h.Free, h.Total, size(h.PageBytes))
		}
	}
	row("huge pages", "%s", pages)
	for _, s := range t.Warnings {
		row("note", "%s", s)
	}
}

func (t *Topology) describeNode(n *Node, row rowFunc) {
	parts := []string{"no CPU"}
	if !n.CPUs.Empty() {
		parts[0] = "CPUs " + n.CPUs.String()
	}
	switch {
	case n.Memory > 0 && n.Free >= 0:
		parts = append(parts, fmt.Sprintf("%s (%s free)", size(n.Memory), size(n.Free)))
	case n.Memory > 0:
		parts = append(parts, size(n.Memory))
	case n.Memory == 0:
		parts = append(parts, "no memory")
	default:
		parts = append(parts, "memory unknown")
	}
	if !n.Allowed {
		parts = append(parts, "not allowed for us")
	}
	if len(t.Nodes) > 1 && len(n.Distances) > 0 {
		parts = append(parts, "distances "+strings.Trim(fmt.Sprint(n.Distances), "[]"))
	}
	row(fmt.Sprintf("node %d", n.ID), "%s", strings.Join(parts, ", "))
}

func (t *Topology) describeLimits(row rowFunc) {
	l := &t.Limits
	if l.Cgroup == "" {
		row("limits", "no cgroup")
		return
	}
	row("limits", "cgroup %s", l.Cgroup)
	if l.CPUs > 0 {
		row("", "CPU quota %.4g (%s)", l.CPUs, l.CPUsFrom)
	} else {
		row("", "no CPU quota")
	}
	if l.Memory > 0 {
		row("", "memory %s (%s)", size(l.Memory), l.MemoryFrom)
	} else {
		row("", "no memory limit")
	}
	if !l.Cpuset.Empty() {
		row("", "cpuset CPUs %s", l.Cpuset)
	}
	if !l.Mems.Empty() {
		row("", "cpuset nodes %s", l.Mems)
	}
}

func (p *Plan) describe(t *Topology, row rowFunc) {
	row("plan", "%s: %s", count(len(p.Workers), "worker"), p.Reason)
	row("", "%s, memory placed on the node of their worker", count(p.Shards, "shard"))
	if p.Pinned {
		row("", "pinned: %s", p.PinReason)
	} else {
		row("", "not pinned: %s", p.PinReason)
	}
	shard := 0
	for i, w := range p.Workers {
		from := shard
		for shard < len(p.ShardHome) && p.ShardHome[shard] == i {
			shard++
		}
		s := fmt.Sprintf("CPU %d, core %d, node %d", w.CPU, w.Core, w.Node)
		if w.Memory != w.Node {
			s += fmt.Sprintf(", memory from node %d", w.Memory)
		}
		if w.Cache >= 0 {
			s += fmt.Sprintf(", cache %d", w.Cache)
		}
		if w.Kind != Uniform {
			s += ", " + w.Kind.String()
		}
		switch shard - from {
		case 0:
			s += ", no shard"
		case 1:
			s += fmt.Sprintf(", shard %d", from)
		default:
			s += fmt.Sprintf(", shards %d-%d", from, shard-1)
		}
		row(fmt.Sprintf("worker %d", i), "%s", s)
	}
}

// count returns "1 core", "2 cores".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// size prints bytes in the largest binary unit that keeps one digit before the
// point.
func size(n int64) string {
	if n <= 0 {
		return "of unknown size"
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	if v < 10 && v != float64(int64(v)) {
		return fmt.Sprintf("%.1f %s", v, units[i])
	}
	return fmt.Sprintf("%.0f %s", v, units[i])
}
