package engine

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// How long stress tests run, what their randomness begins with, and the values
// that they write.

// stressTime is how long the stress tests run: HPKV_STRESS, a duration.
func stressTime(t *testing.T) time.Duration {
	s := os.Getenv("HPKV_STRESS")
	if s == "" {
		return 3 * time.Second
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatalf("HPKV_STRESS: %v", err)
	}
	return d
}

// testSeed is the seed of a random test: HPKV_SEED or a new one, which a
// failing test prints.
func testSeed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("HPKV_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("HPKV_SEED: %v", err)
		}
	}
	t.Logf("HPKV_SEED=%d", seed)
	return seed
}

// A value of the stress test: what it is, how long, and a checksum.
//
//	0   chronicle
//	4   length
//	8   content number
//	16  CRC32C of everything else
//	20  filler
const (
	stressHeader = 20
	fixedSize    = 1000
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stressSize gives each content a size of its own: mostly small ones around
// the same few classes, some large, a few wide ones beyond 64 KB. Chronicles
// with numbers from fixedSize on have values of one size.
func stressSize(chronicle uint32, content uint64) int {
	if chronicle >= fixedSize {
		return stressHeader + int(chronicle-fixedSize)*1000
	}
	h := content * 0x9e3779b97f4a7c15 >> 32
	switch {
	case h%64 == 0:
		return 1<<16 - 16 + int(h>>8%20000)
	case h%16 == 0:
		return 1000 + int(h>>8%4000)
	case h%2 == 0:
		return 64
	}
	return stressHeader + int(h>>8%300)
}

func stressSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:16], castagnoli), castagnoli, b[stressHeader:])
}

// appendStress appends the value of a content number.
func appendStress(dst []byte, chronicle uint32, content uint64) []byte {
	n := stressSize(chronicle, content)
	from := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, chronicle)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	dst = binary.LittleEndian.AppendUint64(dst, content)
	dst = append(dst, 0, 0, 0, 0)
	for x := content; len(dst) < from+n; x += 0x9e3779b97f4a7c15 {
		dst = binary.LittleEndian.AppendUint64(dst, x)
	}
	dst = dst[:from+n]
	binary.LittleEndian.PutUint32(dst[from+16:], stressSum(dst[from:]))
	return dst
}

// readStress verifies a value and returns its content number.
func readStress(b []byte, chronicle uint32) (content uint64, err error) {
	if len(b) < stressHeader {
		return 0, fmt.Errorf("a value of %d bytes", len(b))
	}
	id, n := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	content = binary.LittleEndian.Uint64(b[8:])
	switch {
	case int(n) != len(b):
		return 0, fmt.Errorf("torn value: %d bytes of content %d, which has %d", len(b), content, n)
	case stressSum(b) != binary.LittleEndian.Uint32(b[16:]):
		return 0, fmt.Errorf("torn value: content %d, %d bytes, has a wrong checksum", content, n)
	case id != chronicle:
		return 0, fmt.Errorf("another key's value: content %d of chronicle %d", content, id)
	}
	return content, nil
}
