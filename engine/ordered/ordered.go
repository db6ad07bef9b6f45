// Package ordered keeps references to keys in byte order of the keys.
//
// An Index is a tidwall/btree whose items hold no pointer: the first eight
// bytes of the key, which decide nearly every comparison without touching the
// key itself, and a reference from which the owner can produce the whole key.
// The garbage collector therefore never looks inside its nodes.
//
// An Index is owned by whoever holds the lock of its shard. Seek takes a
// copy-on-write snapshot in O(1) and walks it without any lock: the owner must
// keep the keys of a snapshot's references readable and unchanged until the
// snapshot is no longer used.
package ordered

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/tidwall/btree"
)

// item is a key in the tree.
type item struct {
	prefix uint64 // first 8 bytes of the key, big-endian, zero-padded
	ref    uint64 // pivotRef: the key is Index.pivot
}

// pivotRef marks the item of a search; no stored key has it.
const pivotRef = ^uint64(0)

// Index is an ordered set of references.
type Index struct {
	tree  *btree.BTreeG[item]
	keyAt func(ref uint64) []byte
	pivot []byte // the key being searched for
}

// New returns an empty index. keyAt returns the key of a stored reference; the
// bytes need to be valid until the next call only.
func New(keyAt func(ref uint64) []byte) *Index {
	x := &Index{keyAt: keyAt}
	x.tree = btree.NewBTreeGOptions(x.less, btree.Options{NoLocks: true})
	return x
}

func prefixOf(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var b [8]byte
	copy(b[:], key)
	return binary.BigEndian.Uint64(b[:])
}

// less orders by key. Equal prefixes do not mean equal keys: "a" and "a\x00"
// share theirs.
func (x *Index) less(a, b item) bool {
	if a.prefix != b.prefix {
		return a.prefix < b.prefix
	}
	if a.ref == b.ref {
		return false
	}
	return bytes.Compare(x.key(a), x.key(b)) < 0
}

func (x *Index) key(it item) []byte {
	if it.ref == pivotRef {
		return x.pivot
	}
	return x.keyAt(it.ref)
}

// Put adds ref, whose key is key, or replaces the reference that stood for
// the same key. The key of the old reference must still be readable.
func (x *Index) Put(key []byte, ref uint64) {
	x.tree.Set(item{prefixOf(key), ref})
}

// Delete removes the reference that stands for key.
func (x *Index) Delete(key []byte) {
	x.pivot = key
	x.tree.Delete(item{prefixOf(key), pivotRef})
	x.pivot = nil
}

// Len returns the number of keys.
func (x *Index) Len() int { return x.tree.Len() }

// Iter walks a snapshot in ascending order.
type Iter struct {
	it btree.IterG[item]
	ok bool
}

// Seek takes a snapshot and returns an iterator at the first key >= start. The
// snapshot needs no release; the memory of its nodes is the collector's.
func (x *Index) Seek(start []byte) *Iter {
	it := &Iter{it: x.tree.Copy().Iter()}
	x.pivot = start
	it.ok = it.it.Seek(item{prefixOf(start), pivotRef})
	x.pivot = nil
	return it
}

// Ref returns the reference the iterator is at; false past the last.
func (it *Iter) Ref() (ref uint64, ok bool) {
	if !it.ok {
		return 0, false
	}
	return it.it.Item().ref, true
}

// Next moves to the next key.
func (it *Iter) Next() { it.ok = it.ok && it.it.Next() }

// Check verifies the order of all keys.
func (x *Index) Check() error {
	var prev []byte
	var err error
	n := 0
	x.tree.Scan(func(it item) bool {
		key := x.keyAt(it.ref)
		if it.prefix != prefixOf(key) {
			err = fmt.Errorf("ordered: key %q has the prefix of another", key)
		} else if n > 0 && bytes.Compare(prev, key) >= 0 {
			err = fmt.Errorf("ordered: key %q comes after %q", key, prev)
		}
		prev = append(prev[:0], key...)
		n++
		return err == nil
	})
	if err == nil && n != x.tree.Len() {
		err = fmt.Errorf("ordered: %d keys, %d counted", n, x.tree.Len())
	}
	return err
}
