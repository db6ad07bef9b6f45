// Package redisbench runs the real redis-benchmark, so that figures compare
// with what users measure, and reads its output.
package redisbench
