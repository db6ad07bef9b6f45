package persist

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"hpkv/persist/vfs"
)

// Names of files in a log's directory.
const (
	lockName     = "LOCK"
	manifestName = "MANIFEST"
	manifestTemp = "MANIFEST.tmp"
	repairTemp   = "repair.tmp"
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

// IsLog reports whether a directory holds a log or a backup, or what is left of one: a
// manifest or segments.
func IsLog(fsys vfs.FS, dir string) bool {
	names, err := fsys.List(dir)
	return err == nil && slices.ContainsFunc(names, func(name string) bool {
		_, segment := parseName(name, segmentExt)
		return segment || name == manifestName
	})
}

func segmentPath(dir string, n uint64) string { return filepath.Join(dir, segmentName(n)) }
