package rest

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/rs/zerolog"

	"hpkv/engine"
	"hpkv/server/command"
	"hpkv/server/config"
)

// brokenHost panics whenever a record is asked for.
type brokenHost struct {
	Host
	table  *command.Table
	panics atomic.Int32
}

func (h *brokenHost) Table() *command.Table { return h.table }
func (h *brokenHost) Record(Call, func(*engine.Lane) error) (err, down error) {
	panic("broken")
}
func (h *brokenHost) Panicked(cause any, stack []byte) {
	if cause == "broken" && strings.Contains(string(stack), "brokenHost") {
		h.panics.Add(1)
	}
}

// TestPanics: a request that panics is answered and told of once, over HTTP and over
// a WebSocket, and who sent it may go on.
func TestPanics(t *testing.T) {
	const answer = "internal error; the server's log has the details"
	cl, err := config.ParseArgs([]string{"--rest-api-key", "key"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	table, err := command.NewTable()
	if err != nil {
		t.Fatal(err)
	}
	h := &brokenHost{table: table}
	s, err := New(Options{Config: cl.Config, Host: h, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Serve([]net.Listener{ln})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	defer func() {
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}()

	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+ln.Addr().String()+"/record/k", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", "key")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != 500 || string(body) != `{"error":"`+answer+`"}` || err != nil {
		t.Errorf("%d %s, %v", res.StatusCode, body, err)
	}
	if n := h.panics.Load(); n != 1 {
		t.Errorf("told of %d panics after the first", n)
	}

	c, _, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+ln.Addr().String()+"/ws?apiKey=key", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, id := range []string{"1", "2"} {
		if err := c.WriteMessage(websocket.TextMessage, []byte(`{"op":1,"key":"k","messageId":`+id+`}`)); err != nil {
			t.Fatal(err)
		}
		_, got, err := c.ReadMessage()
		if want := `{"code":500,"messageId":` + id + `,"error":"` + answer + `"}`; err != nil || string(got) != want {
			t.Fatalf("%s, %v, want %s", got, err, want)
		}
	}
	if n := h.panics.Load(); n != 3 {
		t.Errorf("told of %d panics, want 3", n)
	}
}
