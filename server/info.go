package server

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"hpkv/engine"
	"hpkv/server/command"
	"hpkv/server/config"
)

// infoSection is one section of INFO. Sections appear in the order of
// infoSections whatever the order they were asked for in.
type infoSection struct {
	name  string
	title string
	write func(*infoWriter, *Server)
	extra bool // not in the default, only in `all` and `everything`
}

var infoSections = []infoSection{
	{name: "server", title: "Server", write: infoServer},
	{name: "clients", title: "Clients", write: infoClients},
	{name: "memory", title: "Memory", write: infoMemory},
	{name: "persistence", title: "Persistence", write: infoPersistence},
	{name: "stats", title: "Stats", write: infoStats},
	{name: "replication", title: "Replication", write: infoReplication},
	{name: "cpu", title: "CPU", write: infoCPU},
	{name: "modules", title: "Modules", write: func(*infoWriter, *Server) {}},
	{name: "commandstats", title: "Commandstats", write: infoCommandStats, extra: true},
	{name: "errorstats", title: "Errorstats", write: infoErrorStats},
	{name: "latencystats", title: "Latencystats", write: infoLatencyStats, extra: true},
	{name: "cluster", title: "Cluster", write: func(w *infoWriter, _ *Server) { w.num("cluster_enabled", 0) }},
	{name: "keyspace", title: "Keyspace", write: infoKeyspace},
	{name: "workers", title: "Workers", write: infoWorkers, extra: true},
}

func info(ctx *command.Ctx) {
	c := owner(ctx)
	c.x.publish()
	wanted := map[string]bool{}
	for _, a := range ctx.Args[1:] {
		wanted[lower(a)] = true
	}
	standard := len(wanted) == 0 || wanted["default"]
	all := wanted["all"] || wanted["everything"]
	buf := infoTexts.Get().(*[]byte)
	w := &infoWriter{ctx: ctx, text: (*buf)[:0]}
	for i := range infoSections {
		sec := &infoSections[i]
		if all || standard && !sec.extra || wanted[sec.name] {
			w.section(sec.title)
			sec.write(w, c.srv)
		}
	}
	ctx.W.VerbatimBytes("txt", w.text)
	*buf = w.text
	infoTexts.Put(buf)
}

// infoTexts are buffers for texts of INFO. Who asks often leaves no garbage: a
// collection that it needed would hold everybody up.
var infoTexts = sync.Pool{New: func() any { return new([]byte) }}

// infoWriter builds the text of INFO.
type infoWriter struct {
	text  []byte
	ctx   *command.Ctx
	stats *engine.Stats // once for all sections
}

func (w *infoWriter) engine() *engine.Stats {
	if w.stats == nil {
		w.stats = owner(w.ctx).srv.engineStats(w.ctx.Txn)
	}
	return w.stats
}

func (w *infoWriter) section(title string) {
	if len(w.text) > 0 {
		w.text = append(w.text, "\r\n"...)
	}
	w.text = append(w.text, "# "...)
	w.text = append(w.text, title...)
	w.text = append(w.text, "\r\n"...)
}

func (w *infoWriter) str(key, value string) {
	w.text = append(w.text, key...)
	w.text = append(w.text, ':')
	w.text = append(w.text, value...)
	w.text = append(w.text, "\r\n"...)
}

func (w *infoWriter) num(key string, n int64) { w.str(key, strconv.FormatInt(n, 10)) }

func (w *infoWriter) ratio(key string, a, b int64, format string) {
	r := 0.0
	if b != 0 {
		r = float64(a) / float64(b)
	}
	w.str(key, fmt.Sprintf(format, r))
}

// bytes writes a figure and its readable twin.
func (w *infoWriter) bytes(key string, n int64) {
	w.num(key, n)
	w.str(key+"_human", human(n))
}

// setting writes a setting as CONFIG GET shows it.
func (w *infoWriter) setting(key, name string) {
	w.str(key, owner(w.ctx).srv.cfg.Value(name))
}

// human prints bytes as Redis does: 12B, 1.50K, 2.00M, 3.25G.
func human(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + "B"
	}
	v := float64(n)
	unit := ""
	for _, u := range []string{"K", "M", "G", "T", "P", "E"} {
		if v < 1024 {
			break
		}
		v /= 1024
		unit = u
	}
	return strconv.FormatFloat(v, 'f', 2, 64) + unit
}

// executable is the path of the program, "" when the system does not tell.
var executable = sync.OnceValue(func() string {
	path, _ := os.Executable()
	return path
})

