package engine

import (
	"bytes"

	"hpkv/engine/geo"
	"hpkv/engine/zset"
)

// GeoFound is a member that a search found.
type GeoFound struct {
	Member   []byte
	Score    float64
	Point    geo.Point
	Distance float64 // from the centre, in metres
}

// GeoSearch returns the members of the sorted set at key whose scores, taken as
// hashes of places, lie in a shape: cell by cell, in order of hashes in each. With
// a limit other than 0 it stops at that many. An absent key has none.
func (t *Txn) GeoSearch(key []byte, shape *geo.Shape, limit int) (found []GeoFound, err error) {
	var n entry
	s, err := t.openRead(key, TypeZSet, &n)
	defer t.leave(s)
	if err != nil {
		return nil, err
	}
	v := s.viewZSet(&n)
	var room [9]geo.Range
	for _, r := range shape.Cover(room[:0]) {
		lo, hi := v.ranks(&ZRange{By: ByScore, Score: zset.ScoreRange{Min: float64(r.Min), Max: float64(r.Max), MaxEx: true}})
		v.walk(lo, hi, false, func(member []byte, score float64) bool {
			p := geo.Decode(uint64(score))
			if d, ok := shape.Contains(p); ok {
				found = append(found, GeoFound{bytes.Clone(member), score, p, d})
			}
			return limit == 0 || len(found) < limit
		})
		if limit != 0 && len(found) >= limit {
			break
		}
	}
	return found, nil
}
