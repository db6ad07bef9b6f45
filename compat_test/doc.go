// Package compat is the black-box suite: it starts the server under test and a
// real redis-server with the same options, plays the same commands on both and
// compares the replies byte for byte, in RESP2 and in RESP3.
//
// # What is compared
//
// The suite has no expected output of its own. The reference server gives it,
// so a case is only a list of commands. Whatever may differ is named: a
// Relaxation (relax.go) says how two replies are compared instead and why, and
// a Difference says where Redis 7.2, which is what we claim to be, answers
// otherwise than the installed reference (usually 7.0). A reply that is neither
// relaxed nor a named difference must be equal to the last byte.
//
// # Case files
//
// testdata/*.txt hold the hand-written cases: one command on a line, quoted as
// in redis-cli, "#" comments, "== name" to begin a case, and directives that
// begin with "!". script.go documents them all. A case starts with an empty
// keyspace and its own connections; after it the whole keyspace of both servers
// is compared as well.
//
// # Fuzzing
//
// grammar.go has one row per command family member; fuzz.go generates sequences
// from them, and shrink.go reduces a sequence that makes the servers differ to a
// short script in the format of the case files.
//
// # Which binaries
//
// HPKV_SERVER names the binary under test (default: hpkv/cmd/hpkv-server, built
// once per test run). It may name a second redis-server: every case must pass
// then too, which is how the suite proves itself. HPKV_SERVER_OPTIONS are added to
// each start of the binary under test. HPKV_REFERENCE names the
// reference (default: redis-server from PATH). Without a reference the
// comparing tests skip, except when CI=true, where they fail.
//
// # Ownership
//
// A Pair and its connections belong to one test at a time: the cases run one
// after the other because they share the keyspace. Nothing here is safe for
// concurrent use unless it says so.
//
// The directory is called compat_test; the package cannot be, since Go keeps
// that suffix for test packages.
package compat
