// Package geo turns coordinates into 52-bit hashes that sort by area, and back,
// and tells distances and the areas that cover a shape: the arithmetic of the
// geo commands, with the constants of Redis, so that scores, members found and
// printed digits are the same.
//
// Longitudes and latitudes are degrees, lengths are metres.
package geo

import "math"

// Bounds of coordinates that have a hash: those of the web Mercator projection.
const (
	MaxLongitude = 180.0
	MaxLatitude  = 85.05112878
)

// Steps is the number of bits of each coordinate in a full hash.
const Steps = 26

// earthRadius is the quadratic mean radius Redis uses.
const earthRadius = 6372797.560856

// Point is a place.
type Point struct{ Longitude, Latitude float64 }

// Valid reports whether the point has a hash.
func (p Point) Valid() bool {
	return p.Longitude >= -MaxLongitude && p.Longitude <= MaxLongitude &&
		p.Latitude >= -MaxLatitude && p.Latitude <= MaxLatitude
}

// hash is a cell: step bits of each coordinate, interleaved, those of the
// latitude in the even places. The zero hash is no cell.
type hash struct {
	bits uint64
	step uint
}

// Encode returns the hash of a valid point.
func Encode(p Point) uint64 { return encode(p, MaxLatitude, Steps).bits }

func encode(p Point, maxLat float64, step uint) hash {
	scale := float64(uint64(1) << step)
	lat := (p.Latitude + maxLat) / (maxLat + maxLat) * scale
	lon := (p.Longitude + MaxLongitude) / (MaxLongitude + MaxLongitude) * scale
	return hash{spread(uint32(lat)) | spread(uint32(lon))<<1, step}
}

// Decode returns the middle of the cell of a hash.
func Decode(bits uint64) Point {
	a := hash{bits, Steps}.area()
	return Point{
		Longitude: min(max((a.minLon+a.maxLon)/2, -MaxLongitude), MaxLongitude),
		Latitude:  min(max((a.minLat+a.maxLat)/2, -MaxLatitude), MaxLatitude),
	}
}

// box is an area in degrees.
type box struct{ minLon, minLat, maxLon, maxLat float64 }

// area computes with each product rounded: machines that fuse it with the sum
// would find other digits than the rest.
func (h hash) area() box {
	scale := float64(uint64(1) << h.step)
	lat, lon := float64(gather(h.bits)), float64(gather(h.bits>>1))
	return box{
		minLon: -MaxLongitude + float64(lon/scale*(2*MaxLongitude)),
		maxLon: -MaxLongitude + float64((lon+1)/scale*(2*MaxLongitude)),
		minLat: -MaxLatitude + float64(lat/scale*(2*MaxLatitude)),
		maxLat: -MaxLatitude + float64((lat+1)/scale*(2*MaxLatitude)),
	}
}

// spread moves the bits of v to the even places.
func spread(v uint32) uint64 {
	x := uint64(v)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	x = (x | x<<2) & 0x3333333333333333
	return (x | x<<1) & 0x5555555555555555
}

// gather is the inverse of spread; odd places are ignored.
func gather(x uint64) uint32 {
	x &= 0x5555555555555555
	x = (x | x>>1) & 0x3333333333333333
	x = (x | x>>2) & 0x0f0f0f0f0f0f0f0f
	x = (x | x>>4) & 0x00ff00ff00ff00ff
	x = (x | x>>8) & 0x0000ffff0000ffff
	return uint32(x | x>>16)
}

const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"

// AppendString appends the 11 characters of the common geohash text of a place
// given by its hash. Text covers all latitudes, so the place is encoded anew;
// its 52 bits are ten characters, and the last is always 0.
func AppendString(dst []byte, bits uint64) []byte {
	h := encode(Decode(bits), 90, Steps).bits
	for shift := 47; shift >= 2; shift -= 5 {
		dst = append(dst, alphabet[h>>shift&31])
	}
	return append(dst, alphabet[0])
}

func radians(deg float64) float64 { return deg * (math.Pi / 180) }
func degrees(rad float64) float64 { return rad / (math.Pi / 180) }

// Distance returns the length of the great circle between two points, by the
// haversine formula.
func Distance(a, b Point) float64 {
	v := math.Sin((radians(b.Longitude) - radians(a.Longitude)) / 2)
	if v == 0 {
		return latitudeDistance(a.Latitude, b.Latitude)
	}
	lat1, lat2 := radians(a.Latitude), radians(b.Latitude)
	u := math.Sin((lat2 - lat1) / 2)
	h := u*u + math.Cos(lat1)*math.Cos(lat2)*v*v
	return 2 * earthRadius * math.Asin(math.Sqrt(h))
}

func latitudeDistance(a, b float64) float64 {
	return earthRadius * math.Abs(radians(b)-radians(a))
}
