package workload

import (
	"fmt"
	"strconv"
	"strings"
)

// Share is one row of a mixed load and its weight.
type Share struct {
	Workload
	Weight int
}

// ParseMix reads "get=90,set=10" or "get" (weight 1).
func ParseMix(s string) ([]Share, error) {
	var mix []Share
	for part := range strings.SplitSeq(s, ",") {
		name, weight, found := strings.Cut(part, "=")
		n := 1
		if found {
			var err error
			if n, err = strconv.Atoi(weight); err != nil || n < 1 {
				return nil, fmt.Errorf("mix %q: the weight of %s must be a number above 0", s, name)
			}
		}
		rows, err := Find([]string{strings.TrimSpace(name)})
		if err != nil {
			return nil, err
		}
		mix = append(mix, Share{rows[0], n})
	}
	return mix, nil
}
