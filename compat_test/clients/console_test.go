package clients_test

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	compat "hpkv/compat_test"
)

// TestConsole drives the console in a headless browser. With HPKV_PICTURE it
// also leaves a picture of it in that file.
func TestConsole(t *testing.T) {
	if _, err := exec.LookPath("chromium"); err != nil {
		compat.Missing(t, "chromium is not installed: the console cannot be looked at")
	}
	setUpNode(t)
	port, err := compat.FreePort()
	must(t, err)
	const key = "console-test-key"
	s := compat.StartOurs(t, "--rest-port", strconv.Itoa(port), "--rest-api-key", key)
	runNode(t, "console.mjs", s, strconv.Itoa(port), key, os.Getenv("HPKV_PICTURE"))
}
