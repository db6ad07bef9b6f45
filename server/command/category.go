package command

// Category is a set of ACL categories.
type Category uint32

// The categories in the order in which COMMAND lists them.
const (
	CatKeyspace Category = 1 << iota
	CatRead
	CatWrite
	CatSet
	CatSortedSet
	CatList
	CatHash
	CatString
	CatBitmap
	CatHyperLogLog
	CatGeo
	CatStream
	CatPubSub
	CatAdmin
	CatFast
	CatSlow
	CatBlocking
	CatDangerous
	CatConnection
	CatTransaction
	CatScripting
)

var categoryNames = [...]string{
	"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string",
	"bitmap", "hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow",
	"blocking", "dangerous", "connection", "transaction", "scripting",
}

// ParseCategory finds a category by its name without the @, ignoring case.
func ParseCategory(name []byte) (Category, bool) {
	for i, n := range categoryNames {
		if equalLower(name, n) {
			return 1 << i, true
		}
	}
	return 0, false
}

// Categories are the names of all categories, in Redis' order.
func Categories() []string { return categoryNames[:] }

// Names lists the set's categories in Redis' order, without the @.
func (c Category) Names() []string {
	var names []string
	for i, n := range categoryNames {
		if c&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// implied are the categories that follow from flags. Scripts are not @read
// even when they may not write: what they do is known only as they run.
func implied(f Flag, given Category) (c Category) {
	for _, i := range [...]struct {
		flag Flag
		cat  Category
	}{
		{Write, CatWrite}, {ReadOnly, CatRead}, {Admin, CatAdmin | CatDangerous},
		{PubSub, CatPubSub}, {Blocking, CatBlocking}, {Fast, CatFast},
	} {
		if f&i.flag != 0 {
			c |= i.cat
		}
	}
	if f&Fast == 0 {
		c |= CatSlow
	}
	if given&CatScripting != 0 {
		c &^= CatRead
	}
	return c
}
