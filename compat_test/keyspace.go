package compat

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// valueReads says how the value of each type is read for a comparison, and
// whether the elements come in no particular order.
var valueReads = map[string]struct {
	args      []string // the key goes after the first
	unordered string   // a relaxation, or ""
}{
	"string": {[]string{"GET"}, ""},
	"list":   {[]string{"LRANGE", "0", "-1"}, ""},
	"set":    {[]string{"SMEMBERS"}, "sort"},
	"hash":   {[]string{"HGETALL"}, "pairs"},
	"zset":   {[]string{"ZRANGE", "0", "-1", "WITHSCORES"}, ""},
	"stream": {[]string{"XRANGE", "-", "+"}, ""},
}

// sortedZSets are the keys of the sorted sets that generated commands sort. Their
// encoding is not compared: SORT, a read, makes a skiplist of them in Redis, while
// ours stay as they are.
var sortedZSets = []string{"za", "zb"}

// Keyspace is the state of a server: "db/key" to a line that holds type,
// encoding, presence of an expiry, and value.
type Keyspace map[string]string

// ReadKeyspace reads every database over an ordinary connection, in RESP2 or
// RESP3. The connection is left in database 0.
func ReadKeyspace(c *Conn) (Keyspace, error) {
	ks := Keyspace{}
	for db := 0; ; db++ {
		n, err := c.Node("SELECT", strconv.Itoa(db))
		if err != nil {
			return nil, err
		}
		if n.IsError() {
			break // past the last database
		}
		keys, err := c.Node("KEYS", "*")
		if err != nil {
			return nil, err
		}
		for _, k := range keys.Elems {
			line, err := readKey(c, k.Text)
			if err != nil {
				return nil, fmt.Errorf("key %q in database %d: %w", k.Text, db, err)
			}
			ks[strconv.Itoa(db)+"/"+k.Text] = line
		}
	}
	_, err := c.Do("SELECT", "0")
	return ks, err
}

func readKey(c *Conn, key string) (string, error) {
	var b []byte
	b = AppendCommand(b, "TYPE", key)
	b = AppendCommand(b, "OBJECT", "ENCODING", key)
	b = AppendCommand(b, "PTTL", key)
	if err := c.Send(b); err != nil {
		return "", err
	}
	var n [3]Node
	for i := range n {
		raw, err := c.Receive()
		if err != nil {
			return "", err
		}
		if n[i], err = ParseReply(raw); err != nil {
			return "", err
		}
	}
	expiry := "no expiry"
	if !strings.HasPrefix(n[2].Text, "-") {
		expiry = "expires"
	}
	read, ok := valueReads[n[0].Text]
	if !ok {
		return fmt.Sprintf("type %s", Show(n[0].Wire())), nil
	}
	args := append([]string{read.args[0], key}, read.args[1:]...)
	v, err := c.Node(args...)
	if err != nil {
		return "", err
	}
	switch read.unordered {
	case "sort":
		v = sorted(v)
	case "pairs":
		v = sortedPairs(v)
	}
	encoding := n[1].Text
	if n[0].Text == "zset" && slices.Contains(sortedZSets, key) {
		encoding = "any"
	}
	if encoding == "listpack" {
		switch n[0].Text { // see the relaxation "encoding"
		case "list":
			encoding = "quicklist"
		case "set":
			encoding = "hashtable"
		}
	}
	return fmt.Sprintf("%s, encoding %s, %s: %s", n[0].Text, encoding, expiry, Show(v.Wire())), nil
}

// CompareKeyspaces reads both servers over their administrative connections.
func (p *Pair) CompareKeyspaces() error {
	admin, err := p.Admin()
	if err != nil {
		return err
	}
	var ks [2]Keyspace
	for i, c := range admin {
		if ks[i], err = ReadKeyspace(c); err != nil {
			p.closeAdmin()
			return fmt.Errorf("%s: %w", p.Servers()[i].Name, err)
		}
	}
	return ks[0].Diff(ks[1])
}

// Diff returns an error that lists the keys in which our keyspace differs from
// the reference's.
func (ks Keyspace) Diff(ref Keyspace) error {
	var b bytes.Buffer
	all := maps.Clone(ref)
	maps.Copy(all, ks)
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if ks[k] == ref[k] {
			continue
		}
		fmt.Fprintf(&b, "\n  key %s\n    ours      %s\n    reference %s", Quote(k), orMissing(ks[k]), orMissing(ref[k]))
	}
	if b.Len() == 0 {
		return nil
	}
	return fmt.Errorf("keyspaces differ%s", b.String())
}

func orMissing(s string) string {
	if s == "" {
		return "(missing)"
	}
	return s
}
