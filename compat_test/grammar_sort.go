package compat

import "math/rand/v2"

// The order of what compares equal under BY with ALPHA is Redis' sort's own, and
// so is that of a set under BY nosort: ALPHA goes without BY, and only lists and
// sorted sets go unsorted. The latter have keys of their own, see sortedZSets.
// {text} has nothing in it that a locale's comparison stops at.
var sortGrammar = []grammarRow{
	{5, "( SORT | SORT_RO ) {sortkey} [ ASC | DESC ] [ LIMIT {small} {small} ]"},
	{3, "( SORT | SORT_RO ) {sortkey} BY {bypattern} [ LIMIT {small} {small} ] [ < GET {getpattern} > ] [ ASC | DESC ]"},
	{3, "( SORT | SORT_RO ) {sortkey} ALPHA [ LIMIT {small} {small} ] [ GET {getpattern} ] [ ASC | DESC ]"},
	{3, "SORT {sortkey} [ < GET {getpattern} > ] [ DESC ] STORE {key}"},
	{2, "SORT {sortkey} ALPHA [ BY nosort ] [ DESC ] STORE {key}"},
	{2, "( SORT | SORT_RO ) {textkey} BY ( nosort | x ) [ DESC ] [ LIMIT {small} {small} ] [ < GET {getpattern} > ]"},
	{2, "( SORT | SORT_RO ) {sortzset} BY ( nosort | x ) [ ASC | DESC ] [ LIMIT {small} {small} ] [ < GET {getpattern} > ]"},
	{1, "SORT {sortzset} BY nosort [ DESC ] [ LIMIT {small} {small} ] STORE {key}"},
	{1, "SORT {sortkey} {junk}"},

	{5, "( LPUSH | RPUSH ) {textkey} < {text} >"},
	{1, "( LPOP | RPOP ) {textkey} [ {small} ]"},
	{3, "SADD {textset} < {text} >"},
	{1, "SREM {textset} < {text} >"},
	{4, "ZADD {sortzset} < {sortscore} {text} >"},
	{1, "ZREM {sortzset} < {text} >"},
	{1, "( LINDEX | SISMEMBER | STRLEN ) {sortkey} 1"},
	{3, "SET {weightkey} {float}"},
	{2, "HSET {weighthash} {text} {float}"},
	{1, "DEL < {weightkey} >"},
}

func init() {
	for name, make := range map[string]func(r *rand.Rand) string{
		"bypattern": func(r *rand.Rand) string {
			return pick(r, "w_*", "w_*", "h_*->1", "*", "h_1->*", "w_*->", "*->1", "w_*_*")
		},
		"getpattern": func(r *rand.Rand) string {
			return pick(r, "#", "#", "w_*", "h_*->1", "h_*->x", "*", "a", "w_*->", "", "h_1->*")
		},
		"text":     func(r *rand.Rand) string { return pick(r, "1", "2", "3", "-7", "10", "x", "y", "Y", "aa", "a", "") },
		"sortkey":  func(r *rand.Rand) string { return pick(r, "ta", "tb", "sa", "sb", "za", "zb", "w_1", "w_none") },
		"sortzset": func(r *rand.Rand) string { return pick(r, sortedZSets...) },
		// Without -0: a skiplist keeps the sign and a listpack does not.
		"sortscore":  func(r *rand.Rand) string { return pick(r, "0", "1", "1", "2", "2.5", "-3", "10", "inf", "-inf", "x") },
		"textkey":    func(r *rand.Rand) string { return pick(r, "ta", "tb") },
		"textset":    func(r *rand.Rand) string { return pick(r, "sa", "sb") },
		"weightkey":  func(r *rand.Rand) string { return pick(r, "w_1", "w_2", "w_3", "w_x", "w_y", "w_a", "w_10", "w_") },
		"weighthash": func(r *rand.Rand) string { return pick(r, "h_1", "h_2", "h_x") },
		// Short, as nobody comes to end a wait, and never 0, which waits for ever.
		"wait": func(r *rand.Rand) string { return pick(r, "0.001", "0.002", ".001", "1e-3", "0.001", "-1", "x", "") },
	} {
		generators[name] = make
	}
}
