package command

import (
	"bytes"
	"testing"
)

// lcsLength is the definition, on short strings.
func lcsLength(a, b []byte) int {
	switch {
	case len(a) == 0 || len(b) == 0:
		return 0
	case a[0] == b[0]:
		return 1 + lcsLength(a[1:], b[1:])
	}
	return max(lcsLength(a[1:], b), lcsLength(a, b[1:]))
}

func FuzzLCS(f *testing.F) {
	f.Add([]byte("ohmytext"), []byte("mynewtext"))
	f.Add([]byte("aaaa"), []byte("baab"))
	f.Add([]byte(""), []byte("x"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		a, b = a[:min(len(a), 9)], b[:min(len(b), 9)]
		table := newLCSTable(a, b, true)
		common := table.common()
		if want := lcsLength(a, b); table.length != want || len(common) != want {
			t.Errorf("LCS(%q, %q) is %q of length %d, want %d", a, b, common, table.length, want)
		}
		for _, s := range [][]byte{a, b} {
			if !isSubsequence(common, s) {
				t.Errorf("%q is no subsequence of %q", common, s)
			}
		}
		// The ranges, put together from last to first, are the same string.
		var joined []byte
		table.ranges(func(i, j, n int) {
			if !bytes.Equal(a[i:i+n], b[j:j+n]) {
				t.Errorf("LCS(%q, %q): range %d %d %d differs", a, b, i, j, n)
			}
			joined = append(append([]byte(nil), a[i:i+n]...), joined...)
		})
		if !bytes.Equal(joined, common) {
			t.Errorf("LCS(%q, %q): ranges give %q, not %q", a, b, joined, common)
		}
	})
}

func isSubsequence(sub, s []byte) bool {
	for _, c := range s {
		if len(sub) > 0 && sub[0] == c {
			sub = sub[1:]
		}
	}
	return len(sub) == 0
}
