package persist

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// Names of files in a log's directory.
const (
	lockName     = "LOCK"
	manifestName = "MANIFEST"
	manifestTemp = "MANIFEST.tmp"
	segmentExt   = ".seg"
	spareExt     = ".spare"
)

// segmentName is the file of segment number n.
func segmentName(n uint64) string { return fmt.Sprintf("%016x%s", n, segmentExt) }

// parseName reads the number out of a segment's or a spare's name.
func parseName(name, ext string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, ext)
	if !ok || len(digits) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	return n, err == nil
}

func segmentPath(dir string, n uint64) string { return filepath.Join(dir, segmentName(n)) }
