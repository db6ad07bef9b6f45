// Package glob matches byte strings against Redis' glob-style patterns, as
// KEYS, SCAN MATCH, PSUBSCRIBE, ACL and CONFIG GET use them.
//
//   - any bytes, also none
//     ?       any one byte
//     [abc]   one of the bytes; [a-z] a range, [^a] none of them
//     \x      x itself, also inside a class
//
// The corners are Redis' own, because clients depend on them: a class that is
// never closed ends with the pattern; a range given backwards is turned
// around; ranges order bytes as C's signed char does on x86; an escaped byte in
// a class is compared exactly even when case is ignored; nothing but the empty
// pattern matches the empty string, not even "*" (callers that mean "all"
// test for that pattern first).
//
// The matcher keeps one position to go back to, that of the last star: if the
// part behind it matches nowhere in the rest, no longer match of an earlier
// star can help. Cost is therefore at most len(pattern) * len(s) steps and no
// stack, whatever the pattern. Functions are pure and allocate nothing.
package glob
