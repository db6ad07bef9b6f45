package rest

import (
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"hpkv/server/latency"
)

// Counters are totals since the start.
type Counters struct {
	Refused       atomic.Int64 // HTTP requests, for want of a valid key, token or right
	Notifications atomic.Int64 // queued for subscribers
	Events        atomic.Int64 // sent on streams of events
	TooSlow       atomic.Int64 // WebSockets closed because their peer did not read
	Expired       atomic.Int64 // WebSockets closed because their token had expired

	messages [opAdd + 1]messageCount // by operation; 0: none of ours
}

type messageCount struct{ all, failed atomic.Int64 }

// Methods and statuses by which requests are counted.
var (
	countedMethods = [...]string{"GET", "HEAD", "POST", "DELETE", "OPTIONS", "other"}
	countedClasses = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}
	messageNames   = [opAdd + 1]string{"unknown", "get", "set", "patch", "delete", "range", "add"}
)

// routeCount is what was counted of the requests to one route.
type routeCount struct {
	requests [len(countedMethods)][len(countedClasses)]atomic.Int64
	ns       atomic.Int64 // time they took, nanoseconds
	took     latency.Histogram
}

// add counts a request that has been answered.
func (n *routeCount) add(ctx *fasthttp.RequestCtx, d time.Duration) {
	class := min(max(ctx.Response.StatusCode()/100, 1), len(countedClasses)) - 1
	n.requests[methodIndex(&ctx.Request.Header)][class].Add(1)
	n.ns.Add(int64(d))
	n.took.AddTo(latency.Bucket(int64(d)), 1)
}

func methodIndex(h *fasthttp.RequestHeader) int {
	switch {
	case h.IsGet():
		return 0
	case h.IsHead():
		return 1
	case h.IsPost():
		return 2
	case h.IsDelete():
		return 3
	case h.IsOptions():
		return 4
	}
	return 5
}

// EachRequests calls visit for every route, method and class of status ("2xx")
// of which there were requests. Requests that could not be read, and those to no
// route, have an empty route; handshakes of WebSockets have the class 1xx.
func (s *Service) EachRequests(visit func(route, method, class string, n int64)) {
	s.eachCount(func(route string, c *routeCount) {
		for m := range c.requests {
			for class := range c.requests[m] {
				if n := c.requests[m][class].Load(); n > 0 {
					visit(route, countedMethods[m], countedClasses[class], n)
				}
			}
		}
	})
}

// EachDuration calls visit for every route that was asked, with how long its
// requests took from when they were there to when their answer was, and the sum
// of that in nanoseconds.
func (s *Service) EachDuration(visit func(route string, d *latency.Counts, sumNs int64)) {
	s.eachCount(func(route string, c *routeCount) {
		var d latency.Counts
		if d.Add(&c.took); d.Total() > 0 {
			visit(route, &d, c.ns.Load())
		}
	})
}

// Asked is how many requests and messages of WebSockets were answered.
func (s *Service) Asked() (n int64) {
	s.EachRequests(func(_, _, _ string, requests int64) { n += requests })
	s.EachMessage(func(_ string, all, _ int64) { n += all })
	return n
}

func (s *Service) eachCount(visit func(route string, c *routeCount)) {
	visit("", &s.noRoute)
	for i := range s.routes {
		visit(s.routes[i].path, s.routes[i].count)
	}
}

// EachMessage calls visit for every operation that was asked for over a
// WebSocket, with the number of requests and of those that failed.
func (s *Service) EachMessage(visit func(operation string, all, failed int64)) {
	for op := range s.Counters.messages {
		if c := &s.Counters.messages[op]; c.all.Load() > 0 {
			visit(messageNames[op], c.all.Load(), c.failed.Load())
		}
	}
}
