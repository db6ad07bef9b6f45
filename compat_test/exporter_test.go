package compat_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	compat "hpkv/compat_test"
)

// exporter builds Prometheus' exporter for Redis, in the version that the module
// in exporter/ pins, and returns its path. The first build on a machine takes
// some twenty seconds.
func exporter(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "redis_exporter")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/oliver006/redis_exporter")
	cmd.Dir = "exporter"
	if out, err := cmd.CombinedOutput(); err != nil {
		compat.Missing(t, "redis_exporter cannot be built: %v\n%s", err, out)
	}
	return path
}

// TestExporter lets Prometheus' exporter for Redis scrape our server.
func TestExporter(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: may build a program")
	}
	path := exporter(t)
	s := compat.StartOurs(t)
	c, err := s.Dial(2)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, command := range []string{"SET a 1", "SET b 2 EX 1000", "SET c 3", "GET a", "GET none", "INCR x", "SELECT 5", "SET d 1", "LPUSH", "CONFIG SET slowlog-log-slower-than 0", "PING",
		"SELECT 0", "RPUSH list1 a b c", "ZADD zset 1 a 2 b"} {
		if _, err := c.Do(strings.Fields(command)...); err != nil {
			t.Fatal(err)
		}
	}
	text := export(t, path, s)
	for _, want := range []string{
		`redis_up 1`, `redis_exporter_last_scrape_error{err=""} 0`,
		`redis_db_keys{db="db0"} 6`, `redis_db_keys_expiring{db="db0"} 1`, `redis_db_keys{db="db5"} 1`,
		`redis_commands_total{cmd="set"} 4`, `redis_keyspace_hits_total 1`, `redis_keyspace_misses_total 1`,
		`redis_connected_slaves 0`, `redis_blocked_clients 0`, `redis_loading_dump_file 0`, `redis_config_maxclients 10000`,
		`redis_evicted_keys_total 0`, `redis_key_value{db="db0",key="a"} 1`,
		`redis_key_size{db="db0",key="list1"} 3`, `redis_key_size{db="db0",key="zset"} 2`, `redis_keys_count{db="db0",key="*"} 6`, `redis_rdb_last_bgsave_status 1`, `redis_aof_enabled 0`,
	} {
		if !strings.Contains("\n"+text, "\n"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	for _, name := range []string{"redis_instance_info{", "redis_memory_used_bytes ", "redis_memory_used_rss_bytes ", "redis_memory_max_bytes ",
		"redis_total_system_memory_bytes ", "redis_uptime_in_seconds ", "redis_start_time_seconds ", "redis_cpu_sys_seconds_total ",
		"redis_commands_duration_seconds_total{", "redis_slowlog_length ", "redis_mem_fragmentation_ratio ", "redis_net_input_bytes_total ",
		"redis_connected_client_info{", "redis_process_id ", "redis_repl_backlog_is_active "} {
		if !strings.Contains("\n"+text, "\n"+name) {
			t.Errorf("no metric %s", name)
		}
	}
	if t.Failed() {
		t.Log(text)
	}

	// Whatever it tells of a redis-server it tells of ours.
	reference, err := compat.Start("reference", compat.Reference(t))
	if err != nil {
		t.Fatal(err)
	}
	reference.StopAfter(t)
	ours := metricNames(text)
	for name := range metricNames(export(t, path, reference)) {
		if !ours[name] {
			t.Errorf("only a redis-server has the metric %s", name)
		}
	}
}

// metricNames returns the names of the metrics about the server in a page.
func metricNames(text string) map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(text) {
		if name, _, _ := strings.Cut(line, " "); strings.HasPrefix(name, "redis_") {
			name, _, _ = strings.Cut(name, "{")
			names[name] = true
		}
	}
	return names
}

// export runs the exporter for one scrape of a server. It must not complain.
func export(t *testing.T, path string, s *compat.Server) string {
	t.Helper()
	port, err := compat.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	listen := fmt.Sprintf("127.0.0.1:%d", port)
	var log bytes.Buffer
	cmd := exec.Command(path, "-redis.addr", "redis://"+s.Addr, "-web.listen-address", listen, "-include-system-metrics", "-include-config-metrics",
		"-export-client-list", "-set-client-name", "-check-keys", "db0=list*", "-check-single-keys", "db0=a,db0=zset,db0=none", "-count-keys", "db0=*")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	text, err := scrape("http://" + listen + "/metrics")
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if strings.Contains(log.String(), "level=error") || strings.Contains(log.String(), "level=warn") {
		t.Errorf("the exporter complains of %s:\n%s", s.Name, log.String())
	}
	return text
}

// scrape fetches a page from a program that is starting.
func scrape(url string) (string, error) {
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		res, err := http.Get(url)
		if err == nil {
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			return string(text), err
		}
		select {
		case <-deadline.C:
			return "", err
		case <-tick.C:
		}
	}
}
