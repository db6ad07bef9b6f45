package clients_test

import (
	"fmt"
	"os"
	"reflect"
	"testing"

	compat "hpkv/compat_test"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := compat.Cleanup(); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// equal checks a result and its error.
func equal(t *testing.T, want any) func(got any, err error) {
	t.Helper()
	return func(got any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %#v, want %#v", got, want)
		}
	}
}
