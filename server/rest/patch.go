package rest

import (
	"bytes"

	"hpkv/engine"
)

// PatchOptions of Patch.
type PatchOptions struct {
	MaxBytes     int64 // of the result
	EmptyRemoves bool  // see merge
	Announce     bool  // listeners to changes get the patch, not the result

	// Guard, if set, is asked once the key is held whether it may be changed, and
	// Done is told when it was.
	Guard func() error
	Done  func()
}

// optimisticMerges is how often a partial update computes its result without
// holding the key; then it does hold it, since others are faster.
const optimisticMerges = 3

// Patch stores under key, in database 0, what a partial update makes of its
// present value and val: two JSON objects are merged, anything else is
// concatenated, and an absent key gets val as it is. An expiry stays. It is one
// step: the value is compared under the lock with the one that was merged.
// engine.ErrWrongType if the key holds no string, ErrTooLarge, ErrNoMemory, with
// nothing changed.
func Patch(l *engine.Lane, key, val []byte, o PatchOptions) error {
	for try := 0; ; try++ {
		if done, err := tryPatch(l, key, val, &o, try == optimisticMerges); done {
			return err
		}
	}
}

func tryPatch(l *engine.Lane, key, val []byte, o *PatchOptions, hold bool) (done bool, err error) {
	keys := [][]byte{key}
	t := l.Begin(0)
	if hold {
		t.LockKeys(keys, 0, 0, 1)
	}
	old, found, err := t.Get(nil, key, nil)
	if err != nil {
		t.End()
		return true, err
	}
	result := val
	if found {
		result = merge(old, val, o.EmptyRemoves)
	}
	if !hold {
		t = l.Begin(0)
		t.LockKeys(keys, 0, 0, 1)
	}
	defer t.End()
	if o.Guard != nil {
		if err := o.Guard(); err != nil {
			return true, err
		}
	}
	if int64(len(result)) > o.MaxBytes {
		return true, engine.ErrTooLarge
	}
	if !hold {
		now, still, err := t.Get(nil, key, nil)
		if err != nil || still != found || !bytes.Equal(now, old) {
			return false, nil
		}
	}
	if t.Engine().Full() {
		return true, engine.ErrNoMemory
	}
	if o.Announce {
		t.Announce(val)
	}
	_, err = t.Set(key, result, engine.SetOptions{KeepTTL: true})
	if err == nil && o.Done != nil {
		o.Done()
	}
	return true, err
}
