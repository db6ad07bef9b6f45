package compat

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Scores are chosen so that they and their sums print alike in every version, and
// are within the range of a double: Redis' next SORT takes errno for its own.
// Ranges of members mean nothing where scores differ, and places nothing where
// scores are no hashes: both have keys of their own.
var zsetGrammar = []grammarRow{
	{14, "ZADD {key} [ NX | XX ] [ GT | LT ] [ CH ] < {score} {zmember} >"},
	{3, "ZADD {key} [ NX | XX ] [ GT | LT ] [ CH ] INCR {score} {zmember}"},
	{4, "ZINCRBY {key} {score} {zmember}"},
	{5, "ZREM {key} < {zmember} >"},
	{2, "ZCARD {key}"},
	{3, "ZSCORE {key} {zmember}"},
	{2, "ZMSCORE {key} < {zmember} >"},
	{4, "( ZRANK | ZREVRANK ) {key} {zmember}"},
	{4, "ZRANGE {key} {small} {small} [ REV ] [ WITHSCORES ] [ LIMIT {small} {small} ]"},
	{4, "ZRANGE {key} {zbound} {zbound} BYSCORE [ REV ] [ LIMIT {small} {small} ] [ WITHSCORES ]"},
	{2, "ZREVRANGE {key} {small} {small} [ WITHSCORES ]"},
	{4, "( ZRANGEBYSCORE | ZREVRANGEBYSCORE ) {key} {zbound} {zbound} [ WITHSCORES ] [ LIMIT {small} {small} ]"},
	{3, "ZCOUNT {key} {zbound} {zbound}"},
	{2, "ZREMRANGEBYRANK {key} {small} {small}"},
	{2, "ZREMRANGEBYSCORE {key} {zbound} {zbound}"},
	{4, "( ZPOPMIN | ZPOPMAX ) {key} [ {small} ]"},
	{2, "ZMPOP {small} < {key} > ( MIN | MAX ) [ COUNT {small} ]"},
	{2, "ZMPOP 1 {key} ( MIN | MAX ) [ COUNT {small} ]"},
	{3, "( BZPOPMIN | BZPOPMAX ) < {key} > {wait}"},
	{2, "BZMPOP {wait} {small} < {key} > ( MIN | MAX ) [ COUNT {small} ]"},
	{2, "BZMPOP {wait} 1 {key} ( MIN | MAX ) [ COUNT {small} ]"},
	{2, "ZSCAN {key} 0 COUNT 10000 [ MATCH {pattern} ]"},
	{3, "( ZUNION | ZINTER ) 2 {key} {key} [ WEIGHTS {weight} {weight} ] [ AGGREGATE ( SUM | MIN | MAX | {junk} ) ] [ WITHSCORES ]"},
	{2, "ZDIFF {small} < {key} > [ WITHSCORES ]"},
	{2, "ZDIFF 2 {key} {key} [ WITHSCORES ]"},
	{2, "ZINTERCARD 2 {key} {key} [ LIMIT {small} ]"},
	{4, "( ZUNIONSTORE | ZINTERSTORE ) {key} 2 {key} {key} [ WEIGHTS {weight} {weight} ] [ AGGREGATE ( SUM | MIN | MAX ) ]"},
	{2, "ZDIFFSTORE {key} 2 {key} {key}"},
	{3, "ZRANGESTORE {key} {key} {small} {small} [ REV ]"},
	{2, "ZRANGESTORE {key} {key} {zbound} {zbound} BYSCORE [ REV ] [ LIMIT {small} {small} ]"},

	{5, "ZADD {lexkey} < 0 {zmember} >"},
	{3, "ZRANGE {lexkey} {lexbound} {lexbound} BYLEX [ REV ] [ LIMIT {small} {small} ]"},
	{3, "( ZRANGEBYLEX | ZREVRANGEBYLEX ) {lexkey} {lexbound} {lexbound} [ LIMIT {small} {small} ]"},
	{2, "( ZLEXCOUNT | ZREMRANGEBYLEX ) {lexkey} {lexbound} {lexbound}"},
}

