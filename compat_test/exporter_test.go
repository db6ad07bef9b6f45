package compat_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	compat "hpkv/compat_test"
)

// exporterVersion is installed where no exporter is.
const exporterVersion = "github.com/oliver006/redis_exporter@v1.74.0"

// exporter returns the path of the Prometheus exporter for Redis: one that is
// installed, or one built here.
func exporter(t *testing.T) string {
	for _, name := range []string{"redis_exporter", "prometheus-redis-exporter"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	bin := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "install", exporterVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=")
	cmd.Dir = bin
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("skipped: no redis_exporter is installed, and %s cannot be fetched: %v\n%s", exporterVersion, err, out)
	}
	return filepath.Join(bin, "redis_exporter")
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
	for _, command := range []string{"SET a 1", "SET b 2 EX 1000", "SET c 3", "GET a", "GET none", "INCR x", "SELECT 5", "SET d 1", "LPUSH", "CONFIG SET slowlog-log-slower-than 0", "PING"} {
		if _, err := c.Do(strings.Fields(command)...); err != nil {
			t.Fatal(err)
		}
	}
	port, err := compat.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	listen := fmt.Sprintf("127.0.0.1:%d", port)
	var log bytes.Buffer
	cmd := exec.Command(path, "-redis.addr", "redis://"+s.Addr, "-web.listen-address", listen, "-include-system-metrics", "-export-client-list", "-set-client-name")
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
	for _, want := range []string{
		`redis_up 1`, `redis_exporter_last_scrape_error{err=""} 0`,
		`redis_db_keys{db="db0"} 4`, `redis_db_keys_expiring{db="db0"} 1`, `redis_db_keys{db="db5"} 1`,
		`redis_commands_total{cmd="set"} 4`, `redis_keyspace_hits_total 1`, `redis_keyspace_misses_total 1`,
		`redis_connected_slaves 0`, `redis_blocked_clients 0`, `redis_loading_dump_file 0`, `redis_config_maxclients 10000`,
		`redis_evicted_keys_total 0`, `redis_rdb_last_bgsave_status 1`, `redis_aof_enabled 0`,
	} {
		if !strings.Contains("\n"+text, "\n"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	for _, name := range []string{"redis_instance_info{", "redis_memory_used_bytes ", "redis_memory_used_rss_bytes ", "redis_memory_max_bytes ",
		"redis_total_system_memory_bytes ", "redis_uptime_in_seconds ", "redis_start_time_seconds ", "redis_cpu_sys_seconds_total ",
		"redis_commands_duration_seconds_total{", "redis_slowlog_length ", "redis_mem_fragmentation_ratio ", "redis_net_input_bytes_total ",
		"redis_connected_clients_details{", "redis_process_id ", "redis_repl_backlog_is_active "} {
		if !strings.Contains("\n"+text, "\n"+name) {
			t.Errorf("no metric %s", name)
		}
	}
	if strings.Contains(log.String(), "level=error") || strings.Contains(log.String(), "level=warn") {
		t.Errorf("the exporter complains:\n%s", log.String())
	}
	if t.Failed() {
		t.Log(text)
	}
}

// scrape fetches a page from a program that is starting.
func scrape(url string) (string, error) {
	deadline := time.NewTimer(20 * time.Second)
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
