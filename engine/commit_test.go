package engine

import "testing"

// commits keeps the commits of the events it is told of.
type commits struct {
	recorder
	all []Commit
}

func (c *commits) KeyEvent(_ int, _ Event, _ []byte, commit Commit) { c.all = append(c.all, commit) }

// The event of a change tells the round that takes the change: at once, or when
// the transaction has ended that holds its shards.
func TestEventCommits(t *testing.T) {
	c := new(commits)
	e, _ := openTest(t, Options{Events: c, Journal: c})
	l := e.NewLane()
	defer l.Close()
	set := func(txn *Txn, key string) {
		t.Helper()
		if _, err := txn.Set([]byte(key), []byte("v"), SetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want ...uint64) {
		t.Helper()
		rounds := make([]uint64, len(c.all))
		same := len(want) == len(c.all)
		for i := range c.all {
			rounds[i] = c.all[i].Round()
			same = same && rounds[i] == want[i]
		}
		if !same {
			t.Fatalf("rounds %d, want %d", rounds, want)
		}
	}
	alone := func(key string) {
		t.Helper()
		txn := l.Begin(0)
		set(txn, key)
		txn.End()
	}
	alone("a")
	check(1, 1) // new, set
	alone("a")
	check(1, 1, 2)
	txn := l.Begin(0)
	txn.LockAll()
	set(txn, "a")
	set(txn, "a")
	check(1, 1, 2, NotYet, NotYet)
	during := l.Commit()
	txn.End()
	check(1, 1, 2, 3, 3)
	if during.Round() != 3 || l.Commit().Round() != 3 || l.TakeRound() != 3 {
		t.Errorf("during the transaction %d, afterwards %d", during.Round(), l.Commit().Round())
	}
	if got := l.Commit(); got.Round() != 0 || got.NotBefore(2).Round() != 2 || during.NotBefore(2).Round() != 3 {
		t.Errorf("of nothing %d", got.Round())
	}
	if !during.Covers(during) || !during.Covers(Commit{}) || during.Covers(Commit{round: 3}) ||
		!(Commit{round: 3}).Covers(Commit{round: 3}) || (Commit{round: 3}).Covers(Commit{round: 4}) {
		t.Error("wrong about what covers what")
	}
}
