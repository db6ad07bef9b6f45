package redisbench

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseReport(t *testing.T) {
	text, err := os.ReadFile("testdata/set-7.0.15.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseReport(text)
	want := Report{
		OpsPerSec: 152671.77, P50: 175 * time.Microsecond, P99: 343 * time.Microsecond,
		P999: 1055 * time.Microsecond, Max: 1151 * time.Microsecond,
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}

	// A run too short to reach 99.902% ends at its 100% line.
	short := strings.Replace(string(text), "99.902% <= 1.055", "99.802% <= 1.055", 1)
	short = strings.Replace(short, "99.951%", "99.751%", 1)
	short = strings.Replace(short, "99.976%", "99.776%", 1)
	short = strings.Replace(short, "99.988%", "99.788%", 1)
	short = strings.Replace(short, "99.997%", "99.797%", 1)
	if got, err = ParseReport([]byte(short)); err != nil || got.P999 != want.Max {
		t.Errorf("short run: got p99.9 %v, %v; want the maximum %v", got.P999, err, want.Max)
	}
}

func TestParseReportRefuses(t *testing.T) {
	text, err := os.ReadFile("testdata/set-7.0.15.txt")
	if err != nil {
		t.Fatal(err)
	}
	whole := string(text)
	for name, broken := range map[string]string{
		"empty":           "",
		"csv":             "\"test\",\"rps\"\n\"GET\",\"1000\"\n",
		"no summary":      whole[:strings.Index(whole, "Summary:")],
		"no distribution": whole[strings.Index(whole, "Cumulative"):],
		"bad number":      strings.Replace(whole, "0.181     0.056", "0.181     0.056 7", 1),
	} {
		if r, err := ParseReport([]byte(broken)); err == nil {
			t.Errorf("%s: accepted as %+v", name, r)
		}
	}
}

func TestLineCutsValues(t *testing.T) {
	r := Run{Addr: "127.0.0.1:7000", Args: []string{"SET", "k", strings.Repeat("x", 4096)}, Requests: 10, Clients: 1, Pipeline: 16, KeySpace: 1}
	const want = "redis-benchmark -h 127.0.0.1 -p 7000 -n 10 -c 1 -P 16 -r 1 --precision 3 SET k xxxxxxxx...(4096 bytes)"
	args, err := r.args()
	if got := commandLine(args); err != nil || got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
