package engine

import "sync/atomic"

// watchKey names a key that somebody watches.
type watchKey struct {
	db  int
	key string
}

// watched is the state of one watched key, owned by its shard but for changes.
type watched struct {
	changes atomic.Uint64
	refs    int
}

// Watch tells whether a key changed since it was made. Nobody pays for it
// but the writers of shards that have watched keys: records carry no version.
type Watch struct {
	s        *shard
	name     watchKey
	state    *watched
	seen     uint64
	expireAt int64
}

// Watch starts watching key. Release the Watch when done with it.
func (t *Txn) Watch(key []byte) *Watch {
	var n entry
	s := t.open(key, &n)
	defer t.leave(s)
	name := watchKey{t.db, string(key)}
	state := s.watches[name]
	if state == nil {
		state = new(watched)
		s.watches[name] = state
	}
	state.refs++
	return &Watch{s: s, name: name, state: state, seen: state.changes.Load(), expireAt: n.expireAt()}
}

// Changed reports whether the key was written, deleted or expired since Watch.
// To act on the answer, hold the key's shard.
func (w *Watch) Changed(nowMs int64) bool {
	return w.state.changes.Load() != w.seen || w.expireAt != 0 && w.expireAt <= nowMs
}

// DB returns the database of the watched key.
func (w *Watch) DB() int { return w.name.db }

// Key returns the watched key.
func (w *Watch) Key() string { return w.name.key }

// Release ends the watch. It must not be called while the lane's transaction
// holds the key's shard.
func (w *Watch) Release() {
	w.s.mu.lock()
	defer w.s.mu.unlock()
	w.release()
}

// release is Release. REQUIRES: the key's shard is locked.
func (w *Watch) release() {
	if w.state.refs--; w.state.refs == 0 {
		delete(w.s.watches, w.name)
	}
}

// touchWatched marks the key an effect changes, if it is watched. REQUIRES:
// s.mu.
func (s *shard) touchWatched(ef *Effect) {
	if w := s.watches[watchKey{ef.DB, string(ef.Key)}]; w != nil {
		w.changes.Add(1)
	}
}

// touchAll marks the watched keys of db that exist in it or in other, the
// database it is about to be exchanged with or db itself. REQUIRES: s.mu.
func (s *shard) touchAll(db, other int) {
	for name, w := range s.watches {
		if name.db != db {
			continue
		}
		key := []byte(name.key)
		var here, there entry
		s.find(db, hashKey(key), key, &here)
		s.find(other, hashKey(key), key, &there)
		if here.found() || there.found() {
			w.changes.Add(1)
		}
	}
}
