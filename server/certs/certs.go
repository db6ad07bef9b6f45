// Package certs keeps certificates that may be renewed while they are in use.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// Files name PEM files.
type Files struct {
	Cert, Key string
	CA        string // who must have signed a client's certificate; "": clients need none
}

// Identity is what the files hold. Config serves any number of goroutines;
// Refresh is for one at a time.
type Identity struct {
	files   Files
	oldest  uint16
	current atomic.Pointer[tls.Config]
	seen    [3]FileState
}

// FileState identifies a state of a file; zero when it cannot be looked at.
type FileState struct {
	Modified time.Time
	Size     int64
}

// StateOf looks at a file.
func StateOf(path string) (f FileState) {
	if info, err := os.Stat(path); err == nil {
		f.Modified, f.Size = info.ModTime(), info.Size()
	}
	return f
}

// Load reads the files; oldest is the lowest version of TLS to speak. Errors
// name the file.
func Load(f Files, oldest uint16) (*Identity, error) {
	id := &Identity{files: f, oldest: oldest}
	_, err := id.Refresh()
	return id, err
}

// Refresh reads the files if one has changed since they were last read with
// success. On an error what was read before stays in use.
func (id *Identity) Refresh() (changed bool, err error) {
	now := [3]FileState{StateOf(id.files.Cert), StateOf(id.files.Key), StateOf(id.files.CA)}
	if id.current.Load() != nil && now == id.seen {
		return false, nil
	}
	config, err := id.read()
	if err != nil {
		return false, err
	}
	id.seen = now
	id.current.Store(config)
	return true, nil
}

func (id *Identity) read() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(id.files.Cert, id.files.Key)
	if err != nil {
		return nil, fmt.Errorf("cannot read the certificate %s with the key %s: %w", id.files.Cert, id.files.Key, err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: id.oldest}
	if id.files.CA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(id.files.CA)
	if err != nil {
		return nil, fmt.Errorf("cannot read the authorities for clients: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", id.files.CA)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config, nil
}

// Config is for listeners: each connection gets what the files held when it
// came, as far as Refresh has noticed.
func (id *Identity) Config() *tls.Config {
	return &tls.Config{
		MinVersion: id.oldest,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return id.current.Load(), nil
		},
	}
}
