package store

import (
	"fmt"
	"sync"
	"testing"
)

func key(n int) Key {
	s := fmt.Sprintf("key:%012d", n)
	return Key{[]byte(s), s}
}

// Every store must do the same, or the figures do not compare.
func TestStoresAgree(t *testing.T) {
	for _, maker := range Makers() {
		t.Run(maker.Name, func(t *testing.T) {
			const n = 1000
			s, err := maker.Open(n)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			value := []byte("first")
			for i := range n {
				s.Set(key(i), value)
			}
			copy(value, "spoil") // the store must have its own copy
			if s.Len() != n {
				t.Fatalf("%d keys, want %d", s.Len(), n)
			}
			s.Set(key(1), []byte("a longer second value"))
			s.Set(key(2), []byte("other"))
			for i, want := range []string{"first", "a longer second value", "other"} {
				got, ok := s.Get([]byte("dst "), key(i))
				if !ok || string(got) != "dst "+want {
					t.Errorf("key %d: %q, %v", i, got, ok)
				}
			}
			if got, ok := s.Get(nil, key(n)); ok || len(got) != 0 {
				t.Errorf("a missing key: %q, %v", got, ok)
			}

			m := s.NewMany()
			batch, values := Batch{}, [][]byte{}
			for i := n - 8; i < n+8; i++ {
				batch.Bytes = append(batch.Bytes, key(i).Bytes)
				batch.Text = append(batch.Text, key(i).Text)
				values = append(values, []byte("batch"))
			}
			if found, bytes := m.Get(batch); found != 8 || bytes != 8*5 {
				t.Errorf("batch of 8 keys and 8 missing: %d, %d bytes", found, bytes)
			}
			m.Set(batch, values)
			if found, bytes := m.Get(batch); found != 16 || bytes != 16*5 || s.Len() != n+8 {
				t.Errorf("after the batch was set: %d, %d bytes, %d keys", found, bytes, s.Len())
			}
			if deleted := m.Delete(batch); deleted != 16 || s.Len() != n-8 {
				t.Errorf("deleted %d, %d left", deleted, s.Len())
			}
			if !s.Delete(key(0)) || s.Delete(key(0)) {
				t.Error("a key can be deleted once")
			}
		})
	}
}

func TestStoresAreSafe(t *testing.T) {
	for _, maker := range Makers() {
		t.Run(maker.Name, func(t *testing.T) {
			s, err := maker.Open(100)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var running sync.WaitGroup
			for g := range 4 {
				running.Go(func() {
					many, value := s.NewMany(), []byte(fmt.Sprintf("value%d", g))
					for i := range 500 {
						k := key(i % 10)
						s.Set(k, value)
						if got, ok := s.Get(nil, k); ok && (len(got) != 6 || string(got[:5]) != "value") {
							t.Errorf("torn value %q", got)
						}
						many.Get(Batch{[][]byte{k.Bytes}, []string{k.Text}})
						s.Delete(k)
					}
				})
			}
			running.Wait()
		})
	}
}
