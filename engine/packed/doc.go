// Package packed keeps a sequence of byte strings in one slice of bytes: the
// form of small collections, and of the blocks of large lists.
//
// # Format
//
//	offset  size  field
//	0       2     number of elements, little endian; 65535: that many or more
//	2       ...   elements
//
// An empty sequence is an empty slice. An element is a tag, what the tag asks
// for, and the number of bytes of both, so that elements can be walked backwards:
//
//	tag           then                      meaning
//	0x00 - 0x7f   tag bytes                 a string of up to 127 bytes
//	0x80 - 0xef                             an integer, tag-0x80
//	0xf0 - 0xf7   tag-0xef bytes            an integer, little endian, signed
//	0xf8          1 byte n, n bytes         a string of up to 255 bytes
//	0xf9          2 bytes n, n bytes        a string of up to 64 KB
//	0xfa          4 bytes n, n bytes        a string of up to 4 GB
//
// The number behind it is written in groups of 7 bits, the least significant
// group last; all groups but the first have the high bit set. Most elements are
// shorter than 128 bytes and need one byte for it.
//
// A string that reads as a 64-bit decimal integer, in the one form that prints
// back to the same bytes, is kept as an integer. So equal strings have equal
// encodings, and a search compares encodings.
//
// The format is portable: values may be written to disk and read elsewhere.
//
// # Garbage
//
// Functions that only read tolerate any bytes: they report failure where the
// bytes make no sense and never read outside the slice. So a value may be looked
// at before it is known to be sound. [Valid] says whether it is sound, and a
// value must be before it is changed.
//
// # Memory
//
// Functions that change a sequence work as append does: in place where the
// slice's capacity allows, else in a new slice; the result is returned. An
// element that is passed in must not lie in the sequence itself. Nothing here
// keeps a slice.
package packed
