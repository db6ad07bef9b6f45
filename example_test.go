package hpkv_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"hpkv"
)

func Example() {
	db, err := hpkv.Open(hpkv.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	if err := db.Set([]byte("greeting"), []byte("hello")); err != nil {
		log.Fatal(err)
	}
	val, err := db.Get(nil, []byte("greeting"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", val)

	_, err = db.Get(nil, []byte("absent"))
	fmt.Println(errors.Is(err, hpkv.ErrNotFound))
	// Output:
	// hello
	// true
}

func ExampleDB_Incr() {
	db, _ := hpkv.Open(hpkv.Options{})
	defer db.Close()
	db.Incr([]byte("visits"), 1)
	n, err := db.Incr([]byte("visits"), 10)
	fmt.Println(n, err)
	// Output: 11 <nil>
}

func ExampleDB_SetTTL() {
	db, _ := hpkv.Open(hpkv.Options{})
	defer db.Close()
	db.SetTTL([]byte("session"), []byte("alice"), time.Hour)
	ttl, err := db.TTL([]byte("session"))
	fmt.Println(ttl > 59*time.Minute, err)
	// Output: true <nil>
}

func ExampleDB_GetMany() {
	db, _ := hpkv.Open(hpkv.Options{})
	defer db.Close()
	keys := [][]byte{[]byte("a"), []byte("b"), []byte("c")}
	db.SetMany(keys[:2], [][]byte{[]byte("one"), []byte("two")})

	var vals hpkv.Values // reuse it: no allocations
	if err := db.GetMany(keys, &vals); err != nil {
		log.Fatal(err)
	}
	for i, key := range keys {
		val, ok := vals.At(i)
		fmt.Printf("%s %q %v\n", key, val, ok)
	}
	// Output:
	// a "one" true
	// b "two" true
	// c "" false
}

func ExampleDB_DeleteMany() {
	db, _ := hpkv.Open(hpkv.Options{})
	defer db.Close()
	db.Set([]byte("a"), []byte("one"))
	n, err := db.DeleteMany([][]byte{[]byte("a"), []byte("b")})
	fmt.Println(n, err)
	// Output: 1 <nil>
}

func ExampleDB_Range() {
	db, _ := hpkv.Open(hpkv.Options{})
	defer db.Close()
	for _, name := range []string{"cherry", "apple", "date", "banana"} {
		db.Set([]byte("fruit:"+name), []byte(fmt.Sprint(len(name))))
	}
	for key, val := range db.Range([]byte("fruit:b"), []byte("fruit:d")) {
		fmt.Printf("%s=%s\n", key, val)
	}
	// Output:
	// fruit:banana=6
	// fruit:cherry=6
}

func ExampleDB_Update() {
	db, _ := hpkv.Open(hpkv.Options{})
	defer db.Close()
	db.Set([]byte("stock"), []byte("3"))

	err := db.Update(func(tx *hpkv.Tx) error {
		stock, err := tx.Get(nil, []byte("stock"))
		if err != nil {
			return err
		}
		tx.Set([]byte("stock"), []byte("2"))
		tx.Set([]byte("order:1"), append([]byte("taken from "), stock...))
		return nil
	})
	order, _ := db.Get(nil, []byte("order:1"))
	fmt.Printf("%s %v\n", order, err)
	// Output: taken from 3 <nil>
}

func ExampleDB_Do() {
	db, _ := hpkv.Open(hpkv.Options{})
	defer db.Close()
	ctx := context.Background()
	db.Do(ctx, "SET", "greeting", "hello", "EX", 60)
	reply, err := db.Do(ctx, "GETRANGE", "greeting", 0, 3)
	fmt.Println(reply.Text(), err)
	// Output: hell <nil>
}
