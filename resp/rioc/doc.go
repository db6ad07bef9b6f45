// Package rioc is HPKV's binary protocol for batches of operations, version 2:
// its wire format, and a client.
//
// # Requests
//
// All integers are little-endian and nothing is padded. A request is a batch
// header and as many operations as it says:
//
//	offset  size  batch header
//	0       4     magic 0x524F4943
//	4       2     version, 2
//	6       2     operations, 1 to 128
//	8       4     flags, which a server ignores
//
//	offset  size  operation
//	0       2     command
//	2       2     length of the key
//	4       4     length of the value
//	8       8     timestamp, which a server may ignore
//	16            the key, then the value
//
// The value of a range is its end key, that of an atomic addition a signed
// number of 8 bytes.
//
// # Answers
//
// Each operation is answered, in order, by 8 bytes and perhaps a body; there is
// no header for the batch:
//
//	offset  size  answer
//	0       4     status: 0, or a negative code
//	4       4     length of the body; for a range the number of its entries
//
// Only get, range and atomic addition have a body, and only if the status is 0:
// clients rely on the length being 0 otherwise. An entry of a range is a key
// length of 2 bytes, the key, a value length of 8 bytes, the value.
//
// # Limits
//
// A key has 1 to 512 bytes, a value 1 to 102,400. The entries of a range take
// less than 1,024,000 bytes: HPKV's C client reads them into a buffer of that
// size, unchecked.
package rioc