func infoServer(w *infoWriter, s *Server) {
	now := s.clock.NowMs()
	up := (now - s.started.UnixMilli()) / 1000
	hz := s.cfg.Hz.Load()
	supervised := "no"
	if mode := s.cfg.Supervised.Load(); mode == config.SupervisedSystemd || mode == config.SupervisedAuto && os.Getenv("NOTIFY_SOCKET") != "" {
		supervised = "systemd"
	}
	w.str("redis_version", config.RedisVersion)
	w.str("redis_git_sha1", "00000000")
	w.num("redis_git_dirty", 0)
	w.str("redis_build_id", "0")
	w.str("redis_mode", "standalone")
	w.str("hpkv_version", config.Version)
	w.str("os", systemName())
	w.num("arch_bits", strconv.IntSize)
	w.str("monotonic_clock", "Go runtime")
	w.str("multiplexing_api", s.driver.name())
	w.str("go_version", runtime.Version())
	w.num("process_id", int64(os.Getpid()))
	w.str("process_supervised", supervised)
	w.str("run_id", s.runID)
	w.num("tcp_port", s.cfg.Port.Load())
	w.num("server_time_usec", now*1000)
	w.num("uptime_in_seconds", up)
	w.num("uptime_in_days", up/86400)
	w.num("hz", hz)
	w.num("configured_hz", hz)
	w.num("lru_clock", now/1000&(1<<24-1))
	w.str("executable", executable())
	w.str("config_file", s.configFile)
	w.num("io_threads_active", 0)
	for i, text := range listenerTexts(s.Addrs()) {
		w.str("listener"+strconv.Itoa(i), text)
	}
	w.num("workers", int64(len(s.plan.Workers)))
	w.num("shards", int64(s.engine.Shards()))
}

// listenerTexts describes what we listen on as Redis 7.2 does: a line for each
// kind and port, with its addresses.
func listenerTexts(addrs []net.Addr) (texts []string) {
	var ports []string
	binds := make(map[string]string)
	for _, a := range addrs {
		host, port, err := net.SplitHostPort(a.String())
		if a.Network() == "unix" || err != nil {
			continue
		}
		if binds[port] == "" {
			ports = append(ports, port)
		}
		binds[port] += ",bind=" + host
	}
	for _, port := range ports {
		texts = append(texts, "name=tcp"+binds[port]+",port="+port)
	}
	for _, a := range addrs {
		if a.Network() == "unix" {
			texts = append(texts, "name=unix,bind="+a.String())
		}
	}
	return texts
}

func infoClients(w *infoWriter, s *Server) {
	// What waits now counts however long it has.
	in, out := s.recentIn.value(s.clock.NowMs()), s.recentOut.value(s.clock.NowMs())
	list := s.clients.all()
	for _, c := range list {
		in = max(in, c.public.qbuf.Load())
		out = max(out, int64(c.link.unsent()))
	}
	w.num("connected_clients", int64(len(list)))
	w.num("cluster_connections", 0)
	w.num("maxclients", s.cfg.MaxClients.Load())
	w.num("client_recent_max_input_buffer", in)
	w.num("client_recent_max_output_buffer", out)
	w.num("blocked_clients", s.blocked.count.Load())
	w.num("tracking_clients", 0)
	w.num("clients_in_timeout_table", s.blocked.timed())
}

