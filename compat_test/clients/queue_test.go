package clients_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	compat "hpkv/compat_test"
)

// TestJobQueue has producers push jobs onto lists of their own and onto one that
// they share, and workers wait for all of them with BRPOP: each job is done once,
// and no worker sees the jobs of one producer out of order.
func TestJobQueue(t *testing.T) {
	s := compat.StartOurs(t)
	eachProto(t, s, func(ctx context.Context, t *testing.T, c *redis.Client) {
		const producers, workers, each = 4, 6, 400
		lists := []string{"stop", "jobs"} // and one for each producer
		for p := range producers {
			lists = append(lists, fmt.Sprintf("jobs:%d", p))
		}
		var mu sync.Mutex
		done := map[string]int{}
		var all sync.WaitGroup
		for w := range workers {
			all.Go(func() {
				last := map[string]int{} // by list and producer
				for {
					job, err := c.BRPop(ctx, 0, lists...).Result()
					if err != nil {
						t.Errorf("worker %d: %v", w, err)
						return
					}
					if job[0] == "stop" {
						return
					}
					var producer, n int
					if _, err := fmt.Sscanf(job[1], "%d:%d", &producer, &n); err != nil {
						t.Errorf("job %q: %v", job, err)
						return
					}
					from := fmt.Sprint(job[0], " ", producer)
					if before, ok := last[from]; ok && before >= n {
						t.Errorf("worker %d got job %d of %s after %d", w, n, from, before)
					}
					last[from] = n
					mu.Lock()
					done[job[1]]++
					finished := len(done) == producers*each
					mu.Unlock()
					if finished {
						for range workers {
							c.LPush(ctx, "stop", "now")
						}
					}
				}
			})
		}
		for p := range producers {
			all.Go(func() {
				for i := 0; i < each; {
					_, err := c.Pipelined(ctx, func(pipe redis.Pipeliner) error {
						for range 5 {
							list := "jobs"
							if i%3 == 0 {
								list = fmt.Sprintf("jobs:%d", p)
							}
							pipe.LPush(ctx, list, fmt.Sprintf("%d:%d", p, i))
							i++
						}
						return nil
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		for job, n := range done {
			if n != 1 {
				t.Errorf("job %s was done %d times", job, n)
			}
		}
		equal(t, producers*each)(len(done), nil)
		equal(t, int64(0))(c.Exists(ctx, lists...).Result())
	})
}

// TestJobQueueCrash kills the connections of workers that wait in BLMOVE, each at
// the moment a job arrives. The job is then either still in the queue or in the
// worker's list of jobs in progress, from where another worker takes it up.
func TestJobQueueCrash(t *testing.T) {
	s := compat.StartOurs(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := patient(&redis.Options{Addr: s.Addr})
	defer c.Close()
	const rounds = 150
	var kept, moved int
	for i := range rounds {
		job, progress := fmt.Sprint("job ", i), fmt.Sprint("progress:", i)
		worker := patient(&redis.Options{Addr: s.Addr, PoolSize: 1, MaxRetries: -1})
		id, err := worker.ClientID(ctx).Result()
		must(t, err)
		outcome := make(chan error, 1)
		go func() {
			got, err := worker.BLMove(ctx, "queue", progress, "RIGHT", "LEFT", 0).Result()
			if err == nil && got != job {
				err = fmt.Errorf("got %q", got)
			}
			outcome <- err
		}()
		awaitBlocked(ctx, t, c, id)

		var both sync.WaitGroup
		both.Go(func() { must(t, c.LPush(ctx, "queue", job).Err()) })
		both.Go(func() { must(t, c.ClientKillByFilter(ctx, "ID", fmt.Sprint(id)).Err()) })
		both.Wait()
		err = <-outcome
		waits, err2 := c.LRange(ctx, "queue", 0, -1).Result()
		must(t, err2)
		taken, err2 := c.LRange(ctx, progress, 0, -1).Result()
		must(t, err2)
		switch got := append(waits, taken...); {
		case len(got) != 1 || got[0] != job:
			t.Fatalf("round %d: the queue has %q, the worker's list %q", i, waits, taken)
		case len(waits) > 0 && err == nil:
			t.Fatalf("round %d: the worker was given a job that is still in the queue", i)
		case len(waits) > 0:
			kept++
		default:
			moved++
		}
		_ = worker.Close()

		// What the dead worker had in hand goes back to the queue, and is done.
		if len(taken) > 0 {
			equal(t, job)(c.LMove(ctx, progress, "queue", "LEFT", "RIGHT").Result())
		}
		equal(t, job)(c.RPop(ctx, "queue").Result())
	}
	t.Logf("of %d jobs %d were left in the queue, %d were in a worker's hands", rounds, kept, moved)
	equal(t, int64(0))(c.DBSize(ctx).Result())
}

// awaitBlocked waits until the server shows a client as blocked.
func awaitBlocked(ctx context.Context, t *testing.T, c *redis.Client, id int64) {
	t.Helper()
	for {
		list, err := c.Do(ctx, "CLIENT", "LIST", "ID", id).Text()
		must(t, err)
		if strings.Contains(list, " flags=b ") {
			return
		}
	}
}

// TestGoRedisStock sells a limited stock to many buyers: each reads what is left
// under WATCH and buys in a transaction, again and again until it is not
// disturbed.
func TestGoRedisStock(t *testing.T) {
	s := compat.StartOurs(t)
	eachProto(t, s, func(ctx context.Context, t *testing.T, c *redis.Client) {
		const stock, buyers = 200, 10
		must(t, c.Set(ctx, "stock", stock, 0).Err())
		errSoldOut := errors.New("sold out")
		var all sync.WaitGroup
		for b := range buyers {
			all.Go(func() {
				buyer := fmt.Sprint("buyer", b)
				buy := func(tx *redis.Tx) error {
					left, err := tx.Get(ctx, "stock").Int()
					if err != nil {
						return err
					}
					if left == 0 {
						return errSoldOut
					}
					_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
						p.Set(ctx, "stock", left-1, 0)
						p.RPush(ctx, "sold", fmt.Sprint(left, " ", buyer))
						p.HIncrBy(ctx, "buyers", buyer, 1)
						return nil
					})
					return err
				}
				for {
					switch err := c.Watch(ctx, buy, "stock"); {
					case err == nil, errors.Is(err, redis.TxFailedErr):
					case errors.Is(err, errSoldOut):
						return
					default:
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		equal(t, "0")(c.Get(ctx, "stock").Result())
		sold, err := c.LRange(ctx, "sold", 0, -1).Result()
		must(t, err)
		byBuyer := map[string]int{}
		for i, entry := range sold {
			var n int
			var buyer string
			if _, err := fmt.Sscan(entry, &n, &buyer); err != nil || n != stock-i {
				t.Fatalf("sale %d is %q, %v", i, entry, err)
			}
			byBuyer[buyer]++
		}
		equal(t, stock)(len(sold), nil)
		counts, err := c.HGetAll(ctx, "buyers").Result()
		must(t, err)
		equal(t, fmt.Sprint(byBuyer))(fmt.Sprint(counts), nil)

		// A command that fails inside a transaction does not stop the others.
		replies, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Incr(ctx, "stock")
			p.LPop(ctx, "stock")
			p.LLen(ctx, "sold")
			return nil
		})
		if err == nil || !strings.HasPrefix(err.Error(), "WRONGTYPE") {
			t.Errorf("a transaction with a wrong command: %v", err)
		}
		equal(t, int64(1))(replies[0].(*redis.IntCmd).Result())
		equal(t, int64(stock))(replies[2].(*redis.IntCmd).Result())
	})
}

func TestNodeQueue(t *testing.T) {
	setUpNode(t)
	s := compat.StartOurs(t)
	runNode(t, "queue.mjs", s)
}
