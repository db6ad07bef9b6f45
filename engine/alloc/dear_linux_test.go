package alloc

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// hugeBytes returns what the arena has of huge pages.
func hugeBytes(t *testing.T, a *Arena) (n int) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	first := uintptr(a.base)
	mine := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var from, to uintptr
		var kb int
		if found, _ := fmt.Sscanf(lines.Text(), "%x-%x ", &from, &to); found == 2 {
			mine = from >= first && to <= first+a.reserved
		} else if rest, ok := strings.CutPrefix(lines.Text(), "AnonHugePages:"); ok && mine {
			fmt.Sscanf(rest, "%d kB", &kb)
			n += kb << 10
		}
	}
	return n
}

// fill takes pages of two objects each.
func fill(t *testing.T, h *Heap, pages int) (refs []Ref) {
	t.Helper()
	for range 2 * pages {
		ref, err := h.Alloc(maxSmall, Records)
		if err != nil {
			t.Fatal(err)
		}
		clear(h.arena.Bytes(ref, 0, maxSmall))
		refs = append(refs, ref)
	}
	return refs
}

// touching makes the next touches of an arena's huge pages take so long; the first
// that is dear is the one too many.
func touching(a *Arena, took time.Duration) {
	a.costly = dearTouches - 1
	now := time.Duration(0)
	a.threadTime = func() time.Duration {
		now += took
		return now
	}
}

// TestDear: when a huge page is dear, chunks get small pages, also those the system was
// told to want huge pages in already; Unite makes huge pages of them, of those whose
// memory has all come; and after some of its own that are cheap further chunks get
// huge pages again.
func TestDear(t *testing.T) {
	a := newArena(t, Options{ReserveBytes: 1 << 30, HugePages: true})
	h := a.NewHeap(0)
	const before = 3
	fill(t, h, (hugeAfter+before)*chunkPages-1)
	a.mu.Lock()
	early := a.extend(a.pools[0], 2)
	a.mu.Unlock()
	chunks, huge := len(a.chunks), hugeBytes(t, a)
	if huge < before*chunkBytes {
		t.Skipf("%d bytes of huge pages in %d chunks", huge, before)
	}
	touching(a, dearTouch)
	const more = 12
	fill(t, h, more*chunkPages-2)
	a.Prepare()
	fill(t, h, 1)
	mustCheck(t, a, h)
	huge += chunkBytes // the dear one
	if got := hugeBytes(t, a); got != huge {
		t.Errorf("%d bytes of huge pages, want %d", got, huge)
	}
	if got := a.small.first(0); got != early+1 || len(a.chunks) < chunks+more-2 {
		t.Errorf("chunks from %d on are small, want from %d; %d chunks, before %d", got, early+1, len(a.chunks), chunks)
	}
	united := 0
	for more := true; more; united++ {
		_, more = a.Unite()
		mustCheck(t, a, h)
	}
	if united != more-2 {
		t.Errorf("%d chunks were united, want %d", united, more-2)
	}
	if got := hugeBytes(t, a); got != huge+united*chunkBytes {
		t.Logf("%d bytes of huge pages, before %d: the system has no %d of them free", got, huge, united)
		if got <= huge {
			t.Error("none was made")
		}
	}
	if _, more := a.Unite(); more {
		t.Error("there is more than all")
	}
	last := a.small.first(0)
	fill(t, h, 1) // of the last chunk
	if took, _ := a.Unite(); took == 0 || a.small.has(last) {
		t.Error("a chunk that has become full is not united")
	}
	mustCheck(t, a, h)
}

// TestDearTouches: huge pages are dear when some in sequence were, and not before.
func TestDearTouches(t *testing.T) {
	a := newArena(t, Options{ReserveBytes: 1 << 30, HugePages: true})
	a.mu.Lock()
	defer a.mu.Unlock()
	touched := func(n int, took time.Duration, want bool) {
		t.Helper()
		for range n {
			a.touched(0, took)
		}
		if a.dear != want {
			t.Errorf("dear: %v", a.dear)
		}
	}
	touched(dearTouches-1, dearTouch, false)
	touched(1, dearTouch-1, false)
	touched(dearTouches-1, dearTouch, false)
	touched(1, dearTouch, true)
}

// TestDearNoMore: huge pages are taken again when cheapTouches of Unite in sequence
// were cheap, and not before.
func TestDearNoMore(t *testing.T) {
	a := newArena(t, Options{ReserveBytes: 1 << 30, HugePages: true})
	h := a.NewHeap(0)
	touching(a, dearTouch)
	const chunks = 4 * cheapTouches
	fill(t, h, (hugeAfter+chunks)*chunkPages)
	unite := func(n int, took time.Duration, want bool) {
		t.Helper()
		touching(a, took)
		for range n {
			if a.Unite(); !a.dear {
				break
			}
		}
		if a.dear != want {
			t.Errorf("after %d that took %v: dear: %v", n, took, a.dear)
		}
	}
	unite(cheapTouches-1, dearTouch-1, true)
	unite(1, dearTouch, true)
	unite(cheapTouches-1, dearTouch-1, true)
	fill(t, h, chunkPages)
	if ch := a.chunks[len(a.chunks)-1]; ch.huge || ch.wanted {
		t.Errorf("dear, but the last chunk is of huge pages: %+v", ch)
	}
	unite(1, dearTouch-1, false)
	last := len(a.chunks)
	fill(t, h, chunkPages*(1+last/16))
	if ch := a.chunks[len(a.chunks)-1]; !ch.huge || !ch.wanted {
		t.Errorf("the last chunk is not of huge pages: %+v", ch)
	}
	mustCheck(t, a, h)
}

// TestUniteGivenBack: a chunk of small pages part of whose memory was given back is not
// united until that has come again, and one that went back whole not at all; and in one
// that loses memory after that no huge pages are wanted.
func TestUniteGivenBack(t *testing.T) {
	a := newArena(t, Options{ReserveBytes: 1 << 30, HugePages: true})
	h := a.NewHeap(0)
	fill(t, h, hugeAfter*chunkPages-1)
	touching(a, dearTouch)
	refs := fill(t, h, 5*chunkPages)[2*chunkPages:] // the first came dear
	first := a.small.first(0)
	free := func(pages []Ref) {
		t.Helper()
		for _, ref := range pages {
			h.Free(ref)
		}
		h.Trim()
		a.Trim(8 * chunkPages) // sees what is not needed
		a.Trim(8 * chunkPages)
		mustCheck(t, a, h)
	}
	of := func(c int) []Ref { return refs[2*chunkPages*c:][:2*chunkPages] }
	free(of(0)[:6])
	free(of(1))
	for more := true; more; {
		_, more = a.Unite()
		mustCheck(t, a, h)
	}
	if !a.small.has(first) || a.small.has(first+1) || a.small.has(first+2) {
		t.Errorf("chunks %b from %d on are still small, want %d only", a.small, first, first)
	}
	fill(t, h, 3)
	if _, _ = a.Unite(); a.small.has(first) || !a.chunks[first].wanted {
		t.Errorf("chunk %d is not united: %+v", first, a.chunks[first])
	}
	free(of(2)[:6])
	if a.chunks[first+2].wanted {
		t.Errorf("huge pages are wanted in chunk %d, which lost memory", first+2)
	}
}
