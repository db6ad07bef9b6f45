package store

import (
	"errors"

	"hpkv"
)

// library is hpkv without a server. An unexpected error is a defect and ends
// the measurement.
type library struct{ db *hpkv.DB }

func openHpkv(int) (Store, error) {
	db, err := hpkv.Open(hpkv.Options{})
	if err != nil {
		return nil, err
	}
	return library{db}, nil
}

func (l library) Get(dst []byte, key Key) ([]byte, bool) {
	dst, err := l.db.Get(dst, key.Bytes)
	if err == nil {
		return dst, true
	}
	if !errors.Is(err, hpkv.ErrNotFound) {
		panic(err)
	}
	return dst, false
}

func (l library) Set(key Key, value []byte) { must(l.db.Set(key.Bytes, value)) }

func (l library) Delete(key Key) bool {
	deleted, err := l.db.Delete(key.Bytes)
	must(err)
	return deleted
}

func (l library) Len() int {
	n, err := l.db.Len()
	must(err)
	return n
}

func (l library) Close() error { return l.db.Close() }

func (l library) NewMany() Many { return &libraryMany{db: l.db} }

type libraryMany struct {
	db     *hpkv.DB
	values hpkv.Values
}

func (m *libraryMany) Get(keys Batch) (found, bytes int) {
	must(m.db.GetMany(keys.Bytes, &m.values))
	for i := range m.values.Len() {
		if value, ok := m.values.At(i); ok {
			found++
			bytes += len(value)
		}
	}
	return found, bytes
}

func (m *libraryMany) Set(keys Batch, values [][]byte) { must(m.db.SetMany(keys.Bytes, values)) }

func (m *libraryMany) Delete(keys Batch) int {
	n, err := m.db.DeleteMany(keys.Bytes)
	must(err)
	return n
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