func infoStats(w *infoWriter, s *Server) {
	n, st, base, now := s.stats.sum(), w.engine(), s.samples.engineBase.Load(), s.clock.NowMs()
	overMs, overNowMs := s.samples.over.times(now)
	defragMs, defragNowMs := s.samples.defrag.times(now)
	w.num("total_connections_received", s.totals.connections.Load())
	w.num("total_commands_processed", n.commands)
	w.num("instantaneous_ops_per_sec", s.samples.commands.perSec.Load())
	w.num("total_net_input_bytes", n.netIn)
	w.num("total_net_output_bytes", n.netOut)
	w.num("total_net_repl_input_bytes", 0)
	w.num("total_net_repl_output_bytes", 0)
	w.ratio("instantaneous_input_kbps", s.samples.netIn.perSec.Load(), 1024, "%.2f")
	w.ratio("instantaneous_output_kbps", s.samples.netOut.perSec.Load(), 1024, "%.2f")
	w.str("instantaneous_input_repl_kbps", "0.00")
	w.str("instantaneous_output_repl_kbps", "0.00")
	w.num("rejected_connections", s.totals.rejected.Load())
	w.num("sync_full", 0)
	w.num("sync_partial_ok", 0)
	w.num("sync_partial_err", 0)
	w.num("expired_keys", int64(st.Expired-base.Expired))
	// Keys expire on time, without a search that could be cut short.
	w.str("expired_stale_perc", "0.00")
	w.num("expired_time_cap_reached_count", 0)
	w.num("expire_cycle_cpu_milliseconds", (st.Expiring - base.Expiring).Milliseconds())
	w.num("evicted_keys", int64(st.Evicted-base.Evicted))
	w.num("evicted_clients", s.totals.evicted.Load())
	w.num("total_eviction_exceeded_time", overMs)
	w.num("current_eviction_exceeded_time", overNowMs)
	w.num("keyspace_hits", int64(st.Hits-base.Hits))
	w.num("keyspace_misses", int64(st.Misses-base.Misses))
	w.num("pubsub_channels", int64(s.hub.channels.ChannelCount()))
	w.num("pubsub_patterns", int64(s.hub.channels.PatternCount()))
	w.num("pubsubshard_channels", int64(s.hub.shards.ChannelCount()))
	w.num("latest_fork_usec", 0)
	w.num("total_forks", 0)
	w.num("migrate_cached_sockets", 0)
	w.num("slave_expires_tracked_keys", 0)
	// Memory is defragmented as soon as there is something to win, in steps that
	// are counted as defrag_relocated in the section memory.
	w.num("active_defrag_hits", int64(st.Relocated-base.Relocated))
	w.num("active_defrag_misses", 0)
	w.num("active_defrag_key_hits", int64(st.Relocated-base.Relocated))
	w.num("active_defrag_key_misses", 0)
	w.num("total_active_defrag_time", defragMs)
	w.num("current_active_defrag_time", defragNowMs)
	w.num("tracking_total_keys", 0)
	w.num("tracking_total_items", 0)
	w.num("tracking_total_prefixes", 0)
	w.num("unexpected_error_replies", 0)
	w.num("total_error_replies", n.errors)
	w.num("dump_payload_sanitizations", 0)
	w.num("total_reads_processed", n.reads)
	w.num("total_writes_processed", n.writes)
	w.num("io_threaded_reads_processed", 0)
	w.num("io_threaded_writes_processed", 0)
	w.num("reply_buffer_shrinks", 0)
	w.num("reply_buffer_expands", 0)
	w.num("client_query_buffer_limit_disconnections", s.totals.inputLimit.Load())
	w.num("client_output_buffer_limit_disconnections", s.totals.outputLimit.Load())
	w.num("acl_access_denied_auth", s.totals.authFailed.Load())
	w.num("acl_access_denied_cmd", 0)
	w.num("acl_access_denied_key", 0)
	w.num("acl_access_denied_channel", 0)
	w.num("command_panics", s.totals.panics.Load())
}

// infoReplication holds what clients and tools wait for or parse at connect; the
// feature itself does not exist yet.
func infoReplication(w *infoWriter, s *Server) {
	w.str("role", "master")
	w.num("connected_slaves", 0)
	w.str("master_failover_state", "no-failover")
	w.str("master_replid", *s.replID.Load())
	w.str("master_replid2", strings.Repeat("0", 40))
	w.num("master_repl_offset", 0)
	w.num("second_repl_offset", -1)
	w.num("repl_backlog_active", 0)
	w.num("repl_backlog_size", replBacklogBytes(s))
	w.num("repl_backlog_first_byte_offset", 0)
	w.num("repl_backlog_histlen", 0)
}

// replBacklogBytes is the setting repl-backlog-size, in bytes.
func replBacklogBytes(s *Server) int64 {
	n, _ := strconv.ParseInt(s.cfg.Value("repl-backlog-size"), 10, 64)
	return n
}

// infoCPU tells processor times. Redis' main thread runs the commands; here the event
// loops do.
func infoCPU(w *infoWriter, s *Server) {
	usage := func(key string, who int) {
		var ru syscall.Rusage
		if syscall.Getrusage(who, &ru) != nil {
			return
		}
		w.str("used_cpu_sys"+key, fmt.Sprintf("%d.%06d", ru.Stime.Sec, ru.Stime.Usec))
		w.str("used_cpu_user"+key, fmt.Sprintf("%d.%06d", ru.Utime.Sec, ru.Utime.Usec))
	}
	usage("", syscall.RUSAGE_SELF)
	usage("_children", syscall.RUSAGE_CHILDREN)
	if user, sys, ok := s.driver.cpuTime(); ok {
		w.str("used_cpu_sys_main_thread", fmt.Sprintf("%.6f", sys.Seconds()))
		w.str("used_cpu_user_main_thread", fmt.Sprintf("%.6f", user.Seconds()))
	}
}

func infoKeyspace(w *infoWriter, _ *Server) {
	for db, size := range w.engine().Databases {
		if size.Keys > 0 {
			w.str("db"+strconv.Itoa(db), fmt.Sprintf("keys=%d,expires=%d,avg_ttl=%d", size.Keys, size.Volatile, size.AvgTTLMs))
		}
	}
}

// infoWorkers is ours: how the connections are spread.
func infoWorkers(w *infoWriter, s *Server) {
	for i, n := range s.driver.loads() {
		w.str("worker"+strconv.Itoa(i), fmt.Sprintf("cpu=%d,node=%d,connections=%d", s.plan.Workers[i].CPU, s.plan.Workers[i].Node, n))
	}
}
