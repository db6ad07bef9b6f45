package engine

// Operations whose bodies are being written.

func pending() { panic("engine: operation not finished") }

type Clock interface{ NowMs() int64 }
type Journal interface{}
type Events interface{}
type Engine struct{}
type Lane struct{}
type Txn struct{}
type Watch struct{}

func Open(o Options) (*Engine, error) { pending(); return nil, nil }
func (e *Engine) Close() error        { pending(); return nil }
func (e *Engine) Check() error        { pending(); return nil }
func (e *Engine) NewLane() *Lane      { pending(); return nil }
func (l *Lane) Close()                { pending() }
func (l *Lane) Begin(db int) *Txn     { pending(); return nil }

func (t *Txn) LockKeys(args [][]byte, first, last, step int) { pending() }
func (t *Txn) LockAll()                                      { pending() }
func (t *Txn) End()                                          { pending() }
func (t *Txn) Now() int64                                    { pending(); return 0 }
func (t *Txn) DB() int                                       { pending(); return 0 }
func (t *Txn) SetDB(db int)                                  { pending() }

func (t *Txn) Exists(key []byte) bool                                { pending(); return false }
func (t *Txn) ExistsMany(keys [][]byte) int                          { pending(); return 0 }
func (t *Txn) Touch(key []byte) bool                                 { pending(); return false }
func (t *Txn) Delete(key []byte) bool                                { pending(); return false }
func (t *Txn) Unlink(key []byte) bool                                { pending(); return false }
func (t *Txn) Type(key []byte) Type                                  { pending(); return 0 }
func (t *Txn) Encoding(key []byte) (string, bool)                    { pending(); return "", false }
func (t *Txn) IdleSeconds(key []byte) (int64, bool)                  { pending(); return 0, false }
func (t *Txn) MemoryUsage(key []byte) (int64, bool)                  { pending(); return 0, false }
func (t *Txn) ExpireTime(key []byte) (int64, TTLState)               { pending(); return 0, 0 }
func (t *Txn) ExpireAt(key []byte, atMs int64, cond ExpireCond) bool { pending(); return false }
func (t *Txn) Persist(key []byte) bool                               { pending(); return false }
func (t *Txn) Rename(src, dst []byte, nx bool) (bool, error)         { pending(); return false, nil }
func (t *Txn) Copy(src, dst []byte, dstDB int, replace bool) (bool, error) {
	pending()
	return false, nil
}
func (t *Txn) Move(key []byte, dstDB int) (bool, error) { pending(); return false, nil }
func (t *Txn) RandomKey(dst []byte) ([]byte, bool)      { pending(); return nil, false }
func (t *Txn) Scan(cursor uint64, count int, visit func(key []byte, typ Type)) uint64 {
	pending()
	return 0
}
func (t *Txn) Keys(visit func(key []byte)) { pending() }
func (t *Txn) DBSize() int                 { pending(); return 0 }
func (t *Txn) FlushDB(async bool)          { pending() }
func (t *Txn) FlushAll(async bool)         { pending() }
func (t *Txn) SwapDB(a, b int) error       { pending(); return nil }

func (t *Txn) Get(dst, key []byte, head Head) ([]byte, bool, error) {
	pending()
	return nil, false, nil
}
func (t *Txn) MGet(keys [][]byte, visit func(i int, val []byte, ok bool)) { pending() }
func (t *Txn) Set(key, val []byte, o SetOptions) (SetResult, error) {
	pending()
	return SetResult{}, nil
}
func (t *Txn) GetDel(dst, key []byte, head Head) ([]byte, bool, error) {
	pending()
	return nil, false, nil
}
func (t *Txn) GetEx(dst, key []byte, head Head, o GetExOptions) ([]byte, bool, error) {
	pending()
	return nil, false, nil
}
func (t *Txn) Append(key, val []byte) (int64, error) { pending(); return 0, nil }
func (t *Txn) StrLen(key []byte) (int64, error)      { pending(); return 0, nil }
func (t *Txn) GetRange(dst, key []byte, start, end int64, head Head) ([]byte, bool, error) {
	pending()
	return nil, false, nil
}
func (t *Txn) SetRange(key []byte, off int64, val []byte) (int64, error) { pending(); return 0, nil }
func (t *Txn) IncrBy(key []byte, delta int64) (int64, error)             { pending(); return 0, nil }
func (t *Txn) IncrByFloat(dst, key, delta []byte) ([]byte, error)        { pending(); return nil, nil }
func (t *Txn) MSet(pairs [][]byte) error                                 { pending(); return nil }
func (t *Txn) MSetNX(pairs [][]byte) (bool, error)                       { pending(); return false, nil }
func (t *Txn) Watch(key []byte) *Watch                                   { pending(); return nil }
func (w *Watch) Changed() bool                                           { pending(); return false }
func (w *Watch) Release()                                                { pending() }
func (t *Txn) Prefetch(keys [][]byte)                                    { pending() }
