package server

import (
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"hpkv/engine/alloc"
	"hpkv/persist"
	"hpkv/server/command"
	"hpkv/server/config"
	"hpkv/server/latency"
)

// newMetrics returns what /metrics shows: the server, the Go runtime and the
// process. Names follow Prometheus' conventions: base units, _total for what
// only grows. CONFIG RESETSTAT sets those counters back that INFO shows.
func (s *Server) newMetrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collector{s}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// collector reads the figures when they are asked for. Nothing is counted twice
// for it.
type collector struct{ s *Server }

// Describe says nothing: which series there are depends on what was used.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	p := &series{out: out}
	p.gauge("build_info", "1; the labels tell the version.", 1, "version", config.Version, "redis_version", config.RedisVersion)
	p.gauge("start_time_seconds", "When the server started, Unix time.", float64(c.s.started.UnixMilli())/1e3)
	c.commands(p)
	c.clients(p)
	c.engine(p)
	c.log(p)
	c.workers(p)
	c.rioc(p)
	c.rest(p)
}

// series sends metrics. Labels alternate names and values.
type series struct{ out chan<- prometheus.Metric }

func (p *series) send(kind prometheus.ValueType, name, help string, v float64, labels ...string) {
	names, values := split(labels)
	p.out <- prometheus.MustNewConstMetric(prometheus.NewDesc("hpkv_"+name, help, names, nil), kind, v, values...)
}

func (p *series) counter(name, help string, n int64, labels ...string) {
	p.send(prometheus.CounterValue, name, help, float64(n), labels...)
}

func (p *series) gauge(name, help string, v float64, labels ...string) {
	p.send(prometheus.GaugeValue, name, help, v, labels...)
}

func (p *series) histogram(name, help string, count int64, sum float64, buckets map[float64]uint64, labels ...string) {
	names, values := split(labels)
	p.out <- prometheus.MustNewConstHistogram(prometheus.NewDesc("hpkv_"+name, help, names, nil), uint64(count), sum, buckets, values...)
}

// durations sends a histogram of durations that add up to sumNs.
func (p *series) durations(name, help string, d *latency.Counts, sumNs int64, labels ...string) {
	buckets := make(map[float64]uint64)
	for i, n := range d.UpTo(latencyBounds) {
		buckets[float64(latencyBounds[i])/1e9] = uint64(n)
	}
	p.histogram(name, help, d.Total(), float64(sumNs)/1e9, buckets, labels...)
}

func split(labels []string) (names, values []string) {
	for i := 0; i < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	return names, values
}

// latencyBounds are the buckets of durations, in nanoseconds: a microsecond to
// half a second.
var latencyBounds = []int64{1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 5e6, 2e7, 1e8, 5e8}

func (c collector) commands(p *series) {
	rows := c.s.commandStats()
	c.s.table.Each(func(row *command.Row) {
		st := &rows[row.ID()]
		if st.Calls == 0 && st.Rejected == 0 {
			return
		}
		name := row.FullName()
		p.counter("commands_total", "Commands executed.", st.Calls, "command", name)
		const errors = "Commands that answered with an error, executed (failed) or not (rejected)."
		p.counter("command_errors_total", errors, st.Failed, "command", name, "kind", "failed")
		p.counter("command_errors_total", errors, st.Rejected, "command", name, "kind", "rejected")
		if st.Latency != nil {
			p.durations("command_duration_seconds", "Time commands took to execute.", st.Latency, st.Ns, "command", name)
		}
	})
	n := c.s.stats.sum()
	p.counter("commands_processed_total", "Commands executed, all together.", n.commands)
	p.counter("error_replies_total", "Replies that were errors.", n.errors)
	p.counter("network_bytes_total", "Bytes of commands and replies.", n.netIn, "direction", "in")
	p.counter("network_bytes_total", "Bytes of commands and replies.", n.netOut, "direction", "out")
}

func (p *series) connections(n int64, kind string) {
	p.gauge("connections", "Open connections of clients.", float64(n), "interface", kind)
}

