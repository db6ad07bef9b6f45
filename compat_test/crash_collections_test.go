package compat_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	compat "hpkv/compat_test"
)

// smallForms are options with which collections of some dozen elements have gone
// through all their forms.
var smallForms = []string{
	"--hash-max-listpack-entries", "8", "--set-max-listpack-entries", "8", "--set-max-intset-entries", "8",
	"--zset-max-listpack-entries", "8", "--list-max-listpack-size", "4",
}

// collectionWriter changes collections that nobody else changes, on one connection,
// and remembers each state that they were in since the last kill.
type collectionWriter struct {
	r     *rand.Rand
	pulse *pulse
	n     int
	keys  []*crashCollection
}

// crashCollection is a key and what the server should have there.
type crashCollection struct {
	kind, key string
	pairs     map[string]string // of a hash, sorted set, or set, with no values
	list      []string
	history   []crashState // the first is what the last check found; the last may be unacknowledged
}

// crashState is a state and when, by the pulse, it was acknowledged.
type crashState struct {
	state string
	acked time.Duration
}

// notAcked is when a change is acknowledged that never is.
const notAcked = -1

func newCollectionWriter(id int, r *rand.Rand, pulse *pulse) *collectionWriter {
	w := &collectionWriter{r: r, pulse: pulse}
	for _, kind := range []string{"hash", "set", "zset", "list", "list"} {
		k := &crashCollection{kind: kind, key: fmt.Sprintf("%s%d:%d", kind, id, len(w.keys)), pairs: map[string]string{}}
		k.history = []crashState{{state: k.state()}}
		w.keys = append(w.keys, k)
	}
	return w
}

// state is all there is, as text.
func (k *crashCollection) state() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(k.pairs)) {
		fmt.Fprintf(&b, "%s=%s ", name, k.pairs[name])
	}
	b.WriteString(strings.Join(k.list, " "))
	return b.String()
}

// crashElements bounds the elements of a collection.
const crashElements = 40

// change makes a change to the model and returns the command that makes it.
func (w *collectionWriter) change(k *crashCollection) []string {
	val := strconv.Itoa(w.n)
	name := fmt.Sprint("m", w.r.IntN(crashElements))
	remove := w.r.IntN(3) == 0
	if k.kind == "list" {
		remove = remove || len(k.list) >= crashElements
		switch left := w.r.IntN(2) == 0; {
		case remove && len(k.list) > 0 && left:
			k.list = k.list[1:]
			return []string{"LPOP", k.key}
		case remove && len(k.list) > 0:
			k.list = k.list[:len(k.list)-1]
			return []string{"RPOP", k.key}
		case left:
			k.list = append([]string{val}, k.list...)
			return []string{"LPUSH", k.key, val}
		default:
			k.list = append(slices.Clone(k.list), val)
			return []string{"RPUSH", k.key, val}
		}
	}
	if remove {
		delete(k.pairs, name)
		return []string{map[string]string{"hash": "HDEL", "set": "SREM", "zset": "ZREM"}[k.kind], k.key, name}
	}
	switch k.kind {
	case "hash":
		k.pairs[name] = val
		return []string{"HSET", k.key, name, val}
	case "zset":
		k.pairs[name] = val
		return []string{"ZADD", k.key, val, name}
	}
	k.pairs[name] = ""
	return []string{"SADD", k.key, name}
}

// run writes on a connection until it breaks.
func (w *collectionWriter) run(c *compat.Conn) error {
	defer c.Close()
	for {
		w.n++
		var touched []*crashCollection
		var lines [][]string
		if w.r.IntN(4) > 0 {
			k := w.keys[w.r.IntN(len(w.keys))]
			touched, lines = append(touched, k), [][]string{w.change(k)}
		} else { // the hash and the sorted set get the same mark, or neither
			val := strconv.Itoa(w.n)
			h, z := w.keys[0], w.keys[2]
			h.pairs["mark"], z.pairs["mark"] = val, val
			touched = []*crashCollection{h, z}
			lines = [][]string{{"MULTI"}, {"HSET", h.key, "mark", val}, {"ZADD", z.key, val, "mark"}, {"EXEC"}}
		}
		for _, k := range touched {
			k.history = append(k.history, crashState{k.state(), notAcked})
		}
		for _, line := range lines {
			raw, err := c.Do(line...)
			if err != nil {
				return nil // killed
			}
			if raw[0] == '-' {
				return fmt.Errorf("%q: %s", line, raw)
			}
		}
		for _, k := range touched {
			k.history[len(k.history)-1].acked = w.pulse.now()
		}
	}
}

func (w *collectionWriter) writes() int { return w.n }

// verify implements crashClient: each collection is in a state that it was in, and the
// marks of transactions are in both of their keys.
func (w *collectionWriter) verify(c *compat.Conn, killed time.Duration) (lost time.Duration, err error) {
	for _, k := range w.keys {
		if err := k.load(c); err != nil {
			return 0, err
		}
		at := len(k.history) - 1
		for k.history[at].state != k.state() {
			if at--; at < 0 {
				return 0, fmt.Errorf("%s was never in the state %q; its last: %+v", k.key, k.state(), k.history[max(0, len(k.history)-3):])
			}
		}
		if at++; at < len(k.history) && k.history[at].acked != notAcked {
			lost = max(lost, killed-k.history[at].acked, 1)
		}
		k.history = []crashState{{state: k.state()}}
	}
	if h, z := w.keys[0].pairs["mark"], w.keys[2].pairs["mark"]; h != z {
		return 0, fmt.Errorf("torn: the hash has mark %q, the sorted set %q", h, z)
	}
	return lost, nil
}

// load takes what the server has for the model.
func (k *crashCollection) load(c *compat.Conn) error {
	line := map[string][]string{
		"hash": {"HGETALL", k.key}, "set": {"SMEMBERS", k.key}, "zset": {"ZRANGE", k.key, "0", "-1", "WITHSCORES"}, "list": {"LRANGE", k.key, "0", "-1"},
	}[k.kind]
	reply, err := c.Node(line...)
	if err != nil {
		return err
	}
	if reply.Kind != '*' {
		return fmt.Errorf("%q: %s", line, reply.Text)
	}
	k.pairs, k.list = map[string]string{}, nil
	for i := range reply.Elems {
		switch text := reply.Elems[i].Text; {
		case k.kind == "list":
			k.list = append(k.list, text)
		case k.kind == "set":
			k.pairs[text] = ""
		case i%2 == 0:
			k.pairs[text] = reply.Elems[i+1].Text
		}
	}
	return nil
}
