package ranked

import (
	"math/rand/v2"
	"testing"

	"github.com/tidwall/btree"

	"hpkv/engine/alloc"
)

const benchItems = 1_000_000

func BenchmarkInsert(b *testing.B) {
	b.Run("ranked", func(b *testing.B) {
		f := newFixture(b)
		r := rand.New(rand.NewPCG(1, 2))
		ref := f.record(b, "member")
		b.ReportAllocs()
		for range b.N {
			if err := f.tree.Insert(r.Float64(), ref); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(f.tree.Bytes())/float64(b.N), "bytes/item")
	})
	type item struct {
		score float64
		ref   alloc.Ref
	}
	b.Run("tidwall", func(b *testing.B) {
		t := btree.NewBTreeGOptions(func(x, y item) bool { return x.score < y.score }, btree.Options{NoLocks: true})
		r := rand.New(rand.NewPCG(1, 2))
		b.ReportAllocs()
		for range b.N {
			t.Set(item{r.Float64(), 1})
		}
	})
}

func BenchmarkRead(b *testing.B) {
	f := newFixture(b)
	r := rand.New(rand.NewPCG(1, 2))
	fill(b, f, benchItems, "random")
	var c Cursor
	b.Run("rank", func(b *testing.B) {
		for range b.N {
			f.tree.Rank(r.Float64(), []byte("x"))
		}
	})
	b.Run("count", func(b *testing.B) {
		for range b.N {
			f.tree.CountBelow(r.Float64(), true)
		}
	})
	b.Run("seek", func(b *testing.B) {
		for range b.N {
			f.tree.Seek(&c, r.IntN(benchItems))
		}
	})
	b.Run("walk100", func(b *testing.B) {
		for range b.N {
			f.tree.Seek(&c, r.IntN(benchItems-100))
			for range 100 {
				c.Item()
				c.Next()
			}
		}
	})
}

func BenchmarkPopAndInsert(b *testing.B) {
	f := newFixture(b)
	r := rand.New(rand.NewPCG(1, 2))
	fill(b, f, benchItems, "random")
	for range b.N {
		var c Cursor
		f.tree.Seek(&c, 0)
		_, ref := c.Item()
		f.tree.DeleteEnd(ref)
		if err := f.tree.Insert(r.Float64(), ref); err != nil {
			b.Fatal(err)
		}
	}
}