func (c collector) clients(p *series) {
	s, t := c.s, &c.s.totals
	rioc := s.clients.rioc.Load()
	p.connections(max(s.clients.count.Load()-rioc, 0), "resp")
	p.connections(rioc, "rioc")
	p.gauge("connections_limit", "The setting maxclients, for RESP and RIOC.", float64(s.cfg.MaxClients.Load()))
	p.counter("connections_received_total", "Connections of RESP and RIOC clients, refused ones included.", t.connections.Load())
	p.gauge("blocked_clients", "Clients waiting for keys.", float64(s.blocked.count.Load()))
	p.gauge("backlogged_connections", "Connections with replies that their peer has not taken.", float64(s.backlogged.Load()))
	p.gauge("pubsub_channels", "Channels with subscribers.", float64(s.hub.channels.ChannelCount()+s.hub.shards.ChannelCount()))
	p.gauge("pubsub_patterns", "Patterns with subscribers.", float64(s.hub.channels.PatternCount()))
	p.gauge("slowlog_entries", "Entries of the slow log.", float64(s.slowlog.len()))
	const closed = "Connections refused, or closed by the server."
	p.counter("connections_ended_total", closed, t.rejected.Load(), "reason", "refused")
	p.counter("connections_ended_total", closed, t.outputLimit.Load(), "reason", "output_limit")
	p.counter("connections_ended_total", closed, t.inputLimit.Load(), "reason", "input_limit")
	p.counter("connections_ended_total", closed, t.evicted.Load(), "reason", "client_memory")
	p.counter("connections_ended_total", closed, t.handshakes.Load(), "reason", "tls_handshake")
	p.counter("failed_logins_total", "Passwords that were wrong.", t.authFailed.Load())
	p.counter("panics_total", "Commands and requests that panicked.", t.panics.Load())
}

func (c collector) engine(p *series) {
	e := c.s.engine
	st := e.Stats()
	for db, d := range st.Databases {
		if d.Keys > 0 {
			name := strconv.Itoa(db)
			p.gauge("keys", "Keys of a database.", float64(d.Keys), "db", name)
			p.gauge("volatile_keys", "Keys of a database that expire.", float64(d.Volatile), "db", name)
		}
	}
	for purpose, m := range st.Memory.Purpose {
		name := strings.ReplaceAll(alloc.Purpose(purpose).String(), " ", "_")
		p.gauge("memory_page_bytes", "Memory pages in use.", float64(m.PageBytes), "purpose", name)
		p.gauge("memory_live_bytes", "Memory of live objects.", float64(m.LiveBytes), "purpose", name)
		p.gauge("memory_objects", "Live objects.", float64(m.Objects), "purpose", name)
	}
	p.gauge("memory_committed_bytes", "Accessible address space for data.", float64(st.Memory.CommittedBytes))
	p.gauge("memory_free_page_bytes", "Free pages not given back to the system.", float64(st.Memory.DirtyBytes))
	p.gauge("memory_limit_bytes", "The setting maxmemory; 0 is no limit.", float64(c.s.cfg.MaxMemory.Load()))
	shape := e.IndexShape()
	if slots := shape.Slots(); slots > 0 {
		p.gauge("index_load_ratio", "Share of the index's slots that are taken.", float64(shape.Entries)/float64(slots))
	}
	p.gauge("index_entries", "Keys in the index, expired ones included.", float64(shape.Entries))
	p.gauge("index_segments", "Segments of the index.", float64(shape.Segments))
	p.gauge("index_bytes", "Size of the index.", float64(shape.Bytes))
	p.counter("index_rebuilds_total", "Small segments of the index that were rebuilt larger.", shape.Rebuilds)
	p.counter("index_splits_total", "Segments of the index that were split.", shape.Splits)
	p.counter("key_lookups_total", "Keys looked up by reads.", int64(st.Hits), "result", "hit")
	p.counter("key_lookups_total", "Keys looked up by reads.", int64(st.Misses), "result", "miss")
	p.counter("read_retries_total", "Reads without a lock that met a writer.", int64(st.Retries))
	p.counter("read_fallbacks_total", "Reads that took the lock after retries.", int64(st.Fallbacks))
	p.counter("lock_waits_total", "Times a shard's lock was found taken.", int64(st.LockWaits))
	p.counter("changes_total", "Changes of data.", int64(st.Changes))
	p.counter("expired_keys_total", "Keys removed because their time had come.", int64(st.Expired))
	p.counter("evicted_keys_total", "Keys removed to make room.", int64(st.Evicted))
	p.counter("relocated_records_total", "Records moved to give memory back.", int64(st.Relocated))
	p.gauge("pinned_records", "Replaced records kept for open ranges.", float64(st.Pinned))
}

