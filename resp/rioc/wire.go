package rioc

import "encoding/binary"

// Magic and Version begin every batch. They are part of the wire format.
const (
	Magic   = 0x524F4943
	Version = 2
)

// Limits of the protocol.
const (
	MaxOps        = 128
	MaxKey        = 512
	MaxValue      = 102_400
	MaxRangeBytes = 1_024_000 // the entries of a range answer take fewer bytes

	HeaderBytes = 12 // of a batch
	OpBytes     = 16 // of an operation without key and value
	AnswerBytes = 8  // of an answer without body
)

// Command says what an operation does.
type Command uint16

// Commands. The numbers are part of the wire format.
const (
	Get    Command = 1
	Put    Command = 2 // insert or replace
	Delete Command = 3
	Update Command = 4 // merge into a JSON object, or append
	Range  Command = 6
	Add    Command = 7 // to a number in decimal text
)

// Status is how an operation ended.
type Status int32

// Statuses. The numbers are part of the wire format.
const (
	OK           Status = 0
	ErrInvalid   Status = -1 // empty or oversized key or value, not a number
	ErrNoMemory  Status = -2
	ErrIO        Status = -3 // a write while the log cannot be written
	ErrProtocol  Status = -4 // unknown command
	ErrDevice    Status = -5 // for other servers: this one has no device
	ErrNotFound  Status = -6
	ErrBusy      Status = -7 // the data are not there yet, or clients are not served now
	ErrOverflow  Status = -8 // a range too large for an answer
	ErrStaleTime Status = -17
)

var statusTexts = map[Status]string{
	OK:           "success",
	ErrInvalid:   "invalid parameter",
	ErrNoMemory:  "out of memory",
	ErrIO:        "I/O error",
	ErrProtocol:  "protocol error",
	ErrDevice:    "device error",
	ErrNotFound:  "not found",
	ErrBusy:      "busy",
	ErrOverflow:  "answer too large",
	ErrStaleTime: "a newer value exists",
}

// Error returns the status in words: a status other than OK is an error.
func (s Status) Error() string {
	if text, ok := statusTexts[s]; ok {
		return "rioc: " + text
	}
	return "rioc: unknown error"
}

// Op is one operation. Value is the end key of a Range and unused by Get, Delete
// and Add.
type Op struct {
	Command   Command
	Key       []byte
	Value     []byte
	Delta     int64 // of Add
	Timestamp uint64
}

// AppendBatch appends a request with the operations, 1 to MaxOps, to dst.
func AppendBatch(dst []byte, ops []Op) []byte {
	const pipelined = 2 | 4 // what HPKV's own clients send
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, Magic)
	dst = le.AppendUint16(dst, Version)
	dst = le.AppendUint16(dst, uint16(len(ops)))
	dst = le.AppendUint32(dst, pipelined)
	for i := range ops {
		op := &ops[i]
		n := len(op.Value)
		switch op.Command {
		case Add:
			n = 8
		case Get, Delete:
			n = 0
		}
		dst = le.AppendUint16(dst, uint16(op.Command))
		dst = le.AppendUint16(dst, uint16(len(op.Key)))
		dst = le.AppendUint32(dst, uint32(n))
		dst = le.AppendUint64(dst, op.Timestamp)
		dst = append(dst, op.Key...)
		if op.Command == Add {
			dst = le.AppendUint64(dst, uint64(op.Delta))
		} else {
			dst = append(dst, op.Value[:n]...)
		}
	}
	return dst
}

// ParseHeader reads a batch header. ops is 0 while b is too short for one; ok is
// false if b cannot be the beginning of a batch.
func ParseHeader(b []byte) (ops int, ok bool) {
	le := binary.LittleEndian
	if len(b) < HeaderBytes {
		return 0, true
	}
	n := int(le.Uint16(b[6:]))
	if le.Uint32(b) != Magic || le.Uint16(b[4:]) != Version || n < 1 || n > MaxOps {
		return 0, false
	}
	return n, true
}

// ParseOp reads the operation at the start of b. Its key and value are parts of
// b; the Delta of an Add is left to the caller to check and set (see AddDelta).
// need is the size of the operation as far as b tells: if it is larger than b,
// op is not valid yet, and its lengths may be (see Oversized).
func ParseOp(b []byte, op *Op) (need int) {
	if len(b) < OpBytes {
		return OpBytes
	}
	le := binary.LittleEndian
	k, v := int(le.Uint16(b[2:])), int64(le.Uint32(b[4:]))
	if k > MaxKey || v > MaxValue {
		return Oversized
	}
	need = OpBytes + k + int(v)
	if len(b) < need {
		return need
	}
	*op = Op{
		Command:   Command(le.Uint16(b)),
		Key:       b[OpBytes : OpBytes+k : OpBytes+k],
		Value:     b[OpBytes+k : need : need],
		Timestamp: le.Uint64(b[8:]),
	}
	return need
}

// Oversized is the size ParseOp gives for an operation with a key or value
// beyond the protocol's limits: whatever follows it cannot be found.
const Oversized = -1

// AddDelta returns the number that the value of an Add stands for.
func AddDelta(value []byte) (delta int64, ok bool) {
	if len(value) != 8 {
		return 0, false
	}
	return int64(binary.LittleEndian.Uint64(value)), true
}

// AppendAnswer appends an answer without its body.
func AppendAnswer(dst []byte, s Status, n int) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(s))
	return binary.LittleEndian.AppendUint32(dst, uint32(n))
}

// AppendNumber appends the answer to an Add.
func AppendNumber(dst []byte, n int64) []byte {
	return binary.LittleEndian.AppendUint64(AppendAnswer(dst, OK, 8), uint64(n))
}

// AppendEntry appends an entry of a range.
func AppendEntry(dst, key, val []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(key)))
	dst = append(dst, key...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(val)))
	return append(dst, val...)
}

// EntryBytes is the size of an entry of a range.
func EntryBytes(key, val []byte) int { return 2 + len(key) + 8 + len(val) }

// SetAnswer overwrites the status and number of the answer at b.
func SetAnswer(b []byte, s Status, n int) {
	binary.LittleEndian.PutUint32(b, uint32(s))
	binary.LittleEndian.PutUint32(b[4:], uint32(n))
}
