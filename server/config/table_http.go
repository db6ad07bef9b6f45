package config

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
)

func httpRows() []Row {
	return []Row{
		{Name: "rest-port", Topic: HTTP, Kind: Integer, Default: "0", Max: 65535, Flags: AtStart,
			Doc: "TCP port of the REST, WebSocket and Upstash interfaces, on the addresses of bind; 0 for none", field: func(c *Config) holder { return &c.RestPort }},
		{Name: "rest-api-key", Topic: HTTP, Kind: APIKeys, Flags: Sensitive,
			Doc: "keys that clients must show, each KEY[,readonly][,prefix=TEXT]; a prefix confines the key to the keys that begin so, unseen by its clients; may be given several times, \"\" forgets what came before", field: func(c *Config) holder { return &c.RestAPIKeys }},
		{Name: "rest-api-key-file", Topic: HTTP, Kind: String, Flags: Immutable,
			Doc: "file of more keys, one a line as in rest-api-key; read again when it changes", field: func(c *Config) holder { return &c.RestAPIKeyFile }},
		{Name: "rest-tls-cert-file", Topic: HTTP, Kind: String, Flags: Immutable,
			Doc: "certificate chain in PEM; with it rest-port speaks TLS only; read again when it changes", field: func(c *Config) holder { return &c.RestTLSCertFile }},
		{Name: "rest-tls-key-file", Topic: HTTP, Kind: String, Flags: Immutable,
			Doc: "private key of rest-tls-cert-file, in PEM", field: func(c *Config) holder { return &c.RestTLSKeyFile }},
		{Name: "rest-value-limit", Topic: HTTP, Kind: Memory, Default: "102399", Min: 1, Max: 512 << 20,
			Doc: "longest value stored through these interfaces", field: func(c *Config) holder { return &c.RestValueLimit }},
		{Name: "rest-body-limit", Topic: HTTP, Kind: Memory, Default: "8mb", Min: 1 << 10, Max: 1 << 30, Flags: Immutable,
			Doc: "longest body of a request, or message of a WebSocket", field: func(c *Config) holder { return &c.RestBodyLimit }},
		{Name: "rest-request-timeout", Topic: HTTP, Kind: Integer, Default: "10", Min: 1, Max: 3600, Flags: Immutable,
			Doc: "seconds a request may take to arrive, and its answer to be taken", field: func(c *Config) holder { return &c.RestRequestTimeout }},
		{Name: "rest-idle-timeout", Topic: HTTP, Kind: Integer, Default: "120", Min: 1, Max: maxInt, Flags: Immutable,
			Doc: "seconds an HTTP connection may wait for its next request", field: func(c *Config) holder { return &c.RestIdleTimeout }},
		{Name: "rest-max-connections", Topic: HTTP, Kind: Integer, Default: "10000", Min: 1, Max: math.MaxInt32, Flags: Immutable,
			Doc: "HTTP and WebSocket connections at the same time", field: func(c *Config) holder { return &c.RestMaxConnections }},
		{Name: "rest-rate-limit", Topic: HTTP, Kind: Integer, Default: "0", Max: maxInt,
			Doc: "requests a second for each API key, a second's worth in a burst; 0 no limit", field: func(c *Config) holder { return &c.RestRateLimit }},
		{Name: "rest-merge", Topic: HTTP, Kind: Enumeration, Default: "rfc7396", names: mergeFlavours,
			Doc: "what a partial update removes: members that are null (rfc7396), or also empty strings, objects and arrays (empty-removes)", field: func(c *Config) holder { return &c.RestMerge }},
		{Name: "rest-notify-patch", Topic: HTTP, Kind: Enumeration, Default: "as-sent", names: patchNotices,
			Doc: "what subscribers see of a partial update: the patch or the merged value", field: func(c *Config) holder { return &c.RestNotifyPatch }},
		{Name: "rest-token-lifetime", Topic: HTTP, Kind: Integer, Default: "7200", Min: 1, Max: maxInt,
			Doc: "seconds during which a WebSocket token opens connections and keeps them open; then they are closed with code 1008", field: func(c *Config) holder { return &c.RestTokenLifetime }},
		{Name: "rest-push-limit", Topic: HTTP, Kind: Memory, Default: "8mb", Min: 1 << 10, Max: 1 << 30,
			Doc: "notifications waiting for a WebSocket before it is closed as too slow", field: func(c *Config) holder { return &c.RestPushLimit }},
		{Name: "rest-cors-origin", Topic: HTTP, Kind: String, Default: "*",
			Doc: "origin whose pages may call, * for any; empty for none", field: func(c *Config) holder { return &c.RestCORSOrigin }},
	}
}

