package geo

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var (
	palermo = Point{13.361389, 38.115556}
	catania = Point{15.087269, 37.502669}
)

// The values are those redis-server reports.
func TestAgainstRedis(t *testing.T) {
	if got := Encode(palermo); got != 3479099956230698 {
		t.Errorf("Encode(palermo) = %d", got)
	}
	if got := Encode(catania); got != 3479447370796909 {
		t.Errorf("Encode(catania) = %d", got)
	}
	a, b := Decode(3479099956230698), Decode(3479447370796909)
	if a != (Point{13.361389338970184, 38.1155563954963}) {
		t.Errorf("Decode = %.17v", a)
	}
	if got := Distance(a, b); math.Abs(got-166274.1516) > 0.00005 {
		t.Errorf("Distance = %.4f", got)
	}
	if got := string(AppendString(nil, Encode(palermo))); got != "sqc8b49rny0" {
		t.Errorf("AppendString = %s", got)
	}
	if got := string(AppendString(nil, Encode(catania))); got != "sqdtr74hyu0" {
		t.Errorf("AppendString = %s", got)
	}
}

func randomPoint(r *rand.Rand) Point {
	return Point{r.Float64()*360 - 180, (r.Float64()*2 - 1) * MaxLatitude}
}

func TestDecodeIsNear(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	for range 10_000 {
		p := randomPoint(r)
		bits := Encode(p)
		q := Decode(bits)
		if math.Abs(p.Longitude-q.Longitude) > 180.0/(1<<26) || math.Abs(p.Latitude-q.Latitude) > MaxLatitude/(1<<26)+1e-12 {
			t.Fatalf("seed %d: %v became %v", seed, p, q)
		}
		if Encode(q) != bits {
			t.Fatalf("seed %d: the middle of %d has another hash", seed, bits)
		}
	}
}

// TestCover: whatever lies in a shape lies in one of its ranges. Shapes that
// reach beyond the projection or around the date line are not Redis' to cover.
func TestCover(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	inside := 0
	for range 20_000 {
		s := Shape{Center: Point{r.Float64()*200 - 100, r.Float64()*120 - 60}, Radius: math.Exp(r.Float64()*9) * 100}
		if r.IntN(2) == 0 {
			s.Width, s.Height, s.Radius = math.Exp(r.Float64()*9)*100, math.Exp(r.Float64()*9)*100, -1
		}
		b := s.bounds()
		if b.minLat < -MaxLatitude || b.maxLat > MaxLatitude || b.minLon < -180 || b.maxLon > 180 {
			continue
		}
		ranges := s.Cover(nil)
		for range 20 {
			p := Decode(Encode(Point{b.minLon + r.Float64()*(b.maxLon-b.minLon), b.minLat + r.Float64()*(b.maxLat-b.minLat)}))
			if _, ok := s.Contains(p); !ok {
				continue
			}
			inside++
			h, found := Encode(p), false
			for _, g := range ranges {
				found = found || g.Min <= h && h < g.Max
			}
			if !found {
				t.Fatalf("seed %d: %v in %+v is in none of %v", seed, p, s, ranges)
			}
		}
	}
	if inside < 10_000 {
		t.Errorf("only %d points were inside", inside)
	}
}

func TestMoveAndBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		h := encode(randomPoint(r), MaxLatitude, uint(1+r.IntN(Steps)))
		for _, d := range [][2]int{{1, 0}, {0, 1}, {1, 1}, {-1, 1}} {
			if got := h.move(d[0], d[1]).move(-d[0], -d[1]); got != h {
				t.Fatalf("%v moved by %v and back is %v", h, d, got)
			}
		}
	}
}

func TestGatherUndoesSpread(t *testing.T) {
	for range 1000 {
		v := rand.Uint32()
		if got := gather(spread(v)); got != v || spread(v)&oddBits != 0 {
			t.Fatalf("%x became %x", v, got)
		}
	}
}
