package rest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// certificate is a pair of files that may be renewed while they are in use.
type certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
	seen              [2]fileState // owned by the goroutine that refreshes
}

type fileState struct {
	modified time.Time
	size     int64
}

// loadCertificate returns nil when no files are named.
func loadCertificate(certFile, keyFile string) (*certificate, error) {
	if certFile == "" && keyFile == "" {
		return nil, nil
	}
	if certFile == "" || keyFile == "" {
		return nil, errors.New("rest-tls-cert-file and rest-tls-key-file belong together: one of them is missing")
	}
	c := &certificate{certFile: certFile, keyFile: keyFile}
	_, err := c.refresh()
	return c, err
}

// refresh reads the files if they have changed since they were last read with
// success.
func (c *certificate) refresh() (changed bool, err error) {
	var now [2]fileState
	for i, path := range []string{c.certFile, c.keyFile} {
		now[i].modified, now[i].size = fileTime(path)
	}
	if c.current.Load() != nil && now == c.seen {
		return false, nil
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return false, fmt.Errorf("cannot read the certificate of REST: %w", err)
	}
	c.seen = now
	c.current.Store(&pair)
	return true, nil
}

func (c *certificate) listener(ln net.Listener) net.Listener {
	return tls.NewListener(ln, &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current.Load(), nil
		},
	})
}
