package persist

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"hpkv/persist/vfs"
)

// appendBarrier encodes a part of a barrier as it was written when there were
// any. The flags are as they are to be, right or wrong.
func appendBarrier(b []byte, r *Record, flags uint8, barrier uint64) []byte {
	var head [recordHead]byte
	putHead(head[:], flags, r.Shard, r.Seq, len(r.Payload))
	b = append(b, head[:]...)
	if flags&flagTxn != 0 {
		b = binary.LittleEndian.AppendUint64(b, r.Txn)
	}
	if flags&flagBarrier != 0 {
		b = binary.LittleEndian.AppendUint64(b, barrier)
	}
	return append(b, r.Payload...)
}

// barrierLog is a closed log with a segment for each of the streams, given as
// words: a record's payload, "!7" for a barrier of this number and payload, and
// "~7" for its echo. All are of one round.
func barrierLog(t *testing.T, streams ...string) (*vfs.Mem, Options) {
	t.Helper()
	mem := vfs.NewMem("/", "/log")
	man := manifest{id: 1, serial: 1, nextGeneration: 2, nextSegment: 1,
		generations: []generation{{number: 1, streams: len(streams), closed: true, first: 1, last: 1, lastMs: 5}}}
	var parts []uint16
	for i := range streams {
		parts = append(parts, uint16(i))
	}
	for i, words := range streams {
		seg := segmentEntry{number: man.nextSegment, generation: 1, stream: i, uid: uint64(100 + i)}
		man.nextSegment++
		h := header{stream: uint16(i), generation: 1, number: seg.number, uid: seg.uid, first: 1, ms: 5}
		b := h.encode()
		for _, word := range strings.Fields(words) {
			var n uint64
			if _, err := fmt.Sscanf(word, "!%d", &n); err == nil {
				b = appendBarrier(b, &Record{Payload: []byte(word)}, flagBarrier, n)
			} else if _, err := fmt.Sscanf(word, "~%d", &n); err == nil {
				b = appendBarrier(b, &Record{}, flagBarrier|flagEcho, n)
			} else {
				b = appendRecord(b, &Record{Payload: []byte(word)})
			}
		}
		n := sealRecords(b[segmentHead:], seedOf(seg.uid))
		b = appendMark(b, &mark{1, 5, 0, segmentHead, uint32(n), parts}, seedOf(seg.uid))
		seg.used = int64(len(b))
		man.segments = append(man.segments, seg)
		if err := writeFile(mem, segmentPath("/log", seg.number), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeManifest(mem, "/log", &man); err != nil {
		t.Fatal(err)
	}
	return mem, Options{FS: mem, Dir: "/log", Streams: 1, SegmentBytes: 4096}
}

// alone is a collector that sees whether a barrier is applied while something
// else is, and that may fail at a record.
type alone struct {
	collector
	t      *testing.T
	under  atomic.Int32
	failAt string
}

var errAlone = errors.New("failed as asked")

func (a *alone) Apply(stream int, batch []Placed) error {
	n := a.under.Add(1)
	defer a.under.Add(-1)
	for _, r := range batch {
		if s := string(r.Payload); s == a.failAt {
			return errAlone
		} else if s[0] == '!' && (n != 1 || len(batch) != 1) {
			a.t.Errorf("barrier %s is one of %d records, with %d calls under way", s, len(batch), n)
		}
	}
	return a.collector.Apply(stream, batch)
}

// TestBarrier: a barrier is applied once, after all before it and before all
// behind it in every stream.
func TestBarrier(t *testing.T) {
	for _, streams := range [][]string{
		{"!1"},
		{"!1", "~1", "~1"},
		{"!1 !2", "~1 ~2"},
		{"0 !1 1", "0 ~1 1"},
		{"0 0 0 !1 1 !2 2", "0 ~1 ~2 2 2 2", "~1 1 1 ~2"},
		{"0 ~1 1 ~2 2", "0 !1 1 !2 2", "~1 ~2"}, // the record is in another stream than the first
		{"0 !1 1 !2 2", "0 ~1 1", "~2 2", "0"},  // parts that a repair left out
		{"0 ~1 1 ~2 2", "0 0 0 !2 2"},
		{"0 !1 1", ""},
	} {
		testBarrier(t, streams)
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	for range 20 {
		streams := make([]strings.Builder, 1+rng.IntN(4))
		for barrier := range 1 + rng.IntN(6) {
			for i := range streams {
				if barrier > 0 {
					fmt.Fprintf(&streams[i], " %c%d", "!~"[min(i, 1)], barrier)
				}
				for range rng.IntN(3 * MaxBatch) {
					fmt.Fprintf(&streams[i], " %d", barrier)
				}
			}
		}
		var words []string
		for i := range streams {
			words = append(words, streams[i].String())
		}
		testBarrier(t, words)
	}
}

func testBarrier(t *testing.T, streams []string) {
	t.Helper()
	_, o := barrierLog(t, streams...)
	a := alone{t: t}
	l, report, err := Open(o, &a)
	if err != nil {
		t.Fatalf("%q: %v", streams, err)
	}
	mustClose(t, l)
	want := make([][]string, len(streams))
	records := 0
	for i, words := range streams {
		want[i] = slices.DeleteFunc(strings.Fields(words), func(w string) bool { return w[0] == '~' })
		records += len(want[i])
	}
	got := make([][]string, len(streams))
	level := 0 // the last barrier that a record was behind
	for _, k := range a.all {
		got[k.stream] = append(got[k.stream], k.payload)
		var n int
		fmt.Sscan(strings.TrimPrefix(k.payload, "!"), &n)
		if n < level {
			t.Errorf("%q: %s is applied too late", streams, k.payload)
		}
		level = max(n, level)
		if k.payload == "0" || k.payload[0] == '!' {
			continue
		}
		// The stream's own barrier may be in any stream, or lost.
		if want := fmt.Sprintf("!%d", n); strings.Contains(strings.Join(streams, " "), want) &&
			!slices.ContainsFunc(a.all[:slices.Index(a.all, k)], func(k kept) bool { return k.payload == want }) {
			t.Errorf("%q: %s is applied before %s", streams, k.payload, want)
		}
	}
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("stream %d of %q came back as %q", i, streams, got[i])
		}
	}
	if report.Records != int64(records) {
		t.Errorf("%q: %d records, want %d", streams, report.Records, records)
	}
}

// TestBarrierReadAt reads a barrier by its address; an echo is no record.
func TestBarrierReadAt(t *testing.T) {
	_, o := barrierLog(t, "!1", "~1")
	l, c, _ := mustOpen(t, o)
	defer l.Close()
	if r, err := l.ReadAt(c.all[0].at); err != nil || string(r.Payload) != "!1" {
		t.Errorf("the barrier: %+v, %v", r, err)
	}
	if r, err := l.ReadAt(Addr{2, segmentHead}); !isDamage(err) {
		t.Errorf("the echo: %+v, %v", r, err)
	}
}

// TestBarrierFailure: an error in one stream ends the replay of those that wait
// for it, and no barrier is applied any more.
func TestBarrierFailure(t *testing.T) {
	for failAt, applied := range map[string]string{"x": "", "y": "!1", "!1": "", "!2": "!1", "z": "!1 !2"} {
		_, o := barrierLog(t, "0 !1 1 !2 2", "0 x ~1 1 y ~2 z", "~1 ~2")
		a := alone{t: t, failAt: failAt}
		if l, _, err := Open(o, &a); !errors.Is(err, errAlone) {
			t.Errorf("failed at %s: %v", failAt, err)
			if err == nil {
				l.Close()
			}
		}
		var barriers []string
		for _, k := range a.all {
			if k.payload[0] == '!' {
				barriers = append(barriers, k.payload)
			}
		}
		if got := strings.Join(barriers, " "); got != applied {
			t.Errorf("failed at %s: barriers %q, want %q", failAt, got, applied)
		}
	}
}

// TestBarrierDamaged: no byte of a barrier, of its echo and of what is around
// them can change unnoticed.
func TestBarrierDamaged(t *testing.T) {
	for segment := uint64(1); segment <= 2; segment++ {
		mem, o := barrierLog(t, "0 !1 1", "0 ~1 1")
		b := readAll(t, mem, segmentPath("/log", segment))
		for at := range b {
			b[at] ^= 1 << (at % 8)
			overwrite(t, mem, segmentPath("/log", segment), b)
			if l, _, err := Open(o, discard{}); !isDamage(err) {
				t.Errorf("byte %d of segment %d: %v", at, segment, err)
				if err == nil {
					l.Close()
				}
			}
			b[at] ^= 1 << (at % 8)
		}
	}
}

// TestRecordForm: of the flags a record may have, those of no record are damage,
// whatever the checksum says.
func TestRecordForm(t *testing.T) {
	const seed = 7
	for flags := range 256 {
		for _, r := range []Record{{}, {Payload: []byte("payload")}} {
			for _, barrier := range []uint64{0, 1} {
				b := appendBarrier(nil, &r, uint8(flags), barrier)
				sealRecords(b, seed)
				echo := uint8(flags)&flagEcho != 0
				var e entry
				err := e.decode(b, seed, int64(len(b)))
				var want error
				switch {
				case flags > 7,
					echo && flags != flagBarrier|flagEcho,
					echo && len(r.Payload) > 0,
					flags&flagBarrier != 0 && barrier == 0:
					want = errForm
				}
				if err != want {
					t.Errorf("flags %#x, barrier %d, payload %q: %v, want %v", flags, barrier, r.Payload, err, want)
				}
				if err == nil && (string(e.Payload) != string(r.Payload) || (e.barrier != 0) != (flags&flagBarrier != 0)) {
					t.Errorf("flags %#x, barrier %d: decoded as %+v", flags, barrier, e)
				}
				for n := range len(b) {
					if err := e.decode(b[:n], seed, int64(n)); want == nil && err != errForm {
						t.Errorf("flags %#x, %d bytes of %d in all: %v", flags, n, len(b), err)
					}
					if err := e.decode(b[:n], seed, int64(len(b))); want == nil && (err != errShort || e.size <= n || e.size > len(b)) {
						t.Errorf("flags %#x, %d bytes of %d: %v, needs %d", flags, n, len(b), err, e.size)
					}
				}
			}
		}
	}
}
