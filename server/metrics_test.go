package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func fetch(t *testing.T, url string) (status int, body string) {
	t.Helper()
	c := http.Client{Timeout: patience}
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestMetrics(t *testing.T) {
	in := start(t, setup{driver: "goroutine", ports: []string{"metrics-port"}, settings: []string{"--maxmemory", "1gb"}})
	base := fmt.Sprintf("http://127.0.0.1:%d", in.ports["metrics-port"])
	w := in.dial()
	w.do("SET k v", "+OK\r\n")
	w.do("GET k", "$1\r\nv\r\n")
	w.do("GET none", "$-1\r\n")
	w.do("INCR k", "-ERR value is not an integer or out of range\r\n")
	w.do("GET", "-ERR wrong number of arguments for 'get' command\r\n")
	w.do("EXPIRE k 100", ":1\r\n")
	in.eventually("the counts are published", func() bool { return in.stats.sum().commands >= 5 })

	status, text := fetch(t, base+"/metrics")
	if status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	if families, err := parser.TextToMetricFamilies(strings.NewReader(text)); err != nil || len(families) < 40 {
		t.Errorf("%d families, %v", len(families), err)
	}
	for _, want := range []string{
		`hpkv_commands_total{command="get"} 2`,
		`hpkv_commands_total{command="set"} 1`,
		`hpkv_command_errors_total{command="incr",kind="failed"} 1`,
		`hpkv_command_errors_total{command="get",kind="rejected"} 1`,
		`hpkv_command_duration_seconds_count{command="get"} 2`,
		`hpkv_command_duration_seconds_bucket{command="get",le="+Inf"} 2`,
		`hpkv_connections{interface="resp"} 1`,
		`hpkv_keys{db="0"} 1`,
		`hpkv_volatile_keys{db="0"} 1`,
		`hpkv_key_lookups_total{result="hit"} 1`,
		`hpkv_key_lookups_total{result="miss"} 1`,
		`hpkv_memory_limit_bytes 1.073741824e+09`,
		`# TYPE hpkv_command_duration_seconds histogram`,
		`hpkv_memory_page_bytes{purpose="records"}`,
		`hpkv_index_load_ratio 0.`,
		`hpkv_lock_waits_total `,
		`hpkv_read_retries_total `,
		`go_goroutines `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/nothing": 404, "/debug/pprof/": 404} {
		if status, body := fetch(t, base+path); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	in.durability.set(obstacleLoading)
	if status, body := fetch(t, base+"/readyz"); status != 503 || !strings.Contains(body, "being loaded") {
		t.Errorf("%d %s", status, body)
	}
	in.durability.clear(obstacleLoading)
}

func TestMetricsProfiles(t *testing.T) {
	in := start(t, setup{driver: "goroutine", ports: []string{"metrics-port"}, settings: []string{"--metrics-pprof", "yes"}})
	if status, body := fetch(t, fmt.Sprintf("http://127.0.0.1:%d/debug/pprof/goroutine?debug=1", in.ports["metrics-port"])); status != 200 || !strings.Contains(body, "goroutine profile") {
		t.Errorf("%d %s", status, clip([]byte(body)))
	}
}

// Buckets only grow, and reach the count.
func TestMetricsHistograms(t *testing.T) {
	in := start(t, setup{driver: "goroutine"})
	w := in.dial()
	for range 100 {
		w.do("PING", "+PONG\r\n")
	}
	in.eventually("the counts are published", func() bool { return in.stats.sum().commands >= 100 })
	families, err := in.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, f := range families {
		if f.GetName() != "hpkv_command_duration_seconds" {
			continue
		}
		for _, m := range f.GetMetric() {
			found = true
			h, last := m.GetHistogram(), uint64(0)
			for _, b := range h.GetBucket() {
				if b.GetCumulativeCount() < last {
					t.Errorf("bucket %v: %d after %d", b.GetUpperBound(), b.GetCumulativeCount(), last)
				}
				last = b.GetCumulativeCount()
			}
			if h.GetSampleCount() < last || h.GetSampleCount() != 100 || h.GetSampleSum() <= 0 {
				t.Errorf("%v", h)
			}
		}
	}
	if !found {
		t.Error("no histogram")
	}
}
