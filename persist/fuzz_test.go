package persist

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"hpkv/persist/vfs"
)

// FuzzRecord: whatever decodes encodes to the same bytes.
func FuzzRecord(f *testing.F) {
	const uid = 1
	add := func(b []byte) { sealRecords(b, seedOf(uid)); f.Add(b) }
	add(appendRecord(nil, &Record{Shard: 1, Seq: 2, Payload: []byte("payload")}))
	add(appendRecord(nil, &Record{Txn: 1 << 60}))
	f.Add(appendMark(nil, &mark{round: 9, ms: 1, synced: 8, start: 64, records: 1, streams: []uint16{0, 5}}, seedOf(uid)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= recordHead { // most inputs get no further otherwise
			if n := sizeOf(b); n <= len(b) {
				sealRecords(b[:n:n], seedOf(uid))
			}
		}
		var e entry
		if err := e.decode(b, seedOf(uid), int64(len(b))); err != nil {
			return
		}
		var again []byte
		if e.kind == typeMark {
			m, err := decodeMark(&e, nil)
			if err != nil {
				return
			}
			again = appendMark(nil, &m, seedOf(uid))
			again[10], again[11] = b[10], b[11] // the shard of a mark is not looked at
		} else {
			again = appendRecord(nil, &e.Record)
			if e.flags&flagTxn != 0 && e.Txn == 0 {
				return // not written so, but read
			}
		}
		if !bytes.Equal(again[4:], b[4:e.size]) {
			t.Errorf("%q decodes to %+v, which encodes to %q", b, e, again)
		}
	})
}

func FuzzManifest(f *testing.F) {
	if b, err := os.ReadFile(filepath.Join(goldenDir, manifestName)); err == nil {
		f.Add(b)
	}
	f.Add((&manifest{nextSegment: 1, nextGeneration: 1}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 16 {
			fixManifest(b)
		}
		m, err := decodeManifest(b)
		if err != nil {
			return
		}
		again, err := decodeManifest(m.encode())
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Errorf("%+v came back as %+v, %v", m, again, err)
		}
		m.lastRound()
		m.clone().dropEmpty()
	})
}

// fixManifest gives bytes the length and checksum of a manifest.
func fixManifest(b []byte) {
	binary.LittleEndian.PutUint32(b[12:], uint32(len(b)))
	if n := len(b) - 4; n >= 16 {
		binary.LittleEndian.PutUint32(b[n:], crc32.Checksum(b[:n], castagnoli))
	}
}

// FuzzSegment puts any bytes in place of a segment of a log that was cut off:
// nothing panics, and what is recovered can be opened again and is the same.
func FuzzSegment(f *testing.F) {
	golden := vfs.NewMem("/", "/log")
	entries, err := os.ReadDir(goldenDir)
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(goldenDir, e.Name()))
		if err != nil {
			f.Fatal(err)
		}
		writeFile(golden, "/log/"+e.Name(), b)
		if e.Name() == segmentName(4) {
			f.Add(b[:600])
			f.Add(b[:150])
		}
	}
	golden = golden.Clone()
	f.Fuzz(func(t *testing.T, b []byte) {
		mem := golden.Clone()
		overwrite(t, mem, segmentPath("/log", 4), b)
		o := Options{FS: mem, Dir: "/log", Streams: 1, SegmentBytes: 4096}
		var first, second collector
		l, _, err := Open(o, &first)
		if err != nil {
			if !isDamage(err) {
				t.Fatal(err)
			}
			if _, err := Repair(ctx, mem, "/log", RepairSkip, nil); err != nil {
				t.Fatal(err)
			}
			if l, _, err = Open(o, &first); err != nil {
				t.Fatal(err)
			}
		}
		l.Close()
		if l, _, err = Open(o, &second); err != nil {
			t.Fatal(err)
		}
		l.Close()
		if len(first.all) != len(second.all) {
			t.Errorf("%d records, then %d", len(first.all), len(second.all))
		}
	})
}
