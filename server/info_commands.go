package server

import (
	"fmt"
	"strconv"
	"strings"

	"hpkv/server/command"
)

// eachCommand calls visit for every command and subcommand with what was
// counted of it.
func (s *Server) eachCommand(visit func(r *command.Row, n *commandStat)) {
	stats := s.commandStats()
	for _, r := range s.table.Rows() {
		visit(r, &stats[r.ID()])
		for _, sub := range r.Subs() {
			visit(sub, &stats[sub.ID()])
		}
	}
}

func infoCommandStats(w *infoWriter, s *Server) {
	s.eachCommand(func(r *command.Row, n *commandStat) {
		if n.Calls == 0 && n.Rejected == 0 && n.Failed == 0 {
			return
		}
		each := 0.0
		if n.Calls > 0 {
			each = float64(n.Ns) / 1000 / float64(n.Calls)
		}
		w.str("cmdstat_"+r.FullName(), fmt.Sprintf("calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			n.Calls, n.Ns/1000, each, n.Rejected, n.Failed))
	})
}

func infoErrorStats(w *infoWriter, s *Server) {
	s.errors.each(func(code string, n int64) { w.str("errorstat_"+code, "count="+strconv.FormatInt(n, 10)) })
}

func infoLatencyStats(w *infoWriter, s *Server) {
	if !s.cfg.LatencyTracking.Load() {
		return
	}
	percentiles := s.cfg.LatencyPercentiles.Load()
	s.eachCommand(func(r *command.Row, n *commandStat) {
		if n.Latency == nil || n.Latency.Total() == 0 {
			return
		}
		list := make([]string, len(percentiles))
		for i, p := range percentiles {
			list[i] = fmt.Sprintf("p%s=%.3f", strconv.FormatFloat(p, 'g', -1, 64), float64(n.Latency.Percentile(p))/1000)
		}
		w.str("latency_percentiles_usec_"+r.FullName(), strings.Join(list, ","))
	})
}
