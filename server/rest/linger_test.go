package rest_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A peer that sends all it has before it reads gets the answer, although the server
// takes no more of it.
func TestAnswersToWhoIsStillSending(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := writeCertificate(t, dir, 1)
	plain := start(t, "--rest-body-limit", "1mb")
	secure := start(t, "--rest-body-limit", "1mb", "--rest-tls-cert-file", filepath.Join(dir, "cert.pem"), "--rest-tls-key-file", filepath.Join(dir, "key.pem"))
	body := strings.Repeat("x", 7<<20)
	for name, send := range map[string]string{
		"body":  fmt.Sprintf("POST /record%sContent-Length: %d\r\n\r\n%s", head, len(body), body),
		"chunk": fmt.Sprintf("POST /record%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", head, len(body), body),
		"head":  "GET /record/k HTTP/1.1\r\nX-Long: " + body + "\r\n\r\n",
	} {
		status := 413
		if name == "head" {
			status = 431
		}
		for _, to := range []struct {
			*rig
			root *x509.CertPool
		}{{plain, nil}, {secure, root}} {
			var err error
			for range 5 { // once is enough; where the machine stands still for seconds, it fails
				if err = sendAll(t, to.rig, to.root, send, status); err == nil {
					break
				}
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// sendAll sends a text and only then reads the answer.
func sendAll(t *testing.T, r *rig, root *x509.CertPool, text string, status int) error {
	conn, err := net.Dial("tcp", r.http)
	if err != nil {
		t.Fatal(err)
	}
	if root != nil {
		conn = tls.Client(conn, &tls.Config{RootCAs: root, ServerName: "127.0.0.1"})
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if n, err := io.WriteString(conn, text); err != nil {
		return fmt.Errorf("sent %d of %d bytes: %w", n, len(text), err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != status || !strings.Contains(string(body), "longer than")) {
		err = fmt.Errorf("%d %s", res.StatusCode, body)
	}
	return err
}
