package compat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	compat "hpkv/compat_test"
)

// infoFields are the fields that tools and clients read, by section. Values are
// the server's own; presence is compared, and the reference is asked too so
// that the list stays honest.
var infoFields = map[string][]string{
	"Server": {"redis_version", "redis_mode", "os", "arch_bits", "process_id", "run_id", "tcp_port",
		"uptime_in_seconds", "uptime_in_days", "executable", "config_file"},
	"Clients":  {"connected_clients", "maxclients", "blocked_clients"},
	"Memory":   {"used_memory", "used_memory_human", "used_memory_rss", "used_memory_peak", "maxmemory", "mem_fragmentation_ratio", "mem_allocator"},
	"Stats":    {"total_connections_received", "total_commands_processed", "instantaneous_ops_per_sec", "total_net_input_bytes", "total_net_output_bytes", "rejected_connections", "expired_keys", "evicted_keys", "keyspace_hits", "keyspace_misses"},
	"CPU":      {"used_cpu_sys", "used_cpu_user"},
	"Keyspace": {"db0"},
}

// TestInfo compares the sections and fields of INFO.
func TestInfo(t *testing.T) {
	pair := compat.SharedPair(t)
	if err := pair.Reset(); err != nil {
		t.Fatal(err)
	}
	for _, proto := range []int{2, 3} {
		for _, s := range pair.Servers() {
			t.Run(fmt.Sprintf("%s/RESP%d", s.Name, proto), func(t *testing.T) {
				c, err := s.Dial(proto)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if _, err := c.Do("SET", "k", "v", "EX", "1000"); err != nil {
					t.Fatal(err)
				}
				checkInfo(t, c, proto)
			})
		}
	}
}

func checkInfo(t *testing.T, c *compat.Conn, proto int) {
	info := func(args ...string) (string, map[string]map[string]string) {
		t.Helper()
		n, err := c.Node(append([]string{"INFO"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		kind := byte('$')
		if proto == 3 {
			kind = '='
			n.Text = strings.TrimPrefix(n.Text, "txt:")
		}
		if n.Kind != kind {
			t.Errorf("INFO %q: reply type %q, want %q", args, n.Kind, kind)
		}
		sections := map[string]map[string]string{}
		var cur map[string]string
		for line := range strings.SplitSeq(strings.TrimSuffix(n.Text, "\r\n"), "\r\n") {
			if name, ok := strings.CutPrefix(line, "# "); ok {
				cur = map[string]string{}
				sections[name] = cur
			} else if k, v, ok := strings.Cut(line, ":"); ok && cur != nil {
				cur[k] = v
			} else if line != "" {
				t.Errorf("INFO %q: stray line %q", args, line)
			}
		}
		return n.Text, sections
	}
	_, all := info()
	for name, fields := range infoFields {
		for _, f := range fields {
			if _, ok := all[name][f]; !ok {
				t.Errorf("INFO: section %s has no field %s", name, f)
			}
		}
		_, one := info(strings.ToLower(name))
		if len(one) != 1 || one[name] == nil {
			t.Errorf("INFO %s gives %d sections", name, len(one))
		}
	}
	if got := all["Keyspace"]["db0"]; !strings.HasPrefix(got, "keys=1,expires=1,avg_ttl=") {
		t.Errorf("db0:%s", got)
	}
	if text, _ := info("nosuchsection"); text != "" {
		t.Errorf("INFO nosuchsection: %q", text)
	}
	if _, two := info("server", "KEYSPACE"); len(two) != 2 {
		t.Errorf("INFO server KEYSPACE gives %d sections", len(two))
	}
	for _, every := range []string{"all", "everything", "default"} {
		_, secs := info(every)
		for name := range infoFields {
			if secs[name] == nil {
				t.Errorf("INFO %s lacks section %s", every, name)
			}
		}
	}
	if !slices.Contains([]string{"7.0", "7.2"}, all["Server"]["redis_version"][:3]) {
		t.Errorf("redis_version is %s", all["Server"]["redis_version"])
	}
}
