package workload

import (
	"fmt"
	"slices"
	"strings"
)

// RandInt in an argument is replaced for each command by twelve digits, a
// random number below the key space. Data is replaced once by the value.
const (
	RandInt = "__rand_int__"
	Data    = "__data__"
)

// KeyName is the template of the keys that Strings rows use and that the key
// space is loaded with.
const KeyName = "key:" + RandInt

// Workload is one row: a command and its preconditions.
type Workload struct {
	Name string
	Args []string // the command; RandInt and Data are replaced

	// Strings says that the row reads or overwrites the loaded string keys, so
	// that uniform and hot keys differ for it.
	Strings bool

	// Fill is sent before a measured run, after the collections named by the
	// commands' second words were deleted: each command FillTimes times, with
	// the numbers from 0 in the places of RandInt. 0 means once for each request
	// of the run, for rows that consume what they read.
	Fill      [][]string
	FillTimes int
}

// Sized tells whether the row carries or returns a value, so that runs with
// different value sizes differ.
func (w Workload) Sized() bool {
	return w.Strings || slices.Contains(w.Args, Data) || slices.ContainsFunc(w.Fill, func(args []string) bool { return slices.Contains(args, Data) })
}

// Skewed tells whether the row chooses among keys, so that hot keys make a
// difference. Rows on one collection are on a hot key as they are.
func (w Workload) Skewed() bool {
	return w.Strings || len(w.Args) > 1 && strings.Contains(w.Args[1], RandInt)
}

// Collections returns the keys of the row's own data, which a run begins
// without.
func (w Workload) Collections() []string {
	var keys []string
	for _, args := range append(w.Fill, w.Args) {
		if len(args) > 1 && !w.Skewed() && !slices.Contains(keys, args[1]) {
			keys = append(keys, args[1])
		}
	}
	return keys
}

