package clients_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	compat "hpkv/compat_test"
)

// TestLeaderboard runs what games do with a sorted set: players score from many
// connections, and tables of the best, neighbours of a player, seasons that are
// merged and a queue of jobs by priority are read beside them.
func TestLeaderboard(t *testing.T) {
	s := compat.StartOurs(t)
	eachProto(t, s, func(ctx context.Context, t *testing.T, c *redis.Client) {
		scoreFromManyConnections(ctx, t, c)
		readTables(ctx, t, c)
		mergeSeasons(ctx, t, c)
		workByPriority(ctx, t, c)
		findNearby(ctx, t, c)
	})
}

const players = 300 // more than the compact form holds

func player(i int) string { return fmt.Sprintf("player:%03d", i) }

// scoreFromManyConnections gives player i the score 10*i, a point at a time.
func scoreFromManyConnections(ctx context.Context, t *testing.T, c *redis.Client) {
	var wg sync.WaitGroup
	for g := range 10 {
		wg.Go(func() {
			for range 10 {
				_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
					for i := g; i < players; i += 10 {
						p.ZIncrBy(ctx, "board", float64(i), player(i))
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	equal(t, int64(players))(c.ZCard(ctx, "board").Result())
}

func readTables(ctx context.Context, t *testing.T, c *redis.Client) {
	top := []redis.Z{{Score: 2990, Member: player(299)}, {Score: 2980, Member: player(298)}, {Score: 2970, Member: player(297)}}
	equal(t, top)(c.ZRevRangeWithScores(ctx, "board", 0, 2).Result())
	equal(t, top)(c.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{Key: "board", Start: 0, Stop: 2, Rev: true}).Result())
	equal(t, int64(299-150))(c.ZRevRank(ctx, "board", player(150)).Result())
	equal(t, redis.RankScore{Rank: 150, Score: 1500})(c.ZRankWithScore(ctx, "board", player(150)).Result())
	if err := c.ZRank(ctx, "board", "nobody").Err(); err != redis.Nil {
		t.Errorf("the rank of nobody: %v", err)
	}
	equal(t, []string{player(149), player(150), player(151)})(c.ZRange(ctx, "board", 149, 151).Result())
	equal(t, int64(51))(c.ZCount(ctx, "board", "1000", "1500").Result())
	equal(t, []string{player(103), player(104)})(c.ZRangeArgs(ctx, redis.ZRangeArgs{
		Key: "board", ByScore: true, Start: "(1000", Stop: "+inf", Offset: 2, Count: 2}).Result())
	equal(t, []float64{20, 0, 70})(c.ZMScore(ctx, "board", player(2), "nobody", player(7)).Result())
	equal(t, int64(1))(c.ZAddArgs(ctx, "board", redis.ZAddArgs{GT: true, Ch: true,
		Members: []redis.Z{{Score: 5000, Member: player(3)}, {Score: 1, Member: player(4)}}}).Result())
	equal(t, 5000.0)(c.ZScore(ctx, "board", player(3)).Result())
	seen := map[string]bool{}
	for it := c.ZScan(ctx, "board", 0, "player:*", 20).Iterator(); it.Next(ctx); it.Next(ctx) {
		seen[it.Val()] = true
	}
	equal(t, players)(len(seen), nil)
}

func mergeSeasons(ctx context.Context, t *testing.T, c *redis.Client) {
	must(t, c.ZAdd(ctx, "spring", redis.Z{Score: 1, Member: "a"}, redis.Z{Score: 2, Member: "b"}).Err())
	must(t, c.ZAdd(ctx, "summer", redis.Z{Score: 10, Member: "b"}, redis.Z{Score: 20, Member: "c"}).Err())
	equal(t, int64(3))(c.ZUnionStore(ctx, "year", &redis.ZStore{Keys: []string{"spring", "summer"}, Weights: []float64{2, 1}}).Result())
	equal(t, []redis.Z{{Score: 2, Member: "a"}, {Score: 14, Member: "b"}, {Score: 20, Member: "c"}})(
		c.ZRangeWithScores(ctx, "year", 0, -1).Result())
	equal(t, []string{"b"})(c.ZInter(ctx, &redis.ZStore{Keys: []string{"spring", "summer"}}).Result())
	equal(t, []string{"a"})(c.ZDiff(ctx, "spring", "summer").Result())
	equal(t, int64(1))(c.ZRemRangeByScore(ctx, "year", "-inf", "(10").Result())
	equal(t, []redis.Z{{Score: 20, Member: "c"}})(c.ZPopMax(ctx, "year").Result())
}

// workByPriority lets workers wait for jobs that a producer adds.
func workByPriority(ctx context.Context, t *testing.T, c *redis.Client) {
	const jobs, workers = 60, 3
	done := make(chan string, jobs)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				job, err := c.BZPopMin(ctx, 0, "jobs").Result()
				if err != nil {
					t.Error(err)
					return
				}
				if job.Score == 1e6 {
					return // the end
				}
				done <- job.Member.(string)
			}
		})
	}
	for i := range jobs {
		must(t, c.ZAdd(ctx, "jobs", redis.Z{Score: float64(i % 7), Member: fmt.Sprint("job", i)}).Err())
	}
	for i := range workers {
		must(t, c.ZAdd(ctx, "jobs", redis.Z{Score: 1e6, Member: fmt.Sprint("end", i)}).Err())
	}
	wg.Wait()
	close(done)
	seen := map[string]bool{}
	for job := range done {
		seen[job] = true
	}
	equal(t, jobs)(len(seen), nil)
}

func findNearby(ctx context.Context, t *testing.T, c *redis.Client) {
	must(t, c.GeoAdd(ctx, "cities",
		&redis.GeoLocation{Name: "Palermo", Longitude: 13.361389, Latitude: 38.115556},
		&redis.GeoLocation{Name: "Catania", Longitude: 15.087269, Latitude: 37.502669}).Err())
	equal(t, 166.2742)(c.GeoDist(ctx, "cities", "Palermo", "Catania", "km").Result())
	equal(t, []string{"Catania", "Palermo"})(c.GeoSearch(ctx, "cities",
		&redis.GeoSearchQuery{Longitude: 15, Latitude: 37, Radius: 200, RadiusUnit: "km", Sort: "ASC"}).Result())
	equal(t, []string{"sqc8b49rny0"})(c.GeoHash(ctx, "cities", "Palermo").Result())
}
