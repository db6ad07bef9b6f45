package hpkv

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"hpkv/engine"
	"hpkv/numa"
	"hpkv/server/command"
	"hpkv/server/journal"
)

// DB is an open store, or one database of it. All databases of a store share
// their memory and are closed together.
type DB struct {
	*store
	index int // which database
}

// store is what the databases of a DB share.
type store struct {
	engine  *engine.Engine
	table   *command.Table
	journal *journal.Journal // nil: memory only
	always  bool             // writes wait for the disk

	stopCompacting func()

	lanes  sync.Pool // of *lane
	closed atomic.Bool
}

// lane is an engine.Lane in the pool. The pool keeps one close to each core;
// what it drops is closed by a cleanup.
type lane struct{ *engine.Lane }

// Open returns a store: an empty one, or with Options.Dir what the directory
// holds.
func Open(o Options) (*DB, error) {
	table, err := command.NewTable(command.Data()...)
	if err != nil {
		return nil, fmt.Errorf("hpkv: cannot open: %w", err)
	}
	var plan *numa.Plan
	if topology, err := numa.Detect(); err == nil {
		plan = topology.Plan(numa.PlanOptions{Shards: o.Shards})
	}
	e, err := engine.Open(engine.Options{
		Databases:      o.Databases,
		Shards:         o.Shards,
		Plan:           plan,
		Clock:          o.Clock,
		MaxValueBytes:  o.MaxValueBytes,
		MaxMemoryBytes: o.MaxMemoryBytes,
		OrderedIndex:   o.OrderedIndex,
		Background:     true,
	})
	if err != nil {
		return nil, fmt.Errorf("hpkv: cannot open: %w", err)
	}
	s := &store{engine: e, table: table}
	s.lanes.New = func() any {
		l := &lane{e.NewLane()}
		runtime.AddCleanup(l, (*engine.Lane).Close, l.Lane)
		return l
	}
	if o.Dir != "" {
		if err := s.openLog(&o); err != nil {
			return nil, errors.Join(fmt.Errorf("hpkv: cannot open: %w", err), e.Close())
		}
	}
	return &DB{store: s}, nil
}

// Close writes everything to disk, if the store has a directory, and gives all
// memory back. No other method may be running; those called
// later return ErrClosed.
func (db *DB) Close() error {
	if db.closed.Swap(true) {
		return ErrClosed
	}
	var err error
	if db.journal != nil {
		db.stopCompacting()
		err = db.journal.Close()
	}
	return errors.Join(err, db.engine.Close())
}

// Database returns database number n of the store, 0 to Options.Databases-1.
// Open returns database 0.
func (db *DB) Database(n int) (*DB, error) {
	if n < 0 || n >= db.engine.Databases() {
		return nil, engine.ErrDatabase
	}
	return &DB{store: db.store, index: n}, nil
}

// begin starts a transaction on a lane of its own; end gives the lane back.
func (db *DB) begin() (*lane, *engine.Txn, error) {
	if db.closed.Load() {
		return nil, nil, ErrClosed
	}
	l := db.lanes.Get().(*lane)
	return l, l.Begin(db.index), nil
}

func (db *DB) end(l *lane, t *engine.Txn) {
	t.End()
	db.lanes.Put(l)
}

// Get appends key's value to dst and returns the extended slice. ErrNotFound
// if the key does not exist. Takes no lock. It is not noted as an access, of which
// OBJECT IDLETIME tells.
func (db *DB) Get(dst, key []byte) ([]byte, error) {
	if db.closed.Load() {
		return dst, ErrClosed
	}
	if out, found, ok := db.engine.Peek(db.index, dst, key); found {
		return out, nil
	} else if ok {
		return dst, ErrNotFound
	}
	return db.get(dst, key)
}

func (db *DB) get(dst, key []byte) ([]byte, error) {
	l := db.lanes.Get().(*lane)
	dst, found, err := l.Begin(db.index).Get(dst, key, nil)
	db.lanes.Put(l) // it took no lock: there is nothing to end
	return dst, orNotFound(found, err)
}

