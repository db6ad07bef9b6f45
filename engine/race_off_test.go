//go:build !race

package engine

// raceEnabled tells heavy tests to do less: the race detector slows everything
// down some ten times.
const raceEnabled = false
