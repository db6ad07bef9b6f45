package server

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"hpkv/resp/rioc"
)

// scrape reads /metrics into a value for each series, "name{label="value"}",
// and the type of each family.
func scrape(t *testing.T, url string) (values map[string]float64, types map[string]string) {
	t.Helper()
	status, text := fetch(t, url)
	for limit := time.Now().Add(patience); status == 503 && time.Now().Before(limit); {
		status, text = fetch(t, url) // the machine stood still for metricsTimeout
	}
	if status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	values, types = make(map[string]float64), make(map[string]string)
	for name, f := range families {
		types[name] = f.GetType().String()
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			suffix := ""
			if len(labels) > 0 {
				suffix = "{" + strings.Join(labels, ",") + "}"
			}
			switch {
			case m.GetCounter() != nil:
				values[name+suffix] = m.GetCounter().GetValue()
			case m.GetGauge() != nil:
				values[name+suffix] = m.GetGauge().GetValue()
			case m.GetHistogram() != nil:
				values[name+"_count"+suffix] = float64(m.GetHistogram().GetSampleCount())
				values[name+"_sum"+suffix] = m.GetHistogram().GetSampleSum()
			}
		}
	}
	return values, types
}

// TestMetricsOfActivity does a known number of things through every interface and
// finds them in /metrics.
func TestMetricsOfActivity(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		in := start(t, setup{driver: driver, ports: []string{"metrics-port", "rest-port", "rioc-port"}, settings: []string{
			"--rest-api-key", "key", "--rioc-bind", "127.0.0.1",
			"--appendonly", "yes", "--appendfsync", "always", "--dir", t.TempDir(), "--slowlog-log-slower-than", "-1",
		}})
		metricsPort, restPort, riocPort := in.ports["metrics-port"], in.ports["rest-port"], in.ports["rioc-port"]
		<-in.ready
		url := fmt.Sprintf("http://127.0.0.1:%d/metrics", metricsPort)
		before, _ := scrape(t, url)

		w := in.dial()
		for range 7 {
			w.do("SET k v", "+OK\r\n")
		}
		w.do("LPUSH k v", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n")
		w.do("SET gone v PX 1", "+OK\r\n")
		in.eventually("the key has expired", func() bool { return in.engine.Stats().Expired == 1 })
		w.do("BGREWRITEAOF", "+Background append only file rewriting started\r\n")
		in.eventually("the log was compacted", func() bool {
			return in.durability.journal.Load().Log().Stats().Compactions == 1
		})
		c := dialRioc(t, fmt.Sprintf("127.0.0.1:%d", riocPort), nil)
		answers := make([]rioc.Answer, 4)
		if err := c.Do([]rioc.Op{{Command: rioc.Get, Key: []byte("k")}, {Command: rioc.Get, Key: []byte("none")},
			{Command: rioc.Add, Key: []byte("k"), Delta: 1}, {Command: 77, Key: []byte("k")}}, answers); err != nil {
			t.Fatal(err)
		}
		web := fmt.Sprintf("127.0.0.1:%d", restPort)
		for _, r := range []struct {
			method, path, body, key string
			status                  int
		}{
			{"GET", "/record/k", "", "key", 200},
			{"GET", "/record/k", "", "key", 200},
			{"GET", "/record/none", "", "key", 404},
			{"GET", "/record/k", "", "wrong", 403},
			{"POST", "/record", `{"key":"r","value":"v"}`, "key", 200},
			{"POST", "/record/atomic", `{"key":"r","increment":1}`, "key", 400},
			{"DELETE", "/record/r", "", "key", 200},
			{"GET", "/no/such/path", "", "key", 404},
		} {
			webAsk(t, "http://"+web+r.path, r.method, r.body, r.key, r.status)
		}
		webSocketAsk(t, web, "key", `{"op":1,"key":"k"}`)
		webSocketAsk(t, web, "key", `{"op":1,"key":"none"}`)
		in.eventually("the counts are published", func() bool { return in.stats.sum().commands >= 22 })

		after, types := scrape(t, url)
		for series, grew := range map[string]float64{
			`hpkv_commands_total{command="set"}`:                                         9, // with that of REST
			`hpkv_commands_total{command="lpush"}`:                                       1,
			`hpkv_commands_total{command="get"}`:                                         7, // two of RIOC, three of REST, two of a WebSocket
			`hpkv_commands_total{command="incrby"}`:                                      2,
			`hpkv_commands_total{command="del"}`:                                         1,
			`hpkv_command_errors_total{command="lpush",kind="failed"}`:                   1,
			`hpkv_command_errors_total{command="incrby",kind="failed"}`:                  2,
			`hpkv_command_duration_seconds_count{command="set"}`:                         9,
			`hpkv_command_duration_seconds_count{command="get"}`:                         7,
			`hpkv_connections{interface="resp"}`:                                         1,
			`hpkv_connections{interface="rioc"}`:                                         1,
			`hpkv_connections_received_total`:                                            2,
			`hpkv_expired_keys_total`:                                                    1,
			`hpkv_keys{db="0"}`:                                                          1,
			`hpkv_log_compactions_total`:                                                 1,
			`hpkv_rioc_batches_total`:                                                    1,
			`hpkv_rioc_operations_total{operation="get"}`:                                2,
			`hpkv_rioc_operations_total{operation="add"}`:                                1,
			`hpkv_rioc_operations_total{operation="unknown"}`:                            1,
			`hpkv_rioc_errors_total{status="not_found"}`:                                 1,
			`hpkv_rioc_errors_total{status="invalid"}`:                                   1,
			`hpkv_rioc_errors_total{status="protocol"}`:                                  1,
			`hpkv_http_requests_total{code="2xx",method="GET",route="/record/{key}"}`:    2,
			`hpkv_http_requests_total{code="4xx",method="GET",route="/record/{key}"}`:    2,
			`hpkv_http_requests_total{code="2xx",method="POST",route="/record"}`:         1,
			`hpkv_http_requests_total{code="4xx",method="POST",route="/record/atomic"}`:  1,
			`hpkv_http_requests_total{code="2xx",method="DELETE",route="/record/{key}"}`: 1,
			`hpkv_http_requests_total{code="1xx",method="GET",route="/ws"}`:              2,
			`hpkv_http_request_duration_seconds_count{route="/record/{key}"}`:            5,
			`hpkv_http_refused_total`:                                                    1,
			`hpkv_websocket_messages_total{operation="get"}`:                             2,
			`hpkv_websocket_errors_total{operation="get"}`:                               1,
		} {
			if got := after[series] - before[series]; got != grew {
				t.Errorf("%s grew by %v, want %v", series, got, grew)
			}
		}
		// What depends on the machine only has to be there and to have grown.
		grown := []string{"hpkv_log_written_bytes_total", "hpkv_log_records_total", "hpkv_log_rounds_total", "hpkv_log_sync_duration_seconds_count",
			"hpkv_log_sync_duration_seconds_sum", "hpkv_network_bytes_total{direction=\"in\"}", "hpkv_network_bytes_total{direction=\"out\"}",
			"hpkv_command_duration_seconds_sum{command=\"set\"}", "hpkv_changes_total", `hpkv_http_request_duration_seconds_sum{route="/record"}`}
		if driver == "epoll" {
			grown = append(grown, `hpkv_worker_busy_seconds_total{worker="0"}`, `hpkv_worker_busy_seconds_total{worker="1"}`)
		}
		for _, series := range grown {
			if after[series] <= before[series] {
				t.Errorf("%s: %v, then %v", series, before[series], after[series])
			}
		}
		for _, series := range []string{"hpkv_lock_waits_total", "hpkv_read_retries_total", "hpkv_read_fallbacks_total", "hpkv_evicted_keys_total",
			"hpkv_index_load_ratio", "hpkv_memory_live_bytes{purpose=\"records\"}", "hpkv_memory_committed_bytes", "hpkv_log_unsynced_rounds",
			"hpkv_websocket_notifications_total", "hpkv_start_time_seconds", "process_cpu_seconds_total"} {
			if _, ok := after[series]; !ok {
				t.Errorf("%s is missing", series)
			}
		}
		for name, kind := range types {
			if !strings.HasPrefix(name, "hpkv_") {
				continue
			}
			if counter := strings.HasSuffix(name, "_total"); counter != (kind == "COUNTER") || !regexp.MustCompile(`^[a-z][a-z_]*[a-z]$`).MatchString(name) {
				t.Errorf("%s is a %s", name, kind)
			}
		}
	})
}

