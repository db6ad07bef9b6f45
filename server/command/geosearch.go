package command

import (
	"cmp"
	"math"
	"slices"

	"hpkv/engine"
	"hpkv/engine/geo"
	"hpkv/resp"
)

// geoQuery is a parsed search.
type geoQuery struct {
	form  geoForm
	key   []byte
	found bool // key exists
	shape geo.Shape
	unit  float64 // metres

	fromMember, fromPoint, byRadius, byBox bool

	withDist, withHash, withCoord bool

	count     int
	any       bool
	sort      int // 1 ascending, -1 descending
	store     []byte
	storeDist bool
}

// geoForm says what arguments a command of the family has.
type geoForm uint8

const (
	radiusForm geoForm = 1 << iota // place, radius and unit come first
	memberForm                     // the place is a member
	storeForm                      // STORE and STOREDIST are options
	destForm                       // the destination comes first
)

func geosearch(c *Ctx) { search(c, &geoQuery{key: c.Args[1]}, 2) }
func geosearchstore(c *Ctx) {
	search(c, &geoQuery{form: destForm, key: c.Args[2], store: c.Args[1]}, 3)
}
func georadius(c *Ctx)   { search(c, &geoQuery{form: radiusForm | storeForm, key: c.Args[1]}, 2) }
func georadiusRO(c *Ctx) { search(c, &geoQuery{form: radiusForm, key: c.Args[1]}, 2) }
func georadiusbymemberRO(c *Ctx) {
	search(c, &geoQuery{form: radiusForm | memberForm, key: c.Args[1]}, 2)
}
func georadiusbymember(c *Ctx) {
	search(c, &geoQuery{form: radiusForm | memberForm | storeForm, key: c.Args[1]}, 2)
}

func search(c *Ctx, q *geoQuery, options int) {
	c.Txn.Hold(q.key)
	// The one look-up that counts, before the arguments are looked at.
	if q.found = c.Txn.Exists(q.key); q.found && c.Txn.Type(q.key) != engine.TypeZSet {
		c.W.Error(resp.ErrWrongType)
		return
	}
	a := resp.NewArgs(c.Args[options:])
	if q.parse(c, &a); a.Err() != "" {
		c.W.Error(a.Err())
		return
	}
	if q.count > 0 && q.sort == 0 && !q.any {
		q.sort = 1
	}
	limit := 0
	if q.any {
		limit = q.count
	}
	var found []engine.GeoFound
	if q.found {
		c.Txn.Aside(func() { found, _ = c.Txn.GeoSearch(q.key, &q.shape, limit) })
	}
	if q.sort != 0 {
		slices.SortStableFunc(found, func(a, b engine.GeoFound) int { return q.sort * cmp.Compare(a.Distance, b.Distance) })
	}
	if q.count > 0 {
		found = found[:min(len(found), q.count)]
	}
	if q.store != nil {
		q.keep(c, found)
	} else {
		q.list(c.W, found)
	}
}

// parse reads all arguments but the keys. The key's members are asked for their
// place on the way: Redis reports one that is missing before what is wrong
// behind it.
func (q *geoQuery) parse(c *Ctx, a *resp.Args) {
	if q.form&radiusForm != 0 {
		q.fromPoint, q.byRadius = true, true
		if q.form&memberForm != 0 {
			q.placeOf(c, a)
		} else {
			q.shape.Center = readPoint(a)
		}
		if q.form&memberForm == 0 || q.found {
			q.readRadius(a)
		} else { // not even looked at
			a.Bytes()
			a.Bytes()
		}
	}
	for a.More() {
		if !q.output(a) && !q.storing(a) && (q.form&radiusForm != 0 || !q.where(c, a)) {
			a.Fail(resp.ErrSyntax)
		}
	}
	switch {
	case q.store != nil && (q.withDist || q.withHash || q.withCoord):
		if q.form&destForm != 0 {
			a.Fail(resp.GeoStoreWith("GEOSEARCHSTORE"))
		}
		a.Fail(resp.GeoStoreWith("STORE option in GEORADIUS"))
	case !q.fromMember && !q.fromPoint:
		a.Fail(resp.GeoNeedsCenter(c.Args[0]))
	case !q.byRadius && !q.byBox:
		a.Fail(resp.GeoNeedsShape(c.Args[0]))
	case q.any && q.count == 0:
		a.Fail(resp.ErrGeoAny)
	}
}

