package compat

import (
	"slices"
)

// maxShrinkPlays bounds the work of one shrink; a play of a short case takes
// milliseconds.
const maxShrinkPlays = 1500

// Shrink returns a smallest case it can find for which fails still returns
// true, by delta debugging: it removes ever smaller runs of steps, then
// arguments, then shortens values, until nothing more can go. fails must be
// deterministic; c itself must fail.
func Shrink(c Case, fails func(Case) bool) Case {
	plays := 0
	try := func(steps []Step) bool {
		if plays >= maxShrinkPlays {
			return false
		}
		plays++
		return fails(Case{Name: c.Name, Steps: steps})
	}
	steps := c.Steps
	for {
		before := size(steps)
		steps = removeRuns(steps, try)
		steps = removeArgs(steps, try)
		steps = shortenArgs(steps, try)
		if size(steps) == before {
			return Case{Name: c.Name, Proto: c.Proto, Steps: steps}
		}
	}
}

// size orders cases: every accepted change makes it smaller, so that Shrink
// ends.
func size(steps []Step) int {
	n := 0
	for _, s := range steps {
		n += 1000
		for _, a := range s.Args {
			n += 10 + len(a)
		}
	}
	return n
}

// removeRuns takes out runs of steps, halving their length down to one.
func removeRuns(steps []Step, try func([]Step) bool) []Step {
	for run := max(len(steps)/2, 1); run > 0; run /= 2 {
		// From the end: what comes after the difference goes first.
		for at := len(steps) - run; at > -run; at -= run {
			shorter := slices.Concat(steps[:max(at, 0)], steps[at+run:])
			if len(shorter) > 0 && try(shorter) {
				steps = shorter
			}
		}
	}
	return steps
}

// removeArgs takes out single arguments after the command's name.
func removeArgs(steps []Step, try func([]Step) bool) []Step {
	for i := range steps {
		for k := len(steps[i].Args) - 1; k > 0; k-- {
			if next, ok := withArgs(steps, i, slices.Delete(slices.Clone(steps[i].Args), k, k+1), try); ok {
				steps = next
			}
		}
	}
	return steps
}

// shortenArgs halves values. Numbers stay: a smaller number may be an expiry
// that comes while the case is played.
func shortenArgs(steps []Step, try func([]Step) bool) []Step {
	for i := range steps {
		for k := 1; k < len(steps[i].Args); k++ {
			for {
				a := steps[i].Args[k]
				if len(a) < 2 || isNumeric(a) {
					break
				}
				args := slices.Clone(steps[i].Args)
				args[k] = a[:len(a)/2]
				next, ok := withArgs(steps, i, args, try)
				if !ok {
					break
				}
				steps = next
			}
		}
	}
	return steps
}

func withArgs(steps []Step, i int, args []string, try func([]Step) bool) ([]Step, bool) {
	next := slices.Clone(steps)
	next[i].Args = args
	if !try(next) {
		return steps, false
	}
	return next, true
}

func isNumeric(a string) bool {
	for i := range len(a) {
		if (a[i] < '0' || a[i] > '9') && a[i] != '-' && a[i] != '.' {
			return false
		}
	}
	return true
}
