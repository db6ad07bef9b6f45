//go:build race

package index

// raceEnabled tells tests of speed that the race detector multiplies it.
const raceEnabled = true
