package main

import (
	"math"
	"strings"
	"testing"
)

func TestRecoveryRates(t *testing.T) {
	r := recoverReport{Base: "redis", Rows: []recovery{
		{Server: "hpkv", State: stateWritten, Keys: 100, Seconds: []float64{1, 9, 2}},
		{Server: "redis", State: stateWritten, Keys: 100, Seconds: []float64{50}},
		{Server: "redis", State: stateRewritten, Keys: 100, Seconds: []float64{4}},
	}}
	if rate := r.Rows[0].rate(); rate != 50 {
		t.Errorf("100 keys in 1, 2 and 9 s are %v/s", rate)
	}
	if base := r.baseRate(100); base != 25 {
		t.Errorf("the base's rate is %v", base)
	}
	if r.baseRate(20) != 0 {
		t.Error("a rate that was not measured")
	}
}

func TestRecoverOfRedis(t *testing.T) {
	needRedis(t)
	out, errOut, err := try("recover", "--server", "redis-server", "--keys", "1000", "--rounds", "1", "--dir", t.TempDir())
	if err != nil {
		t.Fatalf("%v\n%s", err, errOut)
	}
	for _, want := range []string{"\n  200  written    redis-server", "\n1,000  killed     redis-server"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestCompactionFigures(t *testing.T) {
	b := beside{Before: []int64{100, 200, 400}, Growth: []int64{10, 10, 80}}
	if g := b.growth(); math.Abs(g-0.1) > 1e-9 {
		t.Errorf("grew by %v", g)
	}
	q := medianQuantiles([]quantiles{{1, 2, 3, 4, 5}, {7, 1, 9, 9, 9}, {2, 3, 4, 4, 4}})
	if want := (quantiles{2, 2, 4, 4, 5}); q != want {
		t.Errorf("got %+v, want %+v", q, want)
	}
	if cells := strings.Join(q.cells(quantiles{1, 1, 2, 8, 0}), " "); cells != "2 2.000 2.00x 4.000 2.00x 4.000 0.50x 5.000 -" {
		t.Errorf("got %s", cells)
	}
	a := amplification{Payload: 50, Log: 75}
	if x := a.perPayload(a.Log); x != 1.5 {
		t.Errorf("%v bytes for each byte", x)
	}
}

func TestCompactionOfRedis(t *testing.T) {
	needRedis(t)
	out, errOut, err := try("compaction", "--server", "redis-server", "--keys", "2000", "--clients", "4", "--rounds", "1", "--idle", "0.1",
		"--seconds", "0.3", "--overwrite-keys", "500", "--overwrite-rate", "1000", "--dir", t.TempDir())
	if err != nil {
		t.Fatalf("%v\n%s", err, errOut)
	}
	for _, want := range []string{"idle", "compacting", "overwriting  500"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}
