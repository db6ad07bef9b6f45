package rest

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash/maphash"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"

	"hpkv/server/certs"
	"hpkv/server/config"
)

// apiKey is a credential and what it allows. Immutable but for its limiter.
type apiKey struct {
	text     []byte
	id       string // names the key in tokens without giving it away
	secret   [32]byte
	prefix   string
	readOnly bool
	limiter  atomic.Pointer[rate.Limiter] // nil: no request was limited yet
}

func newAPIKey(k config.APIKey) *apiKey {
	id := sha256.Sum256([]byte("hpkv key id\x00" + k.Key))
	return &apiKey{
		text:     []byte(k.Key),
		id:       base64.RawURLEncoding.EncodeToString(id[:9]),
		secret:   sha256.Sum256([]byte("hpkv token\x00" + k.Key)),
		prefix:   k.Prefix,
		readOnly: k.ReadOnly,
	}
}

// allow takes one request from the key's budget.
func (k *apiKey) allow(perSecond int64) bool {
	if perSecond == 0 {
		return true
	}
	l := k.limiter.Load()
	if l == nil || l.Limit() != rate.Limit(perSecond) { // the setting has changed
		fresh := rate.NewLimiter(rate.Limit(perSecond), int(perSecond))
		if k.limiter.CompareAndSwap(l, fresh) {
			l = fresh
		} else {
			l = k.limiter.Load()
		}
	}
	return l.Allow()
}

// keyring knows the API keys of the settings and of the file.
//
// Keys are found by a hash with a secret seed, so how long a look-up takes tells
// nothing about the keys: nobody can steer the hash of a guess towards that of a
// key. What is found is compared in constant time.
type keyring struct {
	cfg  *config.Config
	seed maphash.Seed

	mu     sync.RWMutex
	byHash map[uint64]*apiKey
	ids    map[string]*apiKey
	file   certs.FileState // of the key file when it was read
}

func (r *keyring) load() error {
	list := r.cfg.RestAPIKeys.Load()
	var state certs.FileState
	if path := r.cfg.RestAPIKeyFile.Load(); path != "" {
		state = certs.StateOf(path)
		more, err := readKeyFile(path)
		if err != nil {
			return err
		}
		list = append(append([]config.APIKey(nil), list...), more...)
	}
	ids := make(map[string]*apiKey)
	for _, k := range list {
		key := newAPIKey(k)
		ids[key.id] = key
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for ok := false; !ok; { // two keys of one hash would hide each other
		r.seed, r.byHash = maphash.MakeSeed(), make(map[uint64]*apiKey)
		for _, key := range ids {
			r.byHash[maphash.Bytes(r.seed, key.text)] = key
		}
		ok = len(r.byHash) == len(ids)
	}
	r.ids, r.file = ids, state
	return nil
}

// readKeyFile reads one key a line; lines that are empty or begin with # do not
// count. Errors name the line, not its text.
func readKeyFile(path string) ([]config.APIKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the API keys: %w", err)
	}
	defer f.Close()
	var list []config.APIKey
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		k, err := config.ParseAPIKey(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		list = append(list, k)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("cannot read the API keys: %w", err)
	}
	return list, nil
}

// fileChanged reports whether the key file is another one than was read.
func (r *keyring) fileChanged() bool {
	path := r.cfg.RestAPIKeyFile.Load()
	if path == "" {
		return false
	}
	now := certs.StateOf(path)
	r.mu.RLock()
	defer r.mu.RUnlock()
	return now != r.file && now != certs.FileState{}
}

// find returns what the presented key stands for, nil if it is none of ours.
func (r *keyring) find(presented []byte) *apiKey {
	r.mu.RLock()
	k := r.byHash[maphash.Bytes(r.seed, presented)]
	r.mu.RUnlock()
	if k == nil || subtle.ConstantTimeCompare(k.text, presented) != 1 {
		return nil
	}
	return k
}

func (r *keyring) byID(id string) *apiKey {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.ids[id]
}

func (r *keyring) empty() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.ids) == 0
}
