package alloc

const (
	pageShift   = 16
	pageBytes   = 1 << pageShift
	headerBytes = 64
	payload     = pageBytes - headerBytes

	minObject = 16
	// maxSmall is the largest class: two objects in a page.
	maxSmall = payload / 2 &^ 63

	// exactBelow bounds the classes that are exact multiples of 8: short keys
	// with short values are the bulk of a data set and should waste nothing.
	exactBelow = 256
	// fineBelow bounds the classes in steps of 16 (<= 6.25%).
	fineBelow = 512
)

// classes holds the object size of each class in ascending order. Above
// fineBelow sizes are multiples of 64, so that their objects start on cache
// lines, and chosen to leave little of a page over: the largest multiple with
// k objects in a page, for every k that still makes a step of at most 12.5%
// (above 8 KB the steps are k's own: 1/7 ... 1/2; pages touch only what their
// objects use, so the loss is in address space more than in memory).
var classes, classOf = buildClasses()

const maxClasses = 96

// classOf maps (n+7)/8 to the class of n bytes.
type classMap [maxSmall/8 + 1]uint8

func buildClasses() (sizes []uint32, index *classMap) {
	for s := uint32(minObject); s <= exactBelow; s += 8 {
		sizes = append(sizes, s)
	}
	for s := uint32(exactBelow + 16); s <= fineBelow; s += 16 {
		sizes = append(sizes, s)
	}
	best := func(k uint32) uint32 { return payload / k &^ 63 }
	for last := uint32(fineBelow); last < maxSmall; {
		k := payload/last - 1
		for k > 2 && best(k) <= last {
			k--
		}
		for k > 2 && best(k-1)*8 <= last*9 {
			k--
		}
		last = best(k)
		sizes = append(sizes, last)
	}
	if len(sizes) > maxClasses {
		panic("alloc: too many size classes")
	}
	index = new(classMap)
	c := 0
	for i := range index {
		for int(sizes[c]) < i*8 {
			c++
		}
		index[i] = uint8(c)
	}
	return sizes, index
}

// ClassSize returns the capacity an object of n bytes gets. Sizes above 512
// are multiples of 64 up to the largest class; beyond that an object is a run
// of its own that ends on a 4 KB boundary.
func ClassSize(n int) int {
	if n <= maxSmall {
		return int(classes[classOf[(max(n, 0)+7)>>3]])
	}
	return runBytes(n) - headerBytes
}
