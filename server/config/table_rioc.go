package config

func riocRows() []Row {
	file := func(name, doc string, field func(*Config) holder) Row {
		return Row{Name: name, Topic: Rioc, Kind: String, Flags: Immutable, Doc: doc, field: field}
	}
	return []Row{
		{Name: "rioc-port", Topic: Rioc, Kind: Integer, Default: "0", Max: 65535, Flags: AtStart,
			Doc: "TCP port for HPKV's binary protocol RIOC; 0 for none", field: func(c *Config) holder { return &c.RiocPort }},
		{Name: "rioc-bind", Topic: Rioc, Kind: List, Default: "127.0.0.1 -::1", Flags: AtStart,
			Doc:   "addresses to listen on for RIOC, as for bind; the protocol knows no password: who reaches the port may read and write, unless TLS asks for a certificate",
			check: bindable, field: func(c *Config) holder { return &c.RiocBind }},
		file("rioc-tls-cert-file", "PEM file with the server's certificate; RIOC then speaks TLS 1.3 only; this file and the next two are read again when one changes",
			func(c *Config) holder { return &c.RiocTLSCertFile }),
		file("rioc-tls-key-file", "PEM file with the key of rioc-tls-cert-file",
			func(c *Config) holder { return &c.RiocTLSKeyFile }),
		file("rioc-tls-ca-cert-file", "PEM file with the authorities that must have signed a client's certificate; empty: clients need none",
			func(c *Config) holder { return &c.RiocTLSCACertFile }),
		{Name: "rioc-timestamps", Topic: Rioc, Kind: Enumeration, Default: "ignore", Flags: Immutable, names: timestampRules,
			Doc:   "the timestamps of writes over RIOC: ignore orders writes by their arrival; newest-wins refuses with status -17 a write that is older than the record's last one, if that came over RIOC since the server started; some 60 bytes of memory for each such record. Clients count from the start of their machine: those of two machines do not compare",
			field: func(c *Config) holder { return &c.RiocTimestamps }},
	}
}

// Values of rioc-timestamps.
const (
	IgnoreTimestamps Choice = iota
	NewestWins
)

var timestampRules = enumerate("ignore", "newest-wins")