var geoGrammar = []grammarRow{
	{6, "GEOADD {geokey} [ NX | XX ] [ CH ] < {lon} {lat} {geomember} >"},
	{2, "GEODIST {geokey} {geomember} {geomember} [ {unit} ]"},
	{2, "( GEOPOS | GEOHASH ) {geokey} < {geomember} >"},
	{3, "GEOSEARCH {geokey} FROMLONLAT {lon} {lat} BYRADIUS {length} {unit} [ ASC | DESC ] [ WITHDIST ] [ WITHCOORD ] [ WITHHASH ]"},
	{3, "GEOSEARCH {geokey} FROMMEMBER {geomember} BYBOX {length} {length} {unit} [ ASC | DESC ] [ COUNT {small} [ ANY ] ] [ WITHDIST ]"},
	{2, "GEOSEARCHSTORE {geokey} {geokey} FROMMEMBER {geomember} BYRADIUS {length} {unit} [ COUNT {small} ]"},
	{1, "GEORADIUS_RO {geokey} {lon} {lat} {length} {unit} [ WITHHASH ] [ COUNT {small} ] [ ASC | DESC ]"},
	{2, "GEORADIUS {geokey} {lon} {lat} {length} {unit} [ WITHDIST ] [ COUNT {small} ] [ ASC | DESC ] [ STORE {geokey} ]"},
	{2, "( GEORADIUSBYMEMBER | GEORADIUSBYMEMBER_RO ) {geokey} {geomember} {length} {unit} [ WITHCOORD ] [ ASC | DESC ]"},
	{1, "ZREM {geokey} {geomember}"},
}

func init() {
	for name, make := range map[string]func(r *rand.Rand) string{
		"score": func(r *rand.Rand) string {
			switch r.IntN(12) {
			case 0:
				return pick(r, "inf", "-inf", "+inf", "-0", "0x10", "1e3", "+1", "9007199254740992")
			case 1:
				return pick(r, "nan", "abc", "", " 1")
			case 2:
				return strconv.FormatFloat(float64(r.IntN(200)-100)/8, 'f', -1, 64)
			}
			return strconv.Itoa(r.IntN(30) - 10)
		},
		"zmember": func(r *rand.Rand) string {
			switch r.IntN(14) {
			case 0:
				return strings.Repeat("l", 64+r.IntN(3)) // at the limit of the compact form
			case 1:
				return pick(r, "", "\x00", "\xff", "-5", "0", "12345", "9223372036854775807", "a\r\nb")
			}
			return pick(r, "a", "b", "c", "d", "e", "f", "aa", "ab", "1", "2", "3", "10")
		},
		"zbound": func(r *rand.Rand) string {
			if r.IntN(8) == 0 {
				return pick(r, "nan", "abc", "", "(", "((1", " 1", "0x2")
			}
			return pick(r, "", "(") + pick(r, "-inf", "+inf", "inf", "-5", "0", "1", "2.5", "3", "10", "15")
		},
		"weight": func(r *rand.Rand) string { return pick(r, "0", "1", "2", "0.5", "-1", "inf", "-inf", "x", "nan") },
		"lexkey": func(r *rand.Rand) string { return pick(r, "lx", "ly") },
		"lexbound": func(r *rand.Rand) string {
			if r.IntN(6) == 0 {
				return pick(r, "-", "+", "a", "", "-a", "+b", "[", "(")
			}
			return pick(r, "[", "(", "[", "(", "-", "+") + pick(r, "a", "b", "d", "aa", "ab", "1", "z", "")
		},
		"geokey":    func(r *rand.Rand) string { return pick(r, "ga", "gb") },
		"geomember": func(r *rand.Rand) string { return pick(r, "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8") },
		"lon": func(r *rand.Rand) string {
			if r.IntN(30) == 0 {
				return pick(r, "180", "-180", "181", "x", "nan")
			}
			return fmt.Sprintf("%.6f", r.Float64()*40-20)
		},
		"lat": func(r *rand.Rand) string {
			if r.IntN(30) == 0 {
				return pick(r, "85.05112878", "-85.05112878", "86", "")
			}
			return fmt.Sprintf("%.6f", r.Float64()*60-20)
		},
		"length": func(r *rand.Rand) string { return pick(r, "0", "100", "1000", "5000000", "2500.5", "-1", "x", "20000") },
		"unit":   func(r *rand.Rand) string { return pick(r, "m", "km", "KM", "ft", "mi", "km", "m", "yd") },
	} {
		generators[name] = make
	}
}
