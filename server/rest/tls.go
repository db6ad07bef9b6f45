package rest

import (
	"crypto/tls"
	"errors"

	"hpkv/server/certs"
)

// loadCertificate returns nil when no files are named.
func loadCertificate(certFile, keyFile string) (*certs.Identity, error) {
	if certFile == "" && keyFile == "" {
		return nil, nil
	}
	if certFile == "" || keyFile == "" {
		return nil, errors.New("rest-tls-cert-file and rest-tls-key-file belong together: one of them is missing")
	}
	return certs.Load(certs.Files{Cert: certFile, Key: keyFile}, tls.VersionTLS12)
}
