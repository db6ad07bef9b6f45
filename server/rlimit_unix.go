//go:build unix

package server

import "syscall"

// raiseFiles raises the limit of open files to at least want if it may, and
// returns the limit in force.
func raiseFiles(want uint64) (uint64, error) {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return 0, err
	}
	if lim.Cur >= want {
		return lim.Cur, nil
	}
	for _, try := range []syscall.Rlimit{
		{Cur: want, Max: max(lim.Max, want)}, // a privileged process may raise both
		{Cur: min(want, lim.Max), Max: lim.Max},
	} {
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &try) == nil {
			return try.Cur, nil
		}
	}
	return lim.Cur, nil
}
