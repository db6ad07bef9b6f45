package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hpkv/resp/rioc"
)

// pemFile writes blocks of one kind.
func pemFile(t *testing.T, path, kind string, ders ...[]byte) string {
	t.Helper()
	var text []byte
	for _, der := range ders {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	next := path + ".next" // in one step, as a server may look at any time
	if err := os.WriteFile(next, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRiocTLS(t *testing.T) {
	dir := t.TempDir()
	ca, caKey := newAuthority(t)
	write := func(name, kind string, ders ...[]byte) string {
		return pemFile(t, filepath.Join(dir, name), kind, ders...)
	}
	caFile := write("ca.pem", "CERTIFICATE", ca.Raw)
	serverCert, serverKey := issue(t, ca, caKey)
	certFile, keyFile := write("server.pem", "CERTIFICATE", serverCert.Raw), write("server.key", "EC PRIVATE KEY", ecBytes(t, serverKey))
	clientCert, clientKey := issue(t, ca, caKey)
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	eachDriver(t, func(t *testing.T, driver string) {
		in, addr := startRioc(t, driver, "--rioc-tls-cert-file", certFile, "--rioc-tls-key-file", keyFile, "--rioc-tls-ca-cert-file", caFile)
		c := dialRioc(t, addr, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1",
			Certificates: []tls.Certificate{{Certificate: [][]byte{clientCert.Raw}, PrivateKey: clientKey}}})
		if err := c.Put([]byte("k"), []byte("v")); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Get([]byte("k")); string(got) != "v" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		stranger := dialRioc(t, addr, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
		if _, err := stranger.Get([]byte("k")); err == nil {
			t.Error("a client without a certificate is served")
		}
		old, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", MaxVersion: tls.VersionTLS12})
		if err == nil {
			old.Close()
			t.Error("TLS 1.2 is spoken")
		}
		in.eventually("both are counted", func() bool { return in.totals.handshakes.Load() == 2 })
	})
}

// TestRiocTLSChain: the server shows the authorities between its certificate and
// the one that clients trust, and accepts such chains from them, as deep as the
// protocol allows; hosts go by name too; no protocol is negotiated. Requests come
// in pieces, as clients cut them.
func TestRiocTLSChain(t *testing.T) {
	dir := t.TempDir()
	root, rootKey := newAuthority(t)
	last, lastKey := root, rootKey
	var between [][]byte // the nearest to the root at the end, as they are sent
	for i := range 3 {
		last, lastKey = certify(t, &x509.Certificate{
			Subject: pkix.Name{CommonName: fmt.Sprint("between ", i)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}, last, lastKey)
		between = append([][]byte{last.Raw}, between...)
	}
	leaf, leafKey := issue(t, last, lastKey)
	client, clientKey := issue(t, last, lastKey)
	_, addr := startRioc(t, drivers()[0],
		"--rioc-tls-cert-file", pemFile(t, filepath.Join(dir, "server.pem"), "CERTIFICATE", append([][]byte{leaf.Raw}, between...)...),
		"--rioc-tls-key-file", pemFile(t, filepath.Join(dir, "server.key"), "EC PRIVATE KEY", ecBytes(t, leafKey)),
		"--rioc-tls-ca-cert-file", pemFile(t, filepath.Join(dir, "ca.pem"), "CERTIFICATE", root.Raw))
	roots := x509.NewCertPool()
	roots.AddCert(root)
	config := &tls.Config{RootCAs: roots, ServerName: "rioc.example", NextProtos: []string{"h2"},
		Certificates: []tls.Certificate{{Certificate: append([][]byte{client.Raw}, between...), PrivateKey: clientKey}}}
	conn, err := tls.Dial("tcp", addr, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if s := conn.ConnectionState(); s.NegotiatedProtocol != "" || s.Version != tls.VersionTLS13 || len(s.PeerCertificates) != 4 || len(s.VerifiedChains[0]) != 5 {
		t.Errorf("%q, version %x, %d certificates", s.NegotiatedProtocol, s.Version, len(s.PeerCertificates))
	}
	longest := make([]byte, rioc.MaxValue)
	batch := rioc.AppendBatch(nil, []rioc.Op{{Command: rioc.Put, Key: []byte("k"), Value: longest}, {Command: rioc.Get, Key: []byte("k")}})
	for len(batch) > 0 {
		n := min(len(batch), 16000)
		if _, err := conn.Write(batch[:n]); err != nil {
			t.Fatal(err)
		}
		batch = batch[n:]
	}
	w := &wire{Conn: conn, t: t}
	w.receive(done + "00000000 00900100")
	for _, host := range []string{"127.0.0.1", "other.example"} {
		config.ServerName = host
		c, err := tls.Dial("tcp", addr, config)
		if err == nil {
			c.Close()
		}
		if (err == nil) != (host == "127.0.0.1") {
			t.Errorf("as %s: %v", host, err)
		}
	}
}

// TestRiocTLSRenewal: renewed certificates and authorities are used without a
// restart, for new connections; what cannot be read leaves the old ones in place.
func TestRiocTLSRenewal(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	// renew gives the server and its clients an authority of their own.
	renew := func() *tls.Config {
		ca, caKey := newAuthority(t)
		server, serverKey := issue(t, ca, caKey)
		client, clientKey := issue(t, ca, caKey)
		pemFile(t, path("server.key"), "EC PRIVATE KEY", ecBytes(t, serverKey))
		pemFile(t, path("server.pem"), "CERTIFICATE", server.Raw)
		pemFile(t, path("ca.pem"), "CERTIFICATE", ca.Raw)
		roots := x509.NewCertPool()
		roots.AddCert(ca)
		return &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", Certificates: []tls.Certificate{{Certificate: [][]byte{client.Raw}, PrivateKey: clientKey}}}
	}
	first := renew()
	in, addr := startRioc(t, drivers()[0], "--rioc-tls-cert-file", path("server.pem"), "--rioc-tls-key-file", path("server.key"), "--rioc-tls-ca-cert-file", path("ca.pem"))
	works := func(config *tls.Config) bool {
		c, err := rioc.Dial(addr, config)
		if err != nil {
			return false
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		return c.Put([]byte("k"), []byte("v")) == nil
	}
	if !works(first) {
		t.Fatal("the first certificate is not accepted")
	}
	open := dialRioc(t, addr, first)
	pemFile(t, path("server.pem"), "NONSENSE")
	in.eventually("a warning", func() bool { return strings.Contains(in.log.String(), "keeping the certificates as they were") })
	if !works(first) {
		t.Error("a certificate that cannot be read took the place of the one before")
	}
	second := renew()
	in.eventually("the second certificate", func() bool { return works(second) })
	if works(first) {
		t.Error("a client of the first authority is still let in")
	}
	if err := open.Put([]byte("k"), []byte("w")); err != nil {
		t.Errorf("an open connection: %v", err)
	}
}

func newAuthority(t *testing.T) (*x509.Certificate, *ecdsa.PrivateKey) {
	return certify(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
}

func issue(t *testing.T, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	return certify(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "peer"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"rioc.example"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, ca, caKey)
}

// certify signs a certificate, with its own key if there is no authority.
func certify(t *testing.T, template, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if ca == nil {
		ca, caKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, &key.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func ecBytes(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
