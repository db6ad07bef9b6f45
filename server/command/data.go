package command

import "slices"

// WithSubs returns the families with more subcommands in one of their
// containers: those that need what only the caller has.
func WithSubs(families [][]Row, container string, more []Row) [][]Row {
	for i, family := range families {
		at := slices.IndexFunc(family, func(r Row) bool { return r.Name == container })
		if at < 0 {
			continue
		}
		family = slices.Clone(family)
		family[at].Sub = append(slices.Clone(family[at].Sub), more...)
		families[i] = family
	}
	return families
}

// Data lists every family of commands that need nothing but the engine. A new
// family is added here.
func Data() [][]Row {
	return [][]Row{
		connectionRows,
		introspectionRows,
		genericRows,
		keyspaceRows,
		objectRows,
		expireRows,
		stringRows,
		bitmapRows,
		bitfieldRows,
		hllRows,
		zsetRows,
		zsetRangeRows,
		zsetCombineRows,
		zsetBlockingRows,
		listRows,
		geoRows,
		blockingRows,
		sortRows,
		lcsRows,
		hashRows,
		hashExpireRows,
		setRows,
		rangeRows,
	}
}