// Values of rest-merge.
const (
	MergeRFC7396 Choice = iota
	MergeEmptyRemoves
)

// Values of rest-notify-patch.
const (
	PatchAsSent Choice = iota
	PatchMerged
)

var (
	mergeFlavours = enumerate("rfc7396", "empty-removes")
	patchNotices  = enumerate("as-sent", "merged")
)

// APIKey is a credential of the REST and WebSocket interfaces.
type APIKey struct {
	Key      string
	ReadOnly bool
	Prefix   string // of all keys its clients see and name, without seeing it
}

// APIKeyList is the setting rest-api-key.
type APIKeyList struct{ p atomic.Pointer[[]APIKey] }

// Load returns the current list. The caller must not change it.
func (x *APIKeyList) Load() []APIKey { return *x.p.Load() }
func (x *APIKeyList) get() any       { return *x.p.Load() }
func (x *APIKeyList) set(v any)      { l := v.([]APIKey); x.p.Store(&l) }

// ParseAPIKey reads KEY[,readonly][,prefix=TEXT]. Clients put keys into query
// strings as they are, so a key has only characters that are safe there. The
// prefix comes last and may contain commas, but no spaces.
func ParseAPIKey(s string) (k APIKey, err error) {
	k.Key, s, _ = strings.Cut(s, ",")
	if k.Key == "" {
		return k, errors.New("an API key is empty")
	}
	for _, c := range []byte(k.Key) {
		if !safeInURL(c) {
			return APIKey{}, errors.New("an API key has characters other than letters, digits and - _ . ~")
		}
	}
	for s != "" {
		if prefix, ok := strings.CutPrefix(s, "prefix="); ok {
			if prefix == "" || strings.ContainsAny(prefix, " \t\r\n") || len(prefix) > 256 {
				return APIKey{}, errors.New("the prefix of an API key is empty, has spaces or is longer than 256 bytes")
			}
			k.Prefix = prefix
			return k, nil
		}
		var option string
		if option, s, _ = strings.Cut(s, ","); option != "readonly" {
			return APIKey{}, fmt.Errorf("unknown option %q of an API key", clip(option))
		}
		k.ReadOnly = true
	}
	return k, nil
}

func safeInURL(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0
}

// parseAPIKeys appends the keys in args to earlier; one empty argument empties
// the list. Of two entries for one key the later counts.
func parseAPIKeys(args []string, earlier []APIKey) ([]APIKey, error) {
	if len(args) == 0 || len(args) == 1 && args[0] == "" {
		return nil, nil
	}
	list := append([]APIKey(nil), earlier...)
next:
	for _, arg := range args {
		k, err := ParseAPIKey(arg)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if list[i].Key == k.Key {
				list[i] = k
				continue next
			}
		}
		list = append(list, k)
	}
	return list, nil
}

func formatAPIKeys(list []APIKey) string {
	var b strings.Builder
	for i, k := range list {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(k.Key)
		if k.ReadOnly {
			b.WriteString(",readonly")
		}
		if k.Prefix != "" {
			b.WriteString(",prefix=" + k.Prefix)
		}
	}
	return b.String()
}
