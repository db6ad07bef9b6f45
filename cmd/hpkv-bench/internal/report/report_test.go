package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"hpkv/cmd/hpkv-bench/internal/machine"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (-rewrite accepts it); got:\n%s", file, got)
	}
}

func sample() *Comparison {
	s := func(ops, cpu, p99, p999 float64) Sample {
		return Sample{OpsPerSec: ops, CPUMicros: cpu, P50: p99 / 2, P99: p99, P999: p999, ServerBusy: 0.99, LoadBusy: 0.8}
	}
	c := &Comparison{
		Head: Head{
			Machine: machine.Machine{CPU: "Test CPU", Cores: 2, MemoryBytes: 8 << 30, Platform: "linux/amd64", Kernel: "6.1", Go: "go1.26",
				Date: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)},
			Servers:   []Server{{"hpkv", "hpkv 0.1 <dev>", []string{"./bin/hpkv-server"}}, {"redis", "Redis server v=7.0.15", []string{"redis-server"}}, {"other", "", []string{"other"}}},
			Placement: "servers on processor 0, load on processor 1",
		},
		Base:      "redis",
		Generator: "redis-benchmark 7.0.15",
		Rounds:    3,
		Rows: []Row{
			{Cell: Cell{"ping", 1, 50, 0, ""}, Requests: 1000, Entries: []Entry{
				{Server: "hpkv", Rounds: []Sample{s(90000, 8, 0.4, 0.5), s(92000, 7, 0.5, 0.9), s(70000, 7.5, 0.3, 0.7)}},
				{Server: "redis", Rounds: []Sample{s(90000, 9, 0.4, 0.5), s(91000, 8.5, 0.4, 0.6), s(89000, 8, 0.5, 0.7)}},
				{Server: "other", Skipped: "unknown command"},
			}},
			{Cell: Cell{"get", 16, 500, 512, "hot"}, Requests: 1000, Entries: []Entry{
				{Server: "hpkv", Rounds: []Sample{s(2200000, 0.4, 1, 2)}},
				{Server: "redis", Rounds: []Sample{s(1000000, 1, 2, 3)}},
				{Server: "other", Rounds: []Sample{s(1500000, 0.66, 2, 3)}},
			}},
		},
		Memory: []Memory{
			{"hpkv", 16, 512, 1000000, 5 << 20, 600 << 20, 600},
			{"redis", 16, 512, 1000000, 6 << 20, 650 << 20, 660},
		},
		Notes: []string{"a note"},
	}
	c.Settle()
	return c
}

func TestMedian(t *testing.T) {
	f := func(want float64, values ...float64) {
		t.Helper()
		if got := Median(values); got != want {
			t.Errorf("%v: got %v, want %v", values, got, want)
		}
	}
	f(3, 3)
	f(2, 3, 1, 2)
	f(2.5, 4, 1, 3, 2)
	if !math.IsNaN(Median(nil)) {
		t.Error("the median of nothing is not NaN")
	}
	values := []float64{3, 1, 2}
	Median(values)
	if values[0] != 3 {
		t.Error("the input was sorted")
	}
	if got := Spread([]float64{9, 10, 12}); math.Abs(got-0.3) > 1e-9 {
		t.Errorf("spread %v, want 0.3", got)
	}
}

func TestPercentile(t *testing.T) {
	sorted := make([]int, 1000)
	for i := range sorted {
		sorted[i] = i + 1
	}
	for percent, want := range map[float64]int{0: 1, 50: 500, 99: 990, 99.9: 999, 100: 1000} {
		if got := Percentile(sorted, percent); got != want {
			t.Errorf("p%v: got %d, want %d", percent, got, want)
		}
	}
	if Percentile([]int{}, 50) != 0 {
		t.Error("percentile of nothing")
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 999.6: "1,000", 1234567: "1,234,567", -1000: "-1,000", 100: "100"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%v) = %q, want %q", n, got, want)
		}
	}
	if Ratio(Quotient(1, 0)) != "-" || Ratio(1.5) != "1.50x" || Fixed(math.NaN(), 2) != "-" || Percent(0.456) != "46%" {
		t.Error("unknown values must print as a dash")
	}
}

func TestSettleTakesEachMedianAlone(t *testing.T) {
	m := sample().Rows[0].Entries[0].Median
	if m.OpsPerSec != 90000 || m.CPUMicros != 7.5 || m.P99 != 0.4 || m.P999 != 0.7 {
		t.Errorf("got %+v", m)
	}
}

func TestText(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteText(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/compare.txt", out.Bytes())
}

func TestSVG(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteSVG(&out); err != nil {
		t.Fatal(err)
	}
	dec := xml.NewDecoder(bytes.NewReader(out.Bytes()))
	for {
		if _, err := dec.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
	}
	golden(t, "testdata/compare.svg", out.Bytes())
}

func TestJSONRoundTrip(t *testing.T) {
	c := sample()
	var out bytes.Buffer
	if err := c.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var back Comparison
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	back.WriteJSON(&again)
	if again.String() != out.String() || len(back.Rows[0].Entries[0].Rounds) != 3 || !strings.Contains(out.String(), `"cpu_us_per_op": 7.5`) {
		t.Errorf("got %s", out.String())
	}
}
