package server

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseThreadTime(t *testing.T) {
	for line, want := range map[string]string{
		"12 (hpkv) S 1 2 3 4 5 6 7 8 9 10 150 20 0 0 20":         "1.5s 200ms <nil>",
		"12 (a ) b (c) d) R 1 2 3 4 5 6 7 8 9 10 0 7 0 0 20 0\n": "0s 70ms <nil>",
		"12 (hpkv) S 1 2": "0s 0s not the line of a thread",
		"":                "0s 0s not the line of a thread",
	} {
		user, sys, err := parseThreadTime([]byte(line))
		if got := fmt.Sprint(user, " ", sys, " ", err); got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}

// INFO tells the processor time of the event loops, which is a part of the process'.
func TestInfoThreadTime(t *testing.T) {
	in := start(t, setup{driver: "epoll"})
	w := in.dial()
	in.eventually("the event loops have used some time", func() bool {
		for range 100 {
			w.do("PING", "+PONG\r\n")
		}
		user, sys, ok := in.driver.cpuTime()
		return ok && user+sys > 0
	})
	w.send("INFO cpu\r\n")
	var loops, all float64
	for line := range strings.Lines(w.bulk()) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		var seconds float64
		fmt.Sscan(value, &seconds)
		switch name {
		case "used_cpu_user", "used_cpu_sys":
			all += seconds
		case "used_cpu_user_main_thread", "used_cpu_sys_main_thread":
			loops += seconds
		}
	}
	ticks := 2 * float64(len(in.driver.loads())) * clockTick.Seconds() // both are rounded
	if loops <= 0 || loops > all+ticks {
		t.Errorf("%v s of event loops in %v s of the process", loops, all)
	}
}
