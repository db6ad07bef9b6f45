package geo

import "math"

// Shape is what a search covers: a circle of a radius, or a box of a width and
// a height if Radius is negative, around a centre.
type Shape struct {
	Center        Point
	Radius        float64
	Width, Height float64
}

// Contains reports whether p lies in the shape, and its distance from the
// centre.
func (s *Shape) Contains(p Point) (distance float64, ok bool) {
	if s.Radius < 0 {
		if latitudeDistance(p.Latitude, s.Center.Latitude) > s.Height/2 {
			return 0, false
		}
		if Distance(p, Point{s.Center.Longitude, p.Latitude}) > s.Width/2 {
			return 0, false
		}
		return Distance(s.Center, p), true
	}
	distance = Distance(s.Center, p)
	return distance, distance <= s.Radius
}

// Range is a range of full hashes: Min <= hash < Max.
type Range struct{ Min, Max uint64 }

// mercatorMax is half the equator's length in the projection.
const mercatorMax = 20037726.37

// stepsFor returns how fine cells may be for a cell and its neighbours to cover
// a radius around a latitude.
func stepsFor(radius, latitude float64) uint {
	if radius == 0 {
		return Steps
	}
	step := 1
	for ; radius < mercatorMax; step++ {
		radius *= 2
	}
	step -= 2
	if latitude > 66 || latitude < -66 { // cells get narrow towards the poles
		step--
		if latitude > 80 || latitude < -80 {
			step--
		}
	}
	return uint(min(max(step, 1), Steps))
}

// bounds returns the box around the shape.
func (s *Shape) bounds() box {
	height, width := s.Height/2, s.Width/2
	if s.Radius >= 0 {
		height, width = s.Radius, s.Radius
	}
	lon, lat := s.Center.Longitude, s.Center.Latitude
	dLat := degrees(height / earthRadius)
	wide := lat + dLat // the latitude at which the box spans most degrees
	if lat < 0 {
		wide = lat - dLat
	}
	dLon := degrees(width / earthRadius / math.Cos(radians(wide)))
	return box{lon - dLon, lat - dLat, lon + dLon, lat + dLat}
}

// neighbours of a cell, in the order in which a search goes through them.
const (
	center = iota
	north
	south
	east
	west
	northEast
	northWest
	southEast
	southWest
	cells
)

const (
	evenBits = 0x5555555555555555 // of the latitude
	oddBits  = 0xaaaaaaaaaaaaaaaa // of the longitude
)

// move returns the cell dLon cells to the east and dLat to the north, each -1,
// 0 or 1, around the ends of the world. The cell of a coordinate at the upper
// bound is one too far; as in Redis only a move in its direction puts that right.
func (h hash) move(dLon, dLat int) hash {
	even, odd := uint64(evenBits)>>(64-2*h.step), uint64(oddBits)>>(64-2*h.step)
	lat, lon := h.bits&evenBits, h.bits&oddBits
	// With the other coordinate's bits set a carry runs through them, with
	// those clear a borrow does.
	switch dLon {
	case 1:
		lon = (lon + (even + 1)) & odd
	case -1:
		lon = ((lon | even) - (even + 1)) & odd
	}
	switch dLat {
	case 1:
		lat = (lat + (odd + 1)) & even
	case -1:
		lat = ((lat | odd) - (odd + 1)) & even
	}
	return hash{lat | lon, h.step}
}

func (h hash) around() [cells]hash {
	return [cells]hash{
		h, h.move(0, 1), h.move(0, -1), h.move(1, 0), h.move(-1, 0),
		h.move(1, 1), h.move(-1, 1), h.move(1, -1), h.move(-1, -1),
	}
}

// Cover appends to dst the ranges of hashes, at most nine, in which all points
// of the shape are, in the order in which Redis searches them.
func (s *Shape) Cover(dst []Range) []Range {
	want := s.bounds()
	radius := s.Radius
	if radius < 0 {
		radius = math.Sqrt(s.Width/2*(s.Width/2) + s.Height/2*(s.Height/2))
	}
	h := encode(s.Center, MaxLatitude, stepsFor(radius, s.Center.Latitude))
	around := h.around()
	if h.step > 1 && (around[north].area().maxLat < want.maxLat || around[south].area().minLat > want.minLat ||
		around[east].area().maxLon < want.maxLon || around[west].area().minLon > want.minLon) {
		h = encode(s.Center, MaxLatitude, h.step-1)
		around = h.around()
	}
	if h.step >= 2 {
		drop := func(is ...int) {
			for _, i := range is {
				around[i] = hash{}
			}
		}
		a := h.area()
		if a.minLat < want.minLat {
			drop(south, southWest, southEast)
		}
		if a.maxLat > want.maxLat {
			drop(north, northEast, northWest)
		}
		if a.minLon < want.minLon {
			drop(west, southWest, northWest)
		}
		if a.maxLon > want.maxLon {
			drop(east, southEast, northEast)
		}
	}
	last := center // cells as large as the world repeat
	for i, c := range around {
		if c == (hash{}) || last != center && c == around[last] {
			continue
		}
		last = i
		shift := 2 * (Steps - c.step)
		dst = append(dst, Range{c.bits << shift, (c.bits + 1) << shift})
	}
	return dst
}
