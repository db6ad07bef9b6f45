package server

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// clockTick is the unit of times in /proc: USER_HZ is 100 on every platform that Go
// runs on.
const clockTick = time.Second / 100

// threadTime returns the processor time that a thread of this process has used so
// far, in user mode and in the kernel, in ticks.
func threadTime(tid int) (user, sys time.Duration, err error) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/stat", tid))
	if err != nil {
		return 0, 0, err
	}
	return parseThreadTime(line)
}

// parseThreadTime reads the times out of a stat file, see proc_pid_stat(5).
func parseThreadTime(line []byte) (user, sys time.Duration, err error) {
	const afterName, userAt, sysAt = 3, 14, 15 // numbers of fields, from 1
	end := bytes.LastIndexByte(line, ')')      // of the name, which may contain anything
	fields := bytes.Fields(line[end+1:])
	if end < 0 || len(fields) <= sysAt-afterName {
		return 0, 0, errors.New("not the line of a thread")
	}
	u, err1 := strconv.ParseInt(string(fields[userAt-afterName]), 10, 64)
	s, err2 := strconv.ParseInt(string(fields[sysAt-afterName]), 10, 64)
	return time.Duration(u) * clockTick, time.Duration(s) * clockTick, errors.Join(err1, err2)
}