// log has the figures of the log, if there is one.
func (c collector) log(p *series) {
	d := &c.s.durability
	loading := d.obstacle.Load()&obstacleLoading != 0
	p.gauge("loading", "1 while data are loaded from the log.", float64(bit(loading)))
	j := d.journal.Load()
	if j == nil {
		return
	}
	st := j.Log().Stats()
	p.gauge("log_writable", "1 unless the log cannot be written.", float64(bit(st.State == persist.StateOK)))
	p.gauge("log_size_bytes", "Size of the log's segments.", float64(st.Size))
	p.gauge("log_segments", "Segments of the log.", float64(st.Segments))
	p.gauge("log_pending_bytes", "Changes in memory that are yet to be written.", float64(st.Pending))
	p.gauge("log_unsynced_rounds", "Rounds written and not known to be on the disk.", float64(st.Written-st.Synced))
	p.counter("log_written_bytes_total", "Bytes written to the log.", st.Bytes)
	p.counter("log_records_total", "Records written to the log.", st.Records)
	p.counter("log_compactions_total", "Compactions of the log.", st.Compactions)
	buckets := make(map[float64]uint64)
	seen := int64(0)
	for i, n := range st.SyncTimes {
		seen += n
		if i < persist.SyncBuckets-1 {
			buckets[persist.SyncBucket(i).Seconds()] = uint64(seen)
		}
	}
	p.histogram("log_sync_duration_seconds", "Time it took to force the log to the disk.", seen, st.SyncTotal.Seconds(), buckets)
	p.counter("log_rounds_total", "Rounds of group commit.", st.Rounds)
	d.compaction.info(func(t *taskInfo) {
		p.gauge("log_compacting", "1 while the log is compacted.", float64(bit(t.running)))
		p.gauge("log_failed_compactions", "Compactions that failed since the last that did not.", float64(t.failures))
	})
}

// workers has the figures of each event loop; the goroutine driver has none.
func (c collector) workers(p *series) {
	d := c.s.driver
	for i, busy := range d.busy() {
		name := strconv.Itoa(i)
		const help = "Time a worker was not waiting for something to do; its rate is the worker's utilisation."
		p.send(prometheus.CounterValue, "worker_busy_seconds_total", help, busy.Seconds(), "worker", name)
		p.gauge("worker_connections", "Connections of a worker.", float64(d.loads()[i]), "worker", name)
	}
}

func (c collector) rioc(p *series) {
	if c.s.cfg.RiocPort.Load() == 0 {
		return
	}
	batches, ops, statuses := c.s.stats.sumRioc()
	p.counter("rioc_batches_total", "Batches begun by RIOC clients.", batches)
	for i, n := range ops {
		if name := riocOps[i]; name != "" {
			p.counter("rioc_operations_total", "Operations of RIOC clients, failed ones included.", n, "operation", name)
		}
	}
	for i, n := range statuses {
		p.counter("rioc_errors_total", "Operations of RIOC clients that did not succeed.", n, "status", riocStatuses[i].name)
	}
}

func (c collector) rest(p *series) {
	r := c.s.rest
	if r == nil {
		return
	}
	p.connections(int64(r.Connections()), "http")
	p.connections(int64(r.Sockets()), "websocket")
	p.connections(int64(r.Streams()), "events")
	r.EachRequests(func(route, method, class string, n int64) {
		const help = "HTTP requests answered; no route are those that could not be read and those to unknown paths."
		p.counter("http_requests_total", help, n, "route", route, "method", method, "code", class)
	})
	r.EachDuration(func(route string, d *latency.Counts, sumNs int64) {
		p.durations("http_request_duration_seconds", "Time from a request's arrival to its answer.", d, sumNs, "route", route)
	})
	n := &r.Counters
	p.counter("events_sent_total", "Server-sent events written to who subscribed over HTTP.", n.Events.Load())
	p.counter("http_refused_total", "HTTP requests without a valid key or token.", n.Refused.Load())
	r.EachMessage(func(op string, all, failed int64) {
		p.counter("websocket_messages_total", "Requests over WebSockets.", all, "operation", op)
		p.counter("websocket_errors_total", "Requests over WebSockets that failed.", failed, "operation", op)
	})
	p.gauge("websocket_subscriptions", "Patterns that somebody subscribed to over a WebSocket.", float64(r.Subscriptions()))
	p.counter("websocket_notifications_total", "Notifications queued for subscribers.", n.Notifications.Load())
	const closed = "WebSockets closed by the server."
	p.counter("websocket_closed_total", closed, n.TooSlow.Load(), "reason", "too_slow")
	p.counter("websocket_closed_total", closed, n.Expired.Load(), "reason", "token_expired")
}
