package persist

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// FuzzRecord: whatever decodes encodes to the same bytes.
func FuzzRecord(f *testing.F) {
	const uid = 1
	add := func(b []byte) { sealRecords(b, seedOf(uid)); f.Add(b) }
	add(appendRecord(nil, &Record{Shard: 1, Seq: 2, Payload: []byte("payload")}))
	add(appendRecord(nil, &Record{Txn: 1 << 60}))
	add(appendBarrier(nil, &Record{Txn: 1 << 60, Payload: []byte("payload")}, flagTxn|flagBarrier, 9))
	add(appendBarrier(nil, &Record{Payload: []byte("payload")}, flagBarrier, 9))
	add(appendBarrier(nil, &Record{}, flagBarrier|flagEcho, 9))
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
		} else if e.barrier != 0 {
			again = appendBarrier(nil, &e.Record, e.flags, e.barrier)
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
	for i := range goldens {
		if b, err := os.ReadFile(filepath.Join(goldens[i].dir, manifestName)); err == nil {
			f.Add(b)
		}
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
	golden, _ := goldens[0].files(f)
	for _, number := range []uint64{3, 0} { // segment 1 has a barrier
		b, err := os.ReadFile(filepath.Join(goldens[0].dir, segmentName(1+number)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(number, b[:600])
		f.Add(number, b[:150])
	}
	f.Fuzz(func(t *testing.T, number uint64, b []byte) {
		mem := golden.Clone()
		overwrite(t, mem, segmentPath("/log", 1+number%4), b)
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
			first = collector{} // of what came before the damage
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
