package engine

import (
	"errors"

	"hpkv/engine/hll"
)

// Errors of operations. None carries wire text: package command maps them.
var (
	// ErrWrongType: the key holds a value of another type than the operation
	// works on. Nothing was changed.
	ErrWrongType = errors.New("engine: the key holds another type of value")
	// ErrNoSuchKey: the operation needs the key to exist.
	ErrNoSuchKey = errors.New("engine: no such key")
	// ErrNotInteger: the value is not a 64-bit decimal integer.
	ErrNotInteger = errors.New("engine: the value is not an integer")
	// ErrHashNotInteger: the value of a hash's field is not a 64-bit decimal
	// integer.
	ErrHashNotInteger = errors.New("engine: the hash value is not an integer")
	// ErrHashNotFloat: the value of a hash's field is not a number.
	ErrHashNotFloat = errors.New("engine: the hash value is not a float")
	// ErrNotFloat: the value is not a number.
	ErrNotFloat = errors.New("engine: the value is not a float")
	// ErrOverflow: the result of an increment does not fit 64 bits.
	ErrOverflow = errors.New("engine: increment would overflow")
	// ErrNotFinite: the result of an increment would be infinite or not a number.
	ErrNotFinite = errors.New("engine: increment would give NaN or infinity")
	// ErrNaN: the resulting score is not a number.
	ErrNaN = errors.New("engine: the score would be NaN")
	// ErrTooLarge: the value would exceed Options.MaxValueBytes. Checked before
	// any memory is taken.
	ErrTooLarge = errors.New("engine: value exceeds the maximum size")
	// ErrOffset: a negative or too large offset into a value.
	ErrOffset = errors.New("engine: offset is out of range")
	// ErrNoMemory: the memory limit, or the machine, has no room. Nothing was
	// changed.
	ErrNoMemory = errors.New("engine: out of memory")
	// ErrIndex: the list has no element at that index.
	ErrIndex = errors.New("engine: index is out of range")
	// ErrDatabase: a database index outside 0..Databases-1.
	ErrDatabase = errors.New("engine: database index is out of range")
	// ErrSameKey: source and destination are the same.
	ErrSameKey = errors.New("engine: source and destination are the same")
	// ErrNotHLL: the string is no HyperLogLog.
	ErrNotHLL = hll.ErrNotHLL
	// ErrCorruptHLL: the string looks like a HyperLogLog, but is not sound.
	ErrCorruptHLL = hll.ErrCorrupt
	// ErrDenseHLL: the operation is for sparse HyperLogLogs.
	ErrDenseHLL = errors.New("engine: the HyperLogLog is dense")
	// ErrNoCapture: no capture of the shard is under way, or no journal takes it.
	ErrNoCapture = errors.New("engine: no capture is under way")
	// ErrClosed: the engine was closed.
	ErrClosed = errors.New("engine: closed")
)
