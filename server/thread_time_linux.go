package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// clockTick is the unit of times in /proc: USER_HZ is 100 on every platform that Go
// runs on.
const clockTick = time.Second / 100

// threadClock tells the processor time of a thread of this process. Its file stays
// open: on a machine of many cores INFO reads many. For any goroutine.
type threadClock struct{ stat *os.File }

func openThreadClock(tid int) (*threadClock, error) {
	f, err := os.Open(fmt.Sprintf("/proc/self/task/%d/stat", tid))
	if err != nil {
		return nil, err
	}
	return &threadClock{f}, nil
}

func (c *threadClock) close() { c.stat.Close() }

// used is the time that the thread has used so far, in user mode and in the kernel,
// in ticks.
func (c *threadClock) used() (user, sys time.Duration, err error) {
	var line [512]byte // twice what is needed
	n, err := c.stat.ReadAt(line[:], 0)
	if err != nil && err != io.EOF {
		return 0, 0, err
	}
	return parseThreadTime(line[:n])
}

// parseThreadTime reads the times out of a stat file, see proc_pid_stat(5).
func parseThreadTime(line []byte) (user, sys time.Duration, err error) {
	const afterName, userAt, sysAt = 3, 14, 15 // numbers of fields, from 1
	end := bytes.LastIndexByte(line, ')')      // of the name, which may contain anything
	var ticks [2]int64
	number, found := afterName, 0
	for field := range bytes.FieldsSeq(line[end+1:]) {
		if number == userAt || number == sysAt {
			n, err := strconv.ParseInt(string(field), 10, 64)
			if err != nil {
				return 0, 0, err
			}
			ticks[found] = n
			found++
		}
		number++
	}
	if end < 0 || found < len(ticks) {
		return 0, 0, errors.New("not the line of a thread")
	}
	return time.Duration(ticks[0]) * clockTick, time.Duration(ticks[1]) * clockTick, nil
}
