package store

// Key is one key in both forms.
type Key struct {
	Bytes []byte
	Text  string
}

// Batch is several keys in both forms.
type Batch struct {
	Bytes [][]byte
	Text  []string
}

// Store is what is measured. All methods may be called from several
// goroutines.
type Store interface {
	// Get appends the value to dst; false if there is none.
	Get(dst []byte, key Key) ([]byte, bool)
	Set(key Key, value []byte)
	// Delete tells whether there was a value.
	Delete(key Key) bool

	// NewMany returns the batch operations for one goroutine.
	NewMany() Many

	// Len is the number of keys, for checks between measurements.
	Len() int
	Close() error
}

// Many is a store's batch operations. Those that have none loop.
type Many interface {
	// Get reads all keys and returns how many there were and the sum of their
	// lengths. The values are the caller's until the next call.
	Get(keys Batch) (found, bytes int)
	Set(keys Batch, values [][]byte)
	// Delete returns how many there were.
	Delete(keys Batch) int
}

// Maker opens an empty store that will hold about n keys.
type Maker struct {
	Name string
	Open func(n int) (Store, error)
}

// Makers lists the stores; the first is ours.
func Makers() []Maker {
	return []Maker{
		{"hpkv", openHpkv},
		{"sharded map", openSharded},
		{"sync.Map", openSyncMap},
		{"otter v2", openOtter},
	}
}

// loop is Many for stores without batch operations.
type loop struct {
	store Store
	buf   []byte
}

func (l *loop) Get(keys Batch) (found, bytes int) {
	l.buf = l.buf[:0]
	for i, key := range keys.Bytes {
		var ok bool
		if l.buf, ok = l.store.Get(l.buf, Key{key, keys.Text[i]}); ok {
			found++
		}
	}
	return found, len(l.buf)
}

func (l *loop) Set(keys Batch, values [][]byte) {
	for i, key := range keys.Bytes {
		l.store.Set(Key{key, keys.Text[i]}, values[i])
	}
}

func (l *loop) Delete(keys Batch) int {
	n := 0
	for i, key := range keys.Bytes {
		if l.store.Delete(Key{key, keys.Text[i]}) {
			n++
		}
	}
	return n
}
