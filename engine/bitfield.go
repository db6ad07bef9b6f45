package engine

import "hpkv/engine/bits"

// FieldOpKind is what a FieldOp does.
type FieldOpKind uint8

const (
	FieldGet  FieldOpKind = iota // result: the field's value
	FieldSet                     // store Value; result: the value before
	FieldIncr                    // add Value; result: the sum
)

// FieldOp is one step of BitField: an integer of form Field at bit Offset.
type FieldOp struct {
	Kind     FieldOpKind
	Field    bits.Field
	Offset   int64
	Value    int64
	Overflow bits.Overflow

	// Set by BitField. Done is false if the value did not fit and Overflow is
	// Fail: then the step did nothing.
	Result int64
	Done   bool
}

// last is the last bit the step touches.
func (o *FieldOp) last() int64 { return o.Offset + int64(o.Field.Width) - 1 }

// BitField runs the steps in order, all of them or none. If one of them may
// write, the value is extended to the last bit that one may write.
func (t *Txn) BitField(key []byte, ops []FieldOp) error {
	w, err := t.fieldWindow(ops)
	if err != nil {
		return err
	}
	if w.empty() {
		return t.readString(key, func(val []byte) {
			for i := range ops {
				ops[i].Result, ops[i].Done = ops[i].Field.Get(val, ops[i].Offset), true
			}
		})
	}
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	if n.found() {
		if !isString(n.hdr) {
			return ErrWrongType
		}
		w.value = n.value()
	}
	w.load(t)
	changed, ev := w.end() > int64(len(w.value)), EventNone
	for i := range ops {
		changed = w.run(&ops[i]) || changed
		if ops[i].Kind != FieldGet && ops[i].Done {
			ev = EventSetBit
		}
	}
	created := !n.found()
	if err = t.editBits(s, &n, key, w.start, w.bytes, changed, ev); err == nil && created && ev == EventNone {
		t.raise(t.db, EventNew, key) // all that is heard of steps that only extend the value and fail, as from Redis
	}
	return err
}

// fieldWindow is the part of a value that a BitField may write, as a copy that
// becomes one effect when all steps are done.
type fieldWindow struct {
	value []byte // the value before
	start int64  // first byte of the window
	size  int64
	bytes []byte
}

func (w *fieldWindow) empty() bool { return w.size == 0 }
func (w *fieldWindow) end() int64  { return w.start + w.size }

func (t *Txn) fieldWindow(ops []FieldOp) (w fieldWindow, err error) {
	first, last := int64(-1), int64(-1)
	for i := range ops {
		o := &ops[i]
		if o.Offset < 0 || o.last() < 0 {
			return w, ErrOffset
		}
		if o.Kind != FieldGet {
			if first < 0 || o.Offset < first {
				first = o.Offset
			}
			last = max(last, o.last())
		}
	}
	if first < 0 {
		return w, nil
	}
	if last>>3 >= t.e.maxValue.Load() {
		return w, ErrOffset
	}
	w.start, w.size = first>>3, last>>3-first>>3+1
	return w, nil
}

// load fills the window from the value.
func (w *fieldWindow) load(t *Txn) {
	w.bytes = t.scratch(int(w.size))
	n := 0
	if w.start < int64(len(w.value)) {
		n = copy(w.bytes, w.value[w.start:])
	}
	clear(w.bytes[n:])
}

// run carries one step out and reports whether it changed anything.
func (w *fieldWindow) run(o *FieldOp) (changed bool) {
	old := w.get(o)
	o.Result, o.Done = old, true
	v := old
	switch o.Kind {
	case FieldGet:
		return false
	case FieldSet:
		v, o.Done = o.Field.Fit(o.Value, o.Overflow)
	case FieldIncr:
		v, o.Done = o.Field.Add(old, o.Value, o.Overflow)
		o.Result = v
	}
	if !o.Done || v == old {
		return false
	}
	o.Field.Put(w.bytes, o.Offset-w.start*8, v)
	return true
}

// get reads a field that may lie inside the window, outside, or across its
// edge.
func (w *fieldWindow) get(o *FieldOp) int64 {
	var b [9]byte // a field of 64 bits touches at most nine bytes
	from := o.Offset >> 3
	for i := range b {
		at := from + int64(i)
		switch {
		case at >= w.start && at < w.end():
			b[i] = w.bytes[at-w.start]
		case at < int64(len(w.value)):
			b[i] = w.value[at]
		}
	}
	return o.Field.Get(b[:], o.Offset&7)
}
