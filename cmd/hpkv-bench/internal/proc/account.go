package proc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// ErrNoAccounting says that this platform does not show what other processes
// use.
var ErrNoAccounting = errors.New("no process accounting on this platform")

// tick is the unit of the times in /proc/PID/stat. USER_HZ is 100 on every
// Linux platform Go supports; it is part of the kernel's ABI.
const tick = time.Second / 100

// CPU returns the processor time, user plus system, that process pid has used
// in all its threads.
func CPU(pid int) (time.Duration, error) {
	if d, err := cpuClock(pid); err == nil {
		return d, nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, ErrNoAccounting
	}
	return parseStat(text)
}

// parseStat returns utime+stime of a /proc/PID/stat line. The command name,
// the second field, may itself hold blanks and parentheses.
func parseStat(line []byte) (time.Duration, error) {
	end := bytes.LastIndexByte(line, ')')
	if end < 0 {
		return 0, fmt.Errorf("no command name in %q", line)
	}
	fields := bytes.Fields(line[end+1:])
	const utime, stime = 14 - 3, 15 - 3 // proc(5) numbers from 1; the state, field 3, is first here
	if len(fields) <= stime {
		return 0, fmt.Errorf("too few fields in %q", line)
	}
	var ticks int64
	for _, f := range [][]byte{fields[utime], fields[stime]} {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("bad time in %q: %w", line, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

// RSS returns the resident memory of process pid in bytes. It walks the page
// tables (smaps_rollup): the counter in /proc/PID/status may be off by some
// hundred kilobytes on current kernels.
func RSS(pid int) (int64, error) {
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid)); err == nil {
		return parseKilobytes(text, "Rss:")
	}
	return RoughRSS(pid)
}

// RoughRSS is RSS by the kernel's counter, which costs next to nothing while
// the process runs.
func RoughRSS(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, ErrNoAccounting
	}
	return parseKilobytes(text, "VmRSS:")
}

// parseKilobytes finds "LABEL  N kB" in text and returns N in bytes.
func parseKilobytes(text []byte, label string) (int64, error) {
	scan := bufio.NewScanner(bytes.NewReader(text))
	for scan.Scan() {
		f := bytes.Fields(scan.Bytes())
		if len(f) == 3 && string(f[0]) == label && string(f[2]) == "kB" {
			n, err := strconv.ParseInt(string(f[1]), 10, 64)
			return n * 1024, err
		}
	}
	return 0, fmt.Errorf("no %s in the process's memory summary", label)
}

// RunDelay returns how long the living threads of process pid have been ready
// to run but waiting for a processor: time taken from it by other processes
// (or by its own other threads). It tells a stall of the machine from a stall
// of the server.
func RunDelay(pid int) (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) == 0 {
		return 0, ErrNoAccounting
	}
	var sum time.Duration
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread ended meanwhile
		}
		d, err := parseRunDelay(text)
		if err != nil {
			return 0, err
		}
		sum += d
	}
	return sum, nil
}

// parseRunDelay returns the second of the three numbers of a schedstat file:
// nanoseconds spent waiting on a run queue.
func parseRunDelay(text []byte) (time.Duration, error) {
	f := bytes.Fields(text)
	if len(f) != 3 {
		return 0, fmt.Errorf("unexpected schedstat %q", text)
	}
	n, err := strconv.ParseInt(string(f[1]), 10, 64)
	return time.Duration(n), err
}

// Written returns the bytes that process pid, its threads and its ended
// children have caused to be written to a disk. The kernel counts pages as they
// become dirty: a page that is changed again before it was written out counts
// once.
func Written(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return 0, ErrNoAccounting
	}
	return parseWritten(text)
}

// parseWritten finds "write_bytes: N" in text.
func parseWritten(text []byte) (int64, error) {
	for line := range bytes.Lines(text) {
		if n, ok := bytes.CutPrefix(line, []byte("write_bytes: ")); ok {
			return strconv.ParseInt(string(bytes.TrimSpace(n)), 10, 64)
		}
	}
	return 0, errors.New("no write_bytes in the process's accounts")
}
