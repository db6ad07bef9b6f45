// Package resp is hpkv's side of the Redis serialization protocol (RESP):
//
//   - Parser reads the commands of a client, RESP arrays and inline ones, with
//     Redis' rules, limits and error texts;
//   - Args reads the arguments of one command; ParseInt64, ParseFloat and their
//     kin accept exactly what Redis accepts as a number;
//   - Writer builds replies in RESP2 and RESP3 without its callers asking which;
//   - errors.go and errortext.go hold the texts of error replies;
//   - Value is a recorded reply, Client a small synchronous client.
//
// It knows bytes only: no sockets but Client's, no commands, none of our packages.
//
// # Reading commands
//
// A driver keeps one Parser and one buffer for each connection and calls Next
// until it needs more bytes:
//
//	for len(buf) > 0 {
//		args, n, err := p.Next(args[:0], buf)
//		if err != nil { reply err.Error(), close }
//		if n == 0 { break } // read more behind buf
//		buf = buf[n:]
//		if len(args) > 0 { execute args }
//	}
//
// The arguments are slices of buf: they live until buf changes. While a command is
// incomplete the Parser keeps offsets, not slices, so the buffer may move and grow;
// and it never examines bytes twice, so a command of a million arguments or one of
// 512 MB costs the same whether it arrives at once or in pieces. What it allocates
// grows with what has arrived, never with what was announced: at most 16 bytes for
// each argument pending and 24 for each argument returned. Need tells the driver
// what was announced.
//
// What a stream means does not depend on the pieces in which it arrives. In one
// place this makes us stricter than Redis, which looks for lines over 64 KB only
// when a read returns: we refuse each of them.
//
// # Ours and redcon's
//
// redcon.ReadNextCommand was measured first. It knows no limits, takes a leading
// '$' for Tile38's protocol, accepts leading zeros and signs in lengths, splits
// inline commands unlike Redis (and allocates for each word), panics at some
// negative lengths, and starts from the beginning when a command was incomplete.
// It is also slower, even where it does the right thing. Nanoseconds for one
// command, no allocations in either (BenchmarkParse, one run on a quiet machine
// of two cores, Xeon model 167; keys and values of 16 bytes, 1, 16 and 64
// commands in the buffer; on busy machines both get slower, Parser stays ahead):
//
//	            SET 1   16   64     GET 1   16   64
//	Parser       13.9 14.5 14.5      11.1 10.8 10.7
//	redcon       26.8 30.2 26.0      19.5 19.3 19.6
//
// So the parser is ours and redcon's is its oracle in FuzzParser. From redcon we
// use AppendInt and AppendArray; bulks, which every reply to a GET needs, are
// appended by our own code (BenchmarkWriter/Bulk16: 21 ns, redcon 32 ns, medians
// of 6 runs on a busy machine), and RESP3 is ours.
//
// # Replies
//
// A Writer owns its slice until the caller takes it by Bytes or Buffer; it copies
// what it is given and allocates only to grow. An aggregate whose length is known
// late is opened by BeginArray and closed by EndArray, EndMap or EndSet.
//
// Doubles are printed as Redis 7.2 does (see AppendDouble). Redis 7.0 printed 17
// digits instead.
//
// No type of this package may be used by two goroutines at once.
package resp
