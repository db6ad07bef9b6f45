// Package workload is the table of what the benchmark sends.
//
// A row is a command template in redis-benchmark's own notation, plus what
// must exist before it makes sense. Both load generators run the same rows:
// redis-benchmark as a custom command line, our own generator after Compile.
// The first group of rows sends exactly what redis-benchmark's -t option of
// the same name sends, so figures compare with what users measure.
//
// A new command family is a new row; nothing else changes. A server that
// answers "unknown command" skips the row.
package workload
