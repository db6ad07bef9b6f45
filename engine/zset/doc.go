// Package zset is what sorted sets are, apart from keys and large memory: ranges
// of scores and members, and the form of small sets, one run of bytes.
//
// Members are byte strings, scores are doubles other than NaN. Order is by
// score, then by member bytes; -0 and 0 are equal.
//
// A packed set is an engine/packed sequence of members and scores in turn, in
// order. An integral score is an integer element, any other is the letter f and
// the double's bytes, little endian. The form is portable.
package zset
