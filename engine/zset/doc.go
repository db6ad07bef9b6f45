// Package zset is sorted sets without keys: a packed form for small ones, one
// run of bytes, and a large one of records, a hash table and a tree.
//
// Members are byte strings, scores are doubles other than NaN. Order is by
// score, then by member bytes; -0 and 0 are equal.
//
//	Packed  engine/packed with member and score in turn, in order. An integral
//	        score is an integer element, any other is the letter f and the
//	        double's bytes, little endian. Portable.
//	Large   for each member a record {score 8, length 1 or 5, member}, found by
//	        hash through an index.Table and by order through a ranked.Tree.
//
// A View reads both alike. Nothing here locks: the owner's shard does.
package zset