func orNotFound(found bool, err error) error {
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

// Exists reports whether key exists.
func (db *DB) Exists(key []byte) (bool, error) {
	l, t, err := db.begin()
	if err != nil {
		return false, err
	}
	defer db.end(l, t)
	return t.Exists(key), nil
}

// Set stores val under key, without expiry, whatever the key held.
func (db *DB) Set(key, val []byte) error {
	_, err := db.set(key, val, engine.SetOptions{})
	return err
}

// SetTTL stores val under key until ttl, of at least a millisecond, has
// passed.
func (db *DB) SetTTL(key, val []byte, ttl time.Duration) (err error) {
	l, t, err := db.beginWriteOf(key)
	if err != nil {
		return err
	}
	defer db.endWrite(l, t, &err)
	_, err = t.Set(key, val, engine.SetOptions{ExpireAtMs: t.Now() + ttl.Milliseconds()})
	return err
}

// SetNX stores val under key if the key does not exist, and reports whether it
// did.
func (db *DB) SetNX(key, val []byte) (bool, error) {
	return db.set(key, val, engine.SetOptions{NX: true})
}

// SetXX stores val under key if the key exists, and reports whether it did.
func (db *DB) SetXX(key, val []byte) (bool, error) {
	return db.set(key, val, engine.SetOptions{XX: true})
}

func (db *DB) set(key, val []byte, o engine.SetOptions) (bool, error) {
	l, t, err := db.beginWriteOf(key)
	if err != nil {
		return false, err
	}
	res, err := t.Set(key, val, o)
	db.endWrite(l, t, &err)
	return res.Set, err
}

// Delete removes key and reports whether it existed.
func (db *DB) Delete(key []byte) (bool, error) {
	l, t, err := db.beginWriteOf(key)
	if err != nil {
		return false, err
	}
	found := t.Delete(key)
	db.endWrite(l, t, &err)
	return found, err
}

// Incr adds delta to the integer under key, 0 if the key does not exist, and
// returns the sum.
func (db *DB) Incr(key []byte, delta int64) (_ int64, err error) {
	l, t, err := db.beginWriteOf(key)
	if err != nil {
		return 0, err
	}
	defer db.endWrite(l, t, &err)
	return t.IncrBy(key, delta)
}

// Append adds val to the end of key's value and returns the new length.
func (db *DB) Append(key, val []byte) (_ int64, err error) {
	l, t, err := db.beginWriteOf(key)
	if err != nil {
		return 0, err
	}
	defer db.endWrite(l, t, &err)
	return t.Append(key, val)
}

// Expire makes key vanish after ttl and reports whether it exists. A ttl of
// zero or less removes it now.
func (db *DB) Expire(key []byte, ttl time.Duration) (_ bool, err error) {
	l, t, err := db.beginWriteOf(key)
	if err != nil {
		return false, err
	}
	defer db.endWrite(l, t, &err)
	return t.ExpireAt(key, t.Now()+ttl.Milliseconds(), 0), nil
}

// Persist removes key's expiry and reports whether it had one.
func (db *DB) Persist(key []byte) (_ bool, err error) {
	l, t, err := db.beginWriteOf(key)
	if err != nil {
		return false, err
	}
	defer db.endWrite(l, t, &err)
	return t.Persist(key), nil
}

// NoTTL is what TTL returns for a key that does not expire.
const NoTTL time.Duration = -1

// TTL returns how long key will live, to the millisecond, or NoTTL.
// ErrNotFound if it does not exist.
func (db *DB) TTL(key []byte) (time.Duration, error) {
	l, t, err := db.begin()
	if err != nil {
		return 0, err
	}
	defer db.end(l, t)
	switch at, state := t.ExpireTime(key); state {
	case engine.Missing:
		return 0, ErrNotFound
	case engine.Persistent:
		return NoTTL, nil
	default:
		return time.Duration(at-t.Now()) * time.Millisecond, nil
	}
}

// Len returns the number of keys, including expired ones that were not removed
// yet.
func (db *DB) Len() (int, error) {
	l, t, err := db.begin()
	if err != nil {
		return 0, err
	}
	defer db.end(l, t)
	return t.DBSize(), nil
}

// Flush removes all keys of this database at once.
func (db *DB) Flush() (err error) {
	l, t, err := db.beginWrite()
	if err != nil {
		return err
	}
	defer db.endWrite(l, t, &err)
	t.FlushDB(true)
	return nil
}

// Check verifies the store's internal invariants. It stops all work and walks
// all data.
func (db *DB) Check() error {
	if db.closed.Load() {
		return ErrClosed
	}
	return db.engine.Check()
}