func webAsk(t *testing.T, url, method, body, key string, status int) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("x-api-key", key)
	res, err := (&http.Client{Timeout: patience}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != status {
		t.Errorf("%s %s: %d %s, %v", method, url, res.StatusCode, text, err)
	}
}

// TestMetricsOfContention makes readers and writers meet: what was waited for and
// retried is counted.
func TestMetricsOfContention(t *testing.T) {
	in := start(t, setup{driver: "goroutine"})
	w := in.dial()
	w.do("SET k v", "+OK\r\n")
	stop := make(chan struct{})
	var busy sync.WaitGroup
	defer busy.Wait()
	defer close(stop)
	for range 2 {
		busy.Go(func() {
			l := in.engine.NewLane()
			defer l.Close()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				txn := l.Begin(0)
				if i%2 == 0 {
					_, _ = txn.IncrBy([]byte("n"), 1)
				} else {
					_, _, _ = txn.Get(nil, []byte("n"), nil)
				}
				txn.End()
				l.Publish()
			}
		})
	}
	in.eventually("a lock was waited for or a read retried", func() bool {
		st := in.engine.Stats()
		return st.LockWaits > 0 || st.Retries > 0
	})
	families, err := in.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if name := f.GetName(); name == "hpkv_lock_waits_total" || name == "hpkv_read_retries_total" {
			sum += f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	if sum == 0 {
		t.Error("nothing is counted")
	}
}

// TestWorkerBusy: a worker's time is spent with work or without, and what busy
// returns never decreases.
func TestWorkerBusy(t *testing.T) {
	var idle idleTime
	if idle.busy() != 0 {
		t.Error("busy before it began")
	}
	idle.begun.Store(monotonicNs() - 1_000_000_000)
	first := idle.busy()
	if first < 1_000_000_000 {
		t.Errorf("%v without a pause", first)
	}
	idle.ns.Store(900_000_000)
	idle.since.Store(monotonicNs())
	if again := idle.busy(); again != first {
		t.Errorf("%v after %v: it went back", again, first)
	}
	var asleep idleTime
	asleep.begun.Store(monotonicNs() - 1_000_000_000)
	asleep.since.Store(asleep.begun.Load() + 1000)
	if got := asleep.busy(); got != 1000 {
		t.Errorf("%v of a thread that worked for a microsecond", got)
	}
}
