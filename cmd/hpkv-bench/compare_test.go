package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hpkv/cmd/hpkv-bench/internal/proc"
	"hpkv/cmd/hpkv-bench/internal/redisbench"
	"hpkv/cmd/hpkv-bench/internal/report"
)

func needRedis(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("no redis-server installed")
	}
}

// A server beside a second copy of itself must come out as its equal. The
// bounds are wide because the runs are short and the machine may be busy; a
// wrong division, a swapped server or CPU time of the wrong process is far
// outside.
func TestServerEqualsItself(t *testing.T) {
	needRedis(t)
	for _, generator := range []string{generatorBuiltin, generatorRedis} {
		if generator == generatorRedis && redisbench.Available() != nil {
			continue
		}
		dir := t.TempDir()
		file, chart := filepath.Join(dir, "out.json"), filepath.Join(dir, "out.svg")
		out, errOut, err := try("compare", "--server", "a=redis-server", "--server", "b=redis-server", "--generator", generator,
			"--workloads", "set,get,lpop", "--pipelines", "16", "--clients", "10", "--sizes", "16", "--keys", "uniform,hot",
			"--keyspace", "2000", "--requests", "10000", "--rounds", "3", "--json", file, "--svg", chart)
		if err != nil {
			t.Fatalf("%v\n%s", err, errOut)
		}
		for _, want := range []string{"machine ", "Redis server v=", "ratios to b", "lpop", "bytes/key"} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is missing in\n%s", want, out)
			}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c report.Comparison
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		if len(c.Rows) != 5 || len(c.Memory) != 2 {
			t.Fatalf("%d rows and %d memory lines in\n%s", len(c.Rows), len(c.Memory), out)
		}
		for _, row := range c.Rows {
			a, b := row.Entries[0].Median, row.Entries[1].Median
			if row.Requests != 10000 || a.OpsPerSec <= 0 || a.P99 <= 0 || a.P999 < a.P99 {
				t.Errorf("%s: %d requests, %+v", row.Cell, row.Requests, a)
			}
			if _, err := proc.CPU(selfPid); err != nil {
				continue // no accounting here
			}
			if r := a.CPUMicros / b.CPUMicros; !(r > 0.1 && r < 10) {
				t.Errorf("%s: CPU per operation %.3f and %.3f us on two copies of one server", row.Cell, a.CPUMicros, b.CPUMicros)
			}
		}
		if r := c.Memory[0].PerKey / c.Memory[1].PerKey; proc.CanPin && !(r > 0.5 && r < 2) {
			t.Errorf("memory per key differs: %+v", c.Memory)
		}
		if svg, err := os.ReadFile(chart); err != nil || !strings.Contains(string(svg), "</svg>") {
			t.Errorf("chart: %v", err)
		}
	}
}

// A row that a server does not know is skipped, not an error.
func TestUnknownCommandIsSkipped(t *testing.T) {
	needRedis(t)
	out, errOut, err := try("compare", "--server", "redis-server --rename-command LPUSH ''", "--server", "b=redis-server",
		"--generator", "builtin", "--workloads", "ping,lpush", "--pipelines", "1", "--clients", "2", "--sizes", "16",
		"--keyspace", "100", "--requests", "500", "--rounds", "1")
	if err != nil {
		t.Fatalf("%v\n%s", err, errOut)
	}
	lines := strings.Split(out, "\n")
	found := false
	for _, line := range lines {
		f := strings.Fields(line)
		found = found || len(f) > 5 && f[0] == "lpush" && f[4] == "redis-server" && f[5] == "unknown"
	}
	if !found {
		t.Errorf("lpush is not marked in\n%s", out)
	}
}

func TestMemoryOfRedis(t *testing.T) {
	needRedis(t)
	if !proc.CanPin {
		t.Skip("no process accounting")
	}
	file := filepath.Join(t.TempDir(), "out.json")
	out, errOut, err := try("memory", "--server", "redis-server", "--shapes", "strings,zset,lists", "--keys", "50000", "--elements", "20000", "--watch", "0s", "--json", file)
	if err != nil {
		t.Fatalf("%v\n%s", err, errOut)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r memoryReport
	if err := json.Unmarshal(text, &r); err != nil || len(r.Results) != 1 || len(r.Shapes) != 2 {
		t.Fatalf("%v in %s", err, text)
	}
	m := r.Results[0]
	if perKey := float64(m.LoadedBytes-m.EmptyBytes) / 50000; perKey < 80 || perKey > 1000 {
		t.Errorf("%.0f bytes for each key of 16+64", perKey)
	}
	for i, want := range []struct {
		elements    uint64
		least, most float64
	}{{20000, 40, 200}, {40000, 16, 60}} {
		if s := r.Shapes[i]; s.Elements != want.elements || s.perElement() < want.least || s.perElement() > want.most {
			t.Errorf("%+v", s)
		}
	}
	// Half of the keys survive, with 16+136 bytes on average.
	if m.Survivors < 24000 || m.Survivors > 26000 || m.LiveBytes < int64(m.Survivors)*145 || m.LiveBytes > int64(m.Survivors)*159 {
		t.Errorf("%d survivors with %d bytes\n%s", m.Survivors, m.LiveBytes, out)
	}
}

func TestLatencyAndLoadOfRedis(t *testing.T) {
	needRedis(t)
	out, errOut, err := try("latency", "--server", "redis-server", "--keys", "1000", "--clients", "4", "--seconds", "0.05",
		"--rounds", "1", "--phases", "get,expire,del-large", "--fields", "1005")
	if err != nil || !strings.Contains(out, "\nget  ") || !strings.Contains(out, "\nexpire ") || !strings.Contains(out, "\ndel-large ") || strings.Contains(out, "overwrite ") {
		t.Errorf("latency: %v\n%s%s", err, out, errOut)
	}

	p, err := proc.Start(t.Context(), proc.Spec{Name: "redis", Command: []string{"redis-server"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	_, port, _ := strings.Cut(p.Addr, ":")
	out, errOut, err = try("load", "--port", port, "--clients", "4", "--requests", "1000", "--keyspace", "100", "--prefill", "--mix", "get=3,set=1")
	if err != nil || !strings.HasPrefix(out, "1,000 requests in ") || !strings.Contains(out, "0 error replies") || !strings.Contains(out, "p99.99") {
		t.Errorf("load: %v\n%s%s", err, out, errOut)
	}
	if v, err := do(p, "DBSIZE"); err != nil || v.Int != 100 {
		t.Errorf("prefill: %v keys, %v", v.Text(), err)
	}
}
