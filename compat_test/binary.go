package compat

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// Binary is a server executable.
type Binary struct {
	Path    string
	Version string   // as --version prints it, e.g. "7.0.15"
	IsRedis bool     // a real redis-server, not ours
	Options []string // given at every start, after the suite's standing ones
}

// ourPackage is what is built when HPKV_SERVER is not set.
const ourPackage = "hpkv/cmd/hpkv-server"

var ours struct {
	once sync.Once
	bin  Binary
	dir  string // holds what was built; removed by Cleanup
	err  error
}

// OurBinary returns the binary under test, building it on the first call.
func OurBinary(t testing.TB) Binary {
	t.Helper()
	ours.once.Do(func() {
		path := os.Getenv("HPKV_SERVER")
		if path == "" {
			path, ours.err = build()
			if ours.err != nil {
				return
			}
		}
		ours.bin, ours.err = identify(path)
		ours.bin.Options = strings.Fields(os.Getenv("HPKV_SERVER_OPTIONS"))
	})
	if ours.err != nil {
		t.Fatal(ours.err)
	}
	return ours.bin
}

func build() (string, error) {
	dir, err := os.MkdirTemp("", "hpkv-compat-bin-")
	if err != nil {
		return "", err
	}
	ours.dir = dir
	path := filepath.Join(dir, "hpkv-server")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, ourPackage).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", ourPackage, err, out)
	}
	return path, nil
}

// Reference returns the real redis-server. Without one the test is skipped, or
// fails where CI=true says that it must be there.
func Reference(t testing.TB) Binary {
	t.Helper()
	name := os.Getenv("HPKV_REFERENCE")
	if name == "" {
		name = "redis-server"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "no reference server %q: install Debian's redis-server or set HPKV_REFERENCE", name)
	}
	bin, err := identify(path)
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// Missing skips a test whose tool is not installed, or fails it under CI=true.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// NeedOurs skips tests that are about our binary alone.
func NeedOurs(t testing.TB) {
	t.Helper()
	if OurBinary(t).IsRedis {
		t.Skip("HPKV_SERVER is a redis-server")
	}
}

var redisVersion = regexp.MustCompile(`^Redis server v=(\S+)`)

func identify(path string) (Binary, error) {
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return Binary{}, fmt.Errorf("%s --version: %w", path, err)
	}
	b := Binary{Path: path, Version: strings.TrimSpace(string(out))}
	if m := redisVersion.FindSubmatch(out); m != nil {
		b.Version, b.IsRedis = string(m[1]), true
	}
	return b, nil
}

// Cleanup stops the shared pair and removes what was built. TestMain of each
// package that uses the suite calls it; it returns what went wrong.
func Cleanup() error {
	err := stopShared()
	if ours.dir != "" {
		os.RemoveAll(ours.dir)
	}
	return err
}
