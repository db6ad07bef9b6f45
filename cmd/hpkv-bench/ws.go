package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"

	"github.com/fasthttp/websocket"

	"hpkv/cmd/hpkv-bench/internal/report"
	"hpkv/cmd/hpkv-bench/internal/workload"
	"hpkv/cmd/internal/cli"
)

// wsKey is the API key of the server that ws starts for itself.
const wsKey = "hpkv-bench-api-key"

// ws is the subcommand.
func ws(ctx context.Context, e cli.Env, args []string) error {
	fs := newFlags(e, "ws", "Starts a server with a REST port and measures requests over WebSockets: round trips per second,\n"+
		"CPU for each and how long it takes.")
	clients := intList{values: []int{1, 50}, least: 1}
	fs.Var(&clients, "clients", "connections, each with one request under way, `list`")
	var g gateway
	g.flags(fs, 100_000)
	if err := parse(fs, args, g.check); err != nil {
		return err
	}
	port, err := g.start(ctx, e, "--rest-port", "--rest-api-key", wsKey)
	if err != nil {
		return err
	}
	defer g.process.Stop()
	url := fmt.Sprintf("ws://127.0.0.1:%d/ws", port)
	t := &report.Table{Columns: report.Columns("<operation", "conns", "trips/s", "CPU us/trip", "p50 us", "p99 us", "p99.9 us")}
	for _, n := range clients.values {
		for _, op := range wsOps {
			e.Progress.Printf("%s over %d WebSockets", op.name, n)
			r, err := g.trips(n, 1).measure(ctx, func(i int) (caller, error) { return newWSCaller(url, op, g.keys, g.size, uint64(i)) })
			if err != nil {
				return explain(g.process, "WebSocket "+op.name, err)
			}
			t.Add(append([]string{op.name, strconv.Itoa(n)}, r.cells(50, 99, 99.9)...)...)
		}
	}
	return g.report(ctx, e, "WebSockets, one request under way on each", t)
}

// wsOp is an operation by its number in the protocol.
type wsOp struct {
	name   string
	number int
	writes bool
}

var wsOps = []wsOp{{"get", 1, false}, {"set", 2, true}}

// wsCaller is one WebSocket.
type wsCaller struct {
	*websocket.Conn
	op      wsOp
	value   string
	rng     *rand.Rand
	keys    uint64
	id      int
	request []byte
}

func newWSCaller(url string, op wsOp, keys uint64, size int, seed uint64) (*wsCaller, error) {
	conn, _, err := websocket.DefaultDialer.Dial(url, http.Header{"X-Api-Key": {wsKey}})
	if err != nil {
		return nil, err
	}
	return &wsCaller{Conn: conn, op: op, value: workload.Value(size), rng: rand.New(rand.NewPCG(seed, 1)), keys: keys}, nil
}

func (c *wsCaller) prepare() {
	c.id++
	c.request = fmt.Appendf(c.request[:0], `{"op":%d,"key":"key:%012d","messageId":%d`, c.op.number, c.rng.Uint64N(c.keys), c.id)
	if c.op.writes {
		c.request = fmt.Appendf(c.request, `,"value":"%s"`, c.value)
	}
	c.request = append(c.request, '}')
}

func (c *wsCaller) call() error {
	if err := c.WriteMessage(websocket.TextMessage, c.request); err != nil {
		return err
	}
	_, answer, err := c.ReadMessage()
	if err != nil {
		return err
	}
	return checkAnswer(answer, c.id)
}

// checkAnswer wants success and the request's id, which the server puts first.
func checkAnswer(answer []byte, id int) error {
	want := `{"code":200,"messageId":` + strconv.Itoa(id) + ","
	if len(answer) < len(want) || string(answer[:len(want)]) != want {
		return fmt.Errorf("request %d was answered with %.200s", id, answer)
	}
	return nil
}
