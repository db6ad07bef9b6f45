package server

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/fasthttp/websocket"

	"hpkv/resp/rioc"
)

// dashboardFile is imported into Grafana.
const dashboardFile = "../docs/grafana-dashboard.json"

// dashboard is as much of Grafana's format as the test looks at.
type dashboard struct {
	Panels []struct {
		ID      int
		Type    string
		Title   string
		GridPos struct{ H, W, X, Y int }
		Targets []struct{ Expr, LegendFormat string }
	}
	Templating struct {
		List []struct{ Definition string }
	}
}

var (
	metricName  = regexp.MustCompile(`\b(hpkv|go|process)_[a-z0-9_]+`)
	groupLabels = regexp.MustCompile(`by \(([a-z_, ]+)\)`)
	matchers    = regexp.MustCompile(`\{([^}]*)\}`)
	matcher     = regexp.MustCompile(`([a-z_]+)\s*(=~|!~|!=|=)`)
	legend      = regexp.MustCompile(`\{\{([a-z_]+)\}\}`)
)

// TestDashboard holds every query of the dashboard against what a server that is
// in use on all its interfaces exports: metric, histogram and labels.
func TestDashboard(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("skipped: figures of workers and of the process are those of Linux")
	}
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	exported := exportedSeries(t)
	check := func(where, query, caption string) {
		names := metricName.FindAllString(query, -1)
		if len(names) == 0 {
			t.Errorf("%s: no metric in %q", where, query)
		}
		allowed := map[string]bool{"instance": true, "le": strings.Contains(query, "_bucket")}
		for _, name := range names {
			labels, ok := exported[name]
			if !ok {
				t.Errorf("%s: %s is not exported (%s)", where, name, query)
			}
			for _, l := range labels {
				allowed[l] = true
			}
		}
		var used []string
		for _, m := range groupLabels.FindAllStringSubmatch(query, -1) {
			used = append(used, strings.Split(m[1], ", ")...)
		}
		for _, m := range matchers.FindAllStringSubmatch(query, -1) {
			for _, l := range matcher.FindAllStringSubmatch(m[1], -1) {
				used = append(used, l[1])
			}
		}
		for _, m := range legend.FindAllStringSubmatch(caption, -1) {
			used = append(used, m[1])
		}
		for _, l := range used {
			if !allowed[l] {
				t.Errorf("%s: no label %s in %s", where, l, query)
			}
		}
	}
	ids, queries := map[int]bool{}, 0
	for _, p := range d.Panels {
		if ids[p.ID] || p.GridPos.W < 1 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q: a second one of id %d, or outside of the grid: %+v", p.Title, p.ID, p.GridPos)
		}
		ids[p.ID] = true
		if len(p.Targets) == 0 && p.Type != "row" {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			queries++
			check(p.Title, target.Expr, target.LegendFormat)
		}
	}
	if queries < 50 {
		t.Errorf("only %d queries were found", queries)
	}
	for _, v := range d.Templating.List {
		if v.Definition != "" {
			check("variable", strings.NewReplacer("label_values(", "", ", instance)", "").Replace(v.Definition), "")
		}
	}
	shown := string(text)
	for name := range exported {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		if strings.HasPrefix(name, "hpkv_") && !strings.Contains(shown, base) {
			t.Errorf("%s is exported and shown nowhere", name)
		}
	}
}

// exportedSeries returns the names of all series of a server in use, and their
// labels.
func exportedSeries(t *testing.T) map[string][]string {
	in := start(t, setup{driver: drivers()[0], ports: []string{"rest-port", "rioc-port"}, settings: []string{
		"--rest-api-key", "key", "--appendonly", "yes", "--dir", t.TempDir(), "--rioc-bind", "127.0.0.1",
	}})
	restPort, riocPort := in.ports["rest-port"], in.ports["rioc-port"]
	<-in.ready
	w := in.dial()
	w.do("SET k v", "+OK\r\n")
	c := dialRioc(t, fmt.Sprintf("127.0.0.1:%d", riocPort), nil)
	if _, err := c.Get([]byte("k")); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete([]byte("none")); err != rioc.ErrNotFound {
		t.Fatal(err)
	}
	webSocketAsk(t, fmt.Sprintf("127.0.0.1:%d", restPort), "key", `{"op":1,"key":"k"}`)
	in.eventually("the counts are published", func() bool { return in.stats.sum().commands >= 4 })
	families, err := in.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	list := make(map[string][]string)
	for _, f := range families {
		names := []string{f.GetName()}
		if kind := f.GetType().String(); kind == "HISTOGRAM" || kind == "SUMMARY" {
			names = []string{f.GetName() + "_bucket", f.GetName() + "_sum", f.GetName() + "_count"}
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				for _, name := range names {
					list[name] = append(list[name], l.GetName())
				}
			}
		}
		for _, name := range names {
			list[name] = append(list[name], "")
		}
	}
	return list
}

// webSocketAsk sends a request over a WebSocket and returns the answer.
func webSocketAsk(t *testing.T, addr, key, request string) string {
	t.Helper()
	c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/ws?apiKey="+key, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.WriteMessage(websocket.TextMessage, []byte(request)); err != nil {
		t.Fatal(err)
	}
	_, answer, err := c.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}