// table lists every row. Those up to mset carry redis-benchmark's own names
// and arguments (its ping_mbulk is ping here: an array, as clients send it).
var table = []Workload{
	{Name: "ping", Args: []string{"PING"}},
	{Name: "set", Args: []string{"SET", KeyName, Data}, Strings: true},
	{Name: "get", Args: []string{"GET", KeyName}, Strings: true},
	{Name: "incr", Args: []string{"INCR", "counter:" + RandInt}},
	{Name: "lpush", Args: []string{"LPUSH", "mylist", Data}},
	{Name: "rpush", Args: []string{"RPUSH", "mylist", Data}},
	{Name: "lpop", Args: []string{"LPOP", "mylist"}, Fill: [][]string{{"RPUSH", "mylist", Data}}},
	{Name: "rpop", Args: []string{"RPOP", "mylist"}, Fill: [][]string{{"RPUSH", "mylist", Data}}},
	{Name: "sadd", Args: []string{"SADD", "myset", "element:" + RandInt}},
	{Name: "hset", Args: []string{"HSET", "myhash", "element:" + RandInt, Data}},
	{Name: "spop", Args: []string{"SPOP", "myset"}, Fill: [][]string{{"SADD", "myset", "element:" + RandInt}}},
	{Name: "zadd", Args: []string{"ZADD", "myzset", RandInt, "element:" + RandInt}},
	{Name: "zpopmin", Args: []string{"ZPOPMIN", "myzset"}, Fill: [][]string{{"ZADD", "myzset", RandInt, "element:" + RandInt}}},
	{Name: "lrange_100", Args: []string{"LRANGE", "mylist", "0", "99"}, Fill: [][]string{{"LPUSH", "mylist", Data}}, FillTimes: 1000},
	{Name: "lrange_300", Args: []string{"LRANGE", "mylist", "0", "299"}, Fill: [][]string{{"LPUSH", "mylist", Data}}, FillTimes: 1000},
	{Name: "lrange_500", Args: []string{"LRANGE", "mylist", "0", "499"}, Fill: [][]string{{"LPUSH", "mylist", Data}}, FillTimes: 1000},
	{Name: "lrange_600", Args: []string{"LRANGE", "mylist", "0", "599"}, Fill: [][]string{{"LPUSH", "mylist", Data}}, FillTimes: 1000},
	{Name: "mset", Args: msetArgs(10), Strings: true},

	{Name: "mget", Args: repeat("MGET", 10, KeyName), Strings: true},
	{Name: "exists", Args: []string{"EXISTS", KeyName}, Strings: true},
	{Name: "ttl", Args: []string{"TTL", KeyName}, Strings: true},
	{Name: "setrange", Args: []string{"SETRANGE", KeyName, "0", Data}, Strings: true},
	{Name: "hget", Args: []string{"HGET", "myhash", "element:" + RandInt}, Fill: [][]string{{"HSET", "myhash", "element:" + RandInt, Data}}, FillTimes: 100_000},
	{Name: "sismember", Args: []string{"SISMEMBER", "myset", "element:" + RandInt}, Fill: [][]string{{"SADD", "myset", "element:" + RandInt}}, FillTimes: 100_000},
	{Name: "zscore", Args: []string{"ZSCORE", "myzset", "element:" + RandInt}, Fill: [][]string{{"ZADD", "myzset", RandInt, "element:" + RandInt}}, FillTimes: 100_000},
	{Name: "zrange_100", Args: []string{"ZRANGE", "myzset", "0", "99"}, Fill: [][]string{{"ZADD", "myzset", RandInt, "element:" + RandInt}}, FillTimes: 1000},
	{Name: "hgetall_100", Args: []string{"HGETALL", "myhash"}, Fill: [][]string{{"HSET", "myhash", "element:" + RandInt, Data}}, FillTimes: 100},
	{Name: "smembers_1k", Args: []string{"SMEMBERS", "myset"}, Fill: [][]string{{"SADD", "myset", "element:" + RandInt}}, FillTimes: 1000},
	// A hundred members from a random score on; the scores are the hundreds
	// below the default key space.
	{Name: "zrangebyscore_100", Args: []string{"ZRANGEBYSCORE", "myzset", RandInt, "+inf", "LIMIT", "0", "100"},
		Fill: [][]string{{"ZADD", "myzset", RandInt + "e2", "element:" + RandInt}}, FillTimes: 10_000},
	// Two sets of 10,000, of which each has half of the other's members.
	{Name: "sinter_10k", Args: []string{"SINTER", "myset", "myset:2"}, Fill: [][]string{
		{"SADD", "myset", "element:" + RandInt + "0", "element:" + RandInt + "1"},
		{"SADD", "myset:2", "element:" + RandInt + "1", "element:" + RandInt + "2"}}, FillTimes: 5000},
	{Name: "xadd", Args: []string{"XADD", "mystream", "*", "myfield", Data}},
}

func msetArgs(pairs int) []string {
	args := []string{"MSET"}
	for range pairs {
		args = append(args, KeyName, Data)
	}
	return args
}

func repeat(name string, n int, arg string) []string {
	args := []string{name}
	for range n {
		args = append(args, arg)
	}
	return args
}

// Find returns the rows with the given names, in that order.
func Find(names []string) ([]Workload, error) {
	var rows []Workload
	for _, name := range names {
		i := slices.IndexFunc(table, func(w Workload) bool { return w.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no workload %q; there are: %s", name, strings.Join(Names(), " "))
		}
		rows = append(rows, table[i])
	}
	return rows, nil
}

// Names lists the rows.
func Names() []string {
	names := make([]string, len(table))
	for i, w := range table {
		names[i] = w.Name
	}
	return names
}

// Expand puts value in place of Data and leaves RandInt to the generator.
func Expand(args []string, value string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = strings.ReplaceAll(arg, Data, value)
	}
	return out
}

// Value returns n bytes of the filler redis-benchmark uses.
func Value(n int) string { return strings.Repeat("x", n) }

// AppendNoise appends n bytes of printable text that depend on seed and do not
// compress: servers that compress what they keep must not gain from a filler.
func AppendNoise(dst []byte, seed uint64, n int) []byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := 0; i < n; {
		seed = Hash(seed)
		for bits := seed; i < n && bits > 1<<14; bits >>= 6 {
			dst = append(dst, letters[bits&63])
			i++
		}
	}
	return dst
}
