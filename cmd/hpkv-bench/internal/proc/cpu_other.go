//go:build !linux

package proc

import (
	"syscall"
	"time"
)

func cpuClock(int) (time.Duration, error) { return 0, ErrNoAccounting }

func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// Allowed returns nil: affinity is not known on this platform.
func Allowed() []int { return nil }

// OnCPUs runs f: this platform does not pin.
func OnCPUs(_ []int, f func() error) error { return f() }

// SelfOnCPUs runs f: this platform does not pin.
func SelfOnCPUs(_ []int, f func() error) error { return f() }

// ThreadDelay returns a function that returns 0: this platform does not tell.
func ThreadDelay() func() time.Duration { return func() time.Duration { return 0 } }

// CanPin tells whether OnCPUs has an effect.
const CanPin = false
