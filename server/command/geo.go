package command

import (
	"strconv"

	"hpkv/engine"
	"hpkv/engine/geo"
	"hpkv/resp"
)

var geoRows = []Row{
	{Name: "geoadd", Arity: -5, Flags: Write | DenyOOM, Keys: one(KeyRW | KeyUpdate), Cats: CatGeo, Run: geoadd},
	{Name: "geodist", Arity: -4, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatGeo, Run: geodist},
	{Name: "geohash", Arity: -2, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatGeo, Run: geohash},
	{Name: "geopos", Arity: -2, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatGeo, Run: geopos},
	{Name: "geosearch", Arity: -7, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatGeo, Run: geosearch},
	{Name: "geosearchstore", Arity: -8, Flags: Write | DenyOOM, Keys: twoKeys(KeyOW|KeyUpdate, KeyRO|KeyAccess), Cats: CatGeo, Run: geosearchstore},
	{Name: "georadius", Arity: -6, Flags: Write | DenyOOM, Keys: radiusKeys(6), FindKeys: findRadiusKeys, Cats: CatGeo, Run: georadius},
	{Name: "georadius_ro", Arity: -6, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatGeo, Run: georadiusRO},
	{Name: "georadiusbymember", Arity: -5, Flags: Write | DenyOOM, Keys: radiusKeys(5), FindKeys: findRadiusKeys, Cats: CatGeo, Run: georadiusbymember},
	{Name: "georadiusbymember_ro", Arity: -5, Flags: ReadOnly, Keys: one(KeyRO | KeyAccess), Cats: CatGeo, Run: georadiusbymemberRO},
}

// radiusKeys are the specs of a search that may be stored, with options from an
// argument on.
func radiusKeys(options int) []KeySpec {
	keys := one(KeyRO | KeyAccess)
	for _, word := range []string{"STORE", "STOREDIST"} {
		keys = append(keys, KeySpec{Flags: KeyOW | KeyUpdate, Begin: BeginKeyword, Pos: options, Keyword: word, Step: 1})
	}
	return keys
}

// findRadiusKeys finds all destinations where the specs find one for each word:
// the last counts.
func findRadiusKeys(dst []KeyPos, args [][]byte) ([]KeyPos, bool) {
	dst = append(dst, KeyPos{1, KeyRO | KeyAccess})
	for i := 5; i+1 < len(args); i++ {
		if resp.EqualFold(args[i], "STORE") || resp.EqualFold(args[i], "STOREDIST") {
			i++
			dst = append(dst, KeyPos{i, KeyOW | KeyUpdate})
		}
	}
	return dst, len(args) > 1
}

// readPoint reads a longitude and a latitude.
func readPoint(a *resp.Args) (p geo.Point) {
	p.Longitude, p.Latitude = a.Float(), a.Float()
	if !p.Valid() {
		a.Fail(resp.GeoPair(p.Longitude, p.Latitude))
	}
	return p
}

// readUnit reads a unit of length and returns its metres.
func readUnit(a *resp.Args) float64 {
	switch {
	case a.Tag("M"):
		return 1
	case a.Tag("KM"):
		return 1000
	case a.Tag("FT"):
		return 0.3048
	case a.Tag("MI"):
		return 1609.34
	}
	a.Fail(resp.ErrGeoUnit)
	return 1
}

func geoadd(c *Ctx) {
	a := resp.NewArgs(c.Args[2:])
	var o engine.ZAddOptions
	changed := false
	for options := true; options; {
		switch {
		case a.Tag("NX"):
			o.NX = true
		case a.Tag("XX"):
			o.XX = true
		case a.Tag("CH"):
			changed = true
		default:
			options = false
		}
	}
	if a.Len()%3 != 0 || a.Len() == 0 || o.NX && o.XX {
		c.W.Error(resp.ErrSyntax)
		return
	}
	c.scores = c.scores[:0]
	var pairs [][]byte
	for a.More() {
		if p := readPoint(&a); a.Err() == "" {
			c.scores = append(c.scores, float64(geo.Encode(p)))
		}
		pairs = append(pairs, nil, a.Bytes())
	}
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	res, err := c.Txn.ZAdd(c.Args[1], c.scores, pairs, o)
	if changed {
		c.integer(res.Changed, err)
	} else {
		c.integer(res.Added, err)
	}
}

func geodist(c *Ctx) {
	metres := 1.0
	if len(c.Args) > 4 {
		a := resp.NewArgs(c.Args[4:])
		if len(c.Args) > 5 {
			a.Fail(resp.ErrSyntax)
		}
		if metres = readUnit(&a); a.Err() != "" {
			c.W.Error(a.Err())
			return
		}
	}
	var points []geo.Point
	err := c.Txn.ZScores(c.Args[1], c.Args[2:4], func(score float64, ok bool) {
		if ok {
			points = append(points, geo.Decode(uint64(score)))
		}
	})
	switch {
	case err != nil:
		c.Fail(err)
	case len(points) < 2:
		c.W.Null()
	default:
		writeDistance(c.W, geo.Distance(points[0], points[1])/metres)
	}
}

func writeDistance(w *resp.Writer, d float64) {
	var room [32]byte
	w.Bulk(strconv.AppendFloat(room[:0], d, 'f', 4, 64))
}

func writePoint(w *resp.Writer, p geo.Point) {
	w.Array(2)
	w.FixedDouble(p.Longitude)
	w.FixedDouble(p.Latitude)
}

func geohash(c *Ctx) {
	places(c, (*resp.Writer).Null, func(w *resp.Writer, bits uint64) {
		var room [11]byte
		w.Bulk(geo.AppendString(room[:0], bits))
	})
}

func geopos(c *Ctx) {
	places(c, (*resp.Writer).NullArray, func(w *resp.Writer, bits uint64) { writePoint(w, geo.Decode(bits)) })
}

// places replies with an element for each member asked for.
func places(c *Ctx, absent func(*resp.Writer), place func(w *resp.Writer, bits uint64)) {
	at := c.W.Len()
	c.W.Array(len(c.Args) - 2)
	err := c.Txn.ZScores(c.Args[1], c.Args[2:], func(score float64, ok bool) {
		if ok {
			place(c.W, uint64(score))
		} else {
			absent(c.W)
		}
	})
	if err != nil {
		c.W.Truncate(at)
		c.Fail(err)
	}
}
