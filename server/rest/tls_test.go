package rest_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
)

// writeCertificate makes a self-signed certificate for 127.0.0.1 and returns a
// pool that trusts it.
func writeCertificate(t *testing.T, dir string, serial int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	cert, _ := x509.ParseCertificate(der)
	pool.AddCert(cert)
	return pool
}

// REST and WebSocket speak TLS, and a renewed certificate is used without a
// restart; one that cannot be read leaves the old one in place.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pool := writeCertificate(t, dir, 1)
	r := start(t, "--rest-tls-cert-file", filepath.Join(dir, "cert.pem"), "--rest-tls-key-file", filepath.Join(dir, "key.pem"))
	serial := func(pool *x509.CertPool) int64 {
		c, err := tls.Dial("tcp", r.http, &tls.Config{RootCAs: pool})
		if err != nil {
			return 0
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		in := &raw{Conn: c, t: t}
		in.in = bufio.NewReader(c)
		in.send("GET /record/absent" + head + "\r\n")
		in.expect(404, "Record not found")
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(pool); got != 1 {
		t.Fatalf("certificate %d", got)
	}
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: pool}}
	c, _, err := dialer.Dial("wss://"+r.http+"/ws?apiKey="+keyAll, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(patience))
	s := &socket{Conn: c, t: t}
	s.do(`{"op":1,"key":"k"}`, `{"code":404,"error":"Record not found","key":"k"}`)

	if err := os.WriteFile(filepath.Join(dir, "key.pem"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	wait(t, "a warning", func() bool { return strings.Contains(r.log.String(), "keeping the certificate as it was") })
	if got := serial(pool); got != 1 {
		t.Fatalf("certificate %d", got)
	}
	next := writeCertificate(t, dir, 2)
	wait(t, "the new certificate", func() bool { return serial(next) == 2 })
	s.do(`{"op":1,"key":"k"}`, `{"code":404,"error":"Record not found","key":"k"}`) // as before
	c.Close()

	plain := r.dial() // which is not understood, and not answered for ever
	plain.send("GET /healthz" + head + "\r\n")
	plain.ended()
}

// wait polls for a condition that the server brings about by itself.
func wait(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(patience); !cond(); <-tick.C {
		if time.Now().After(limit) {
			t.Fatalf("never: %s", what)
		}
	}
}
