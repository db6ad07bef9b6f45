package config

import "math"

func networkRows() []Row {
	return []Row{
		{Name: "port", Topic: Network, Kind: Integer, Default: "6379", Max: 65535, Flags: Hooked,
			Doc: "TCP port to listen on; 0 for none", field: func(c *Config) holder { return &c.Port }},
		{Name: "bind", Topic: Network, Kind: List, Default: "* -::*", Flags: Hooked,
			Doc:   "addresses to listen on; * and ::* mean all, a leading - makes an address optional",
			check: bindable, field: func(c *Config) holder { return &c.Bind }},
		{Name: "unixsocket", Topic: Network, Kind: String, Flags: Immutable,
			Doc: "path of a Unix socket to listen on", field: func(c *Config) holder { return &c.UnixSocket }},
		{Name: "unixsocketperm", Topic: Network, Kind: Octal, Default: "0", Max: 0o777, Flags: Immutable,
			Doc: "file mode of the Unix socket; 0 leaves it to the umask", field: func(c *Config) holder { return &c.UnixSocketPerm }},
		{Name: "tcp-backlog", Topic: Network, Kind: Integer, Default: "511", Max: maxInt, Flags: Immutable,
			Status: Inert, Why: "the queue is as long as the kernel allows, see net.core.somaxconn",
			Doc: "length of the queue of connections not yet accepted"},
		{Name: "tcp-keepalive", Topic: Network, Kind: Integer, Default: "300", Max: maxInt,
			Doc: "seconds of silence before the kernel probes a connection; 0 never", field: func(c *Config) holder { return &c.TCPKeepalive }},
		{Name: "timeout", Topic: Network, Kind: Integer, Default: "0", Max: maxInt,
			Doc: "seconds of idleness before a client is closed; 0 never", field: func(c *Config) holder { return &c.Timeout }},
		{Name: "maxclients", Topic: Network, Kind: Integer, Default: "10000", Min: 1, Max: math.MaxUint32,
			Doc: "clients connected at the same time", field: func(c *Config) holder { return &c.MaxClients }},
		{Name: "proto-max-bulk-len", Topic: Network, Kind: Memory, Default: "512mb", Min: 1 << 20, Max: math.MaxInt64,
			Doc: "longest argument of a command", field: func(c *Config) holder { return &c.ProtoMaxBulkLen }},
		{Name: "client-query-buffer-limit", Topic: Network, Kind: Memory, Default: "1gb", Min: 1 << 20, Max: math.MaxInt64,
			Doc: "input a client may have, beside arguments that have come whole, before it is closed", field: func(c *Config) holder { return &c.ClientQueryBufferLimit }},
		{Name: "client-output-buffer-limit", Topic: Network, Kind: Buffers,
			Default: "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60",
			Doc:     "for each class (normal, replica, pubsub): hard limit, soft limit and seconds above the soft limit before a client is closed",
			field:   func(c *Config) holder { return &c.ClientOutputBufferLimit }},
		{Name: "maxmemory-clients", Topic: Network, Kind: MemoryShare, Default: "0", Min: -100, Max: math.MaxInt64,
			Doc:   "memory of all clients, or a percentage of maxmemory, before the largest are closed; 0 no limit",
			field: func(c *Config) holder { return &c.MaxMemoryClients }},
		{Name: "tracking-table-max-keys", Topic: Network, Kind: Integer, Default: "1000000", Max: math.MaxInt64,
			Status: Planned, Why: "client-side caching is not available yet",
			Doc: "keys remembered for client-side caching; 0 no limit"},
		{Name: "socket-mark-id", Topic: Network, Kind: Integer, Default: "0", Max: math.MaxUint32, Flags: Immutable,
			Status: Inert, Why: "sockets are not marked",
			Doc: "mark of listening sockets, for packet filters"},
		{Name: "bind-source-addr", Topic: Network, Kind: String,
			Status: Inert, Why: "this server opens no connections of its own",
			Doc: "local address of outgoing connections"},
	}
}

// bindable bounds the number of addresses as Redis does.
func bindable(value any) error {
	if len(value.([]string)) > 16 {
		return wireText("Too many bind addresses specified.")
	}
	return nil
}

const noTLS = "TLS is not available yet"

func tlsRows() []Row {
	text := func(name, doc string) Row {
		return Row{Name: name, Topic: TLS, Kind: String, Status: Planned, Why: noTLS, Doc: doc}
	}
	secret := func(name, doc string) Row {
		r := text(name, doc)
		r.Flags = Sensitive
		return r
	}
	flag := func(name, standard, doc string) Row {
		return Row{Name: name, Topic: TLS, Kind: Boolean, Default: standard, Status: Planned, Why: noTLS, Doc: doc}
	}
	return []Row{
		{Name: "tls-port", Topic: TLS, Kind: Integer, Default: "0", Max: 65535, Status: Refused,
			Why: noTLS + "; a port that clients expect to be encrypted is not silently left out",
			Doc: "TCP port for TLS connections; 0 for none"},
		text("tls-cert-file", "certificate of the server"),
		text("tls-key-file", "private key of the server"),
		secret("tls-key-file-pass", "passphrase of the private key"),
		text("tls-client-cert-file", "certificate for outgoing connections"),
		text("tls-client-key-file", "private key for outgoing connections"),
		secret("tls-client-key-file-pass", "passphrase of the private key for outgoing connections"),
		text("tls-dh-params-file", "Diffie-Hellman parameters"),
		text("tls-ca-cert-file", "certificates that clients are checked against"),
		text("tls-ca-cert-dir", "directory of certificates that clients are checked against"),
		{Name: "tls-auth-clients", Topic: TLS, Kind: Enumeration, Default: "yes", names: tlsClientAuths, Status: Planned, Why: noTLS,
			Doc: "whether clients must show a certificate"},
		text("tls-protocols", "protocol versions to allow"),
		text("tls-ciphers", "ciphers of TLS 1.2"),
		text("tls-ciphersuites", "cipher suites of TLS 1.3"),
		flag("tls-prefer-server-ciphers", "no", "let the server's order of ciphers decide"),
		flag("tls-session-caching", "yes", "let clients resume sessions"),
		{Name: "tls-session-cache-size", Topic: TLS, Kind: Integer, Default: "20480", Max: maxInt, Status: Planned, Why: noTLS,
			Doc: "sessions kept for resumption"},
		{Name: "tls-session-cache-timeout", Topic: TLS, Kind: Integer, Default: "300", Max: maxInt, Status: Planned, Why: noTLS,
			Doc: "seconds a session can be resumed"},
		flag("tls-replication", "no", "use TLS towards the primary"),
		flag("tls-cluster", "no", "use TLS between cluster nodes"),
	}
}