// placeOf reads a member and takes its place for the centre.
func (q *geoQuery) placeOf(c *Ctx, a *resp.Args) {
	member := a.Bytes()
	if a.Err() != "" || !q.found {
		return
	}
	var score float64
	var ok bool
	c.Txn.Aside(func() { score, ok, _ = c.Txn.ZScore(q.key, member) })
	if !ok {
		a.Fail(resp.ErrGeoMember)
		return
	}
	q.shape.Center = geo.Decode(uint64(score))
}

func (q *geoQuery) readRadius(a *resp.Args) {
	r := a.FloatElse(resp.ErrGeoRadius)
	if r < 0 {
		a.Fail(resp.ErrGeoRadiusSign)
	}
	q.unit = readUnit(a)
	q.shape.Radius = r * q.unit
}

func (q *geoQuery) readBox(a *resp.Args) {
	w, h := a.FloatElse(resp.ErrGeoWidth), a.FloatElse(resp.ErrGeoHeight)
	if w < 0 || h < 0 {
		a.Fail(resp.ErrGeoBoxSign)
	}
	q.unit = readUnit(a)
	q.shape.Width, q.shape.Height, q.shape.Radius = w*q.unit, h*q.unit, -1
}

// output reads an option about what is returned.
func (q *geoQuery) output(a *resp.Args) bool {
	switch {
	case a.Tag("WITHDIST"):
		q.withDist = true
	case a.Tag("WITHHASH"):
		q.withHash = true
	case a.Tag("WITHCOORD"):
		q.withCoord = true
	case a.Tag("ANY"):
		q.any = true
	case a.Tag("ASC"):
		q.sort = 1
	case a.Tag("DESC"):
		q.sort = -1
	case a.TagWith("COUNT", 1):
		n := a.Int64()
		if n <= 0 {
			a.Fail(resp.ErrGeoCount)
		}
		q.count = int(min(n, math.MaxInt))
	default:
		return false
	}
	return true
}

// storing reads an option about a destination.
func (q *geoQuery) storing(a *resp.Args) bool {
	switch {
	case q.form&storeForm != 0 && a.TagWith("STORE", 1):
		q.store, q.storeDist = a.Bytes(), false
	case q.form&storeForm != 0 && a.TagWith("STOREDIST", 1):
		q.store, q.storeDist = a.Bytes(), true
	case q.form&destForm != 0 && a.Tag("STOREDIST"):
		q.storeDist = true
	default:
		return false
	}
	return true
}

// where reads an option about the centre or the shape.
func (q *geoQuery) where(c *Ctx, a *resp.Args) bool {
	switch {
	case !q.fromPoint && a.TagWith("FROMMEMBER", 1):
		q.fromMember = true
		q.placeOf(c, a)
	case !q.fromMember && a.TagWith("FROMLONLAT", 2):
		q.fromPoint = true
		q.shape.Center = readPoint(a)
	case !q.byBox && a.TagWith("BYRADIUS", 2):
		q.byRadius = true
		q.readRadius(a)
	case !q.byRadius && a.TagWith("BYBOX", 3):
		q.byBox = true
		q.readBox(a)
	default:
		return false
	}
	return true
}

// list replies with what was found.
func (q *geoQuery) list(w *resp.Writer, found []engine.GeoFound) {
	parts := 1
	for _, with := range []bool{q.withDist, q.withHash, q.withCoord} {
		if with {
			parts++
		}
	}
	w.Array(len(found))
	for i := range found {
		f := &found[i]
		if parts > 1 {
			w.Array(parts)
		}
		w.Bulk(f.Member)
		if q.withDist {
			writeDistance(w, f.Distance/q.unit)
		}
		if q.withHash {
			w.Int(int64(f.Score))
		}
		if q.withCoord {
			writePoint(w, f.Point)
		}
	}
}

// keep stores what was found, with its hashes or its distances as scores.
func (q *geoQuery) keep(c *Ctx, found []engine.GeoFound) {
	members := make([]engine.ZMember, len(found))
	for i, f := range found {
		members[i] = engine.ZMember{Member: f.Member, Score: f.Score}
		if q.storeDist {
			members[i].Score = f.Distance / q.unit
		}
	}
	engine.SortZMembers(members)
	ev := engine.EventGeoRadiusStore
	if q.form&destForm != 0 {
		ev = engine.EventGeoSearchStore
	}
	c.integer(c.Txn.ZStore(q.store, members, ev))
}
