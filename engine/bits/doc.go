// Package bits treats byte strings as arrays of bits, numbered as Redis does:
// bit 0 is the most significant bit of byte 0. It counts, finds, combines and
// reads and writes integers of any width at any position.
//
// Functions are pure: they keep nothing, allocate nothing and write only to
// the slice they are told to. Offsets and lengths in bits are int64, so that
// they cannot overflow for any slice. A position beyond the slice is a
// programming error where it would be written to, and reads as zero otherwise.
package bits
