package server

import "sync/atomic"

// recentSeconds is how long client_recent_max_input_buffer and its like remember,
// as in Redis.
const recentSeconds = 8

// recentPeak is the greatest of the values noted in the last recentSeconds. Any
// goroutine may use it; it is no cost worth mentioning beside a system call.
type recentPeak struct {
	slots [recentSeconds]atomic.Uint64 // of a second each: see stamped
}

// peakBits are enough for 1 TB; the second above them is known modulo 194 days.
const peakBits = 40

// stamped puts a second before a value, so that of two values of one second the
// greater is the greater number.
func stamped(value, second int64) uint64 {
	return uint64(second)<<peakBits | uint64(min(value, 1<<peakBits-1))
}

func (p *recentPeak) note(value, nowMs int64) {
	second := nowMs / 1000
	n := stamped(value, second)
	for slot := &p.slots[second%recentSeconds]; ; {
		old := slot.Load()
		if old>>peakBits == n>>peakBits && old >= n || slot.CompareAndSwap(old, n) {
			return
		}
	}
}

func (p *recentPeak) value(nowMs int64) (peak int64) {
	second := nowMs / 1000
	for back := range int64(recentSeconds) {
		n := p.slots[(second-back)%recentSeconds].Load()
		if n>>peakBits == stamped(0, second-back)>>peakBits {
			peak = max(peak, int64(n&(1<<peakBits-1)))
		}
	}
	return peak
}
