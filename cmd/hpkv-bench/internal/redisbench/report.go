package redisbench

import (
	"bufio"
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Report is what redis-benchmark measured in one run. Latencies are of single
// requests; in a pipeline each counts from the moment its batch was sent.
type Report struct {
	OpsPerSec float64
	P50       time.Duration
	P99       time.Duration
	P999      time.Duration
	Max       time.Duration
}

var (
	percentileLine = regexp.MustCompile(`^([0-9.]+)% <= ([0-9.]+) milliseconds \(cumulative count [0-9]+\)$`)
	throughputLine = regexp.MustCompile(`^throughput summary: ([0-9.]+) requests per second$`)
)

// ParseReport reads redis-benchmark's long output (6.2 and later). Its --csv
// output ends at p99; the long one holds the percentile distribution as well.
//
// p99.9 is the smallest listed latency that at least 99.9% of the requests
// kept: redis-benchmark halves the remainder at each line, so that is its
// 99.902% line (the maximum, if the run was too short to have one). p50 and
// p99 come from the summary, which has them exactly.
func ParseReport(text []byte) (Report, error) {
	var r Report
	inDistribution, haveP999, summaryNext, haveSummary := false, false, false, false
	scan := bufio.NewScanner(bytes.NewReader(text))
	scan.Buffer(nil, 16<<20) // the first line repeats the whole command
	scan.Split(scanRecords)
	for scan.Scan() {
		line := strings.TrimSpace(scan.Text())
		switch {
		case line == "Latency by percentile distribution:":
			inDistribution = true
		case strings.HasSuffix(line, "distribution of latencies:"):
			inDistribution = false
		case inDistribution && !haveP999:
			m := percentileLine.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			if percent, err := strconv.ParseFloat(m[1], 64); err != nil || percent < 99.9 {
				continue
			}
			ms, err := milliseconds(m[2])
			if err != nil {
				return r, err
			}
			r.P999, haveP999 = ms, true
		case throughputLine.MatchString(line):
			r.OpsPerSec, _ = strconv.ParseFloat(throughputLine.FindStringSubmatch(line)[1], 64)
		case strings.HasPrefix(line, "avg ") && strings.HasSuffix(line, "max"):
			summaryNext = true
		case summaryNext:
			summaryNext = false
			if err := r.summary(strings.Fields(line)); err != nil {
				return r, err
			}
			haveSummary = true
		}
	}
	if err := scan.Err(); err != nil {
		return r, err
	}
	if !haveP999 || !haveSummary || r.OpsPerSec == 0 {
		return r, fmt.Errorf("redis-benchmark's output is not understood (6.2 or later is needed): %.300q", text)
	}
	return r, nil
}

// summary takes the values under "avg min p50 p95 p99 max".
func (r *Report) summary(fields []string) error {
	if len(fields) != 6 {
		return fmt.Errorf("redis-benchmark's latency summary has %d values, not 6", len(fields))
	}
	var err error
	for i, to := range map[int]*time.Duration{2: &r.P50, 4: &r.P99, 5: &r.Max} {
		if *to, err = milliseconds(fields[i]); err != nil {
			return err
		}
	}
	return nil
}

func milliseconds(s string) (time.Duration, error) {
	ms, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, fmt.Errorf("bad latency %q", s)
	}
	return time.Duration(ms * float64(time.Millisecond)), nil
}

// scanRecords splits at line feeds and at the carriage returns of the running
// progress line.
func scanRecords(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexAny(data, "\r\n"); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}
