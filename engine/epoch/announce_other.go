//go:build !amd64 || race

package epoch

import "sync/atomic"

// announce advances the counter: a release for Exit; for Enter ordered before
// the loads that follow by the domain's barrier, or by being sequentially
// consistent with atomic loads.
func (s *Slot) announce() { atomic.StoreUint64(&s.seq, s.seq+1) }
