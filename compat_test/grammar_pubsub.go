package compat

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// The fuzzer of subscriptions. What a command makes other connections receive has
// no reply to go by: after each command every connection is asked for a PING, and
// all that it receives until the answer is compared.

// pubsubGrammar avoids what makes replies differ in order alone beyond one
// command's: clients that name nothing when they unsubscribe are at the end.
var pubsubGrammar = []grammarRow{
	{4, "SUBSCRIBE < {channel} >"},
	{3, "PSUBSCRIBE < {channelglob} >"},
	{2, "SSUBSCRIBE < {channel} >"},
	{2, "UNSUBSCRIBE < {channel} >"},
	{2, "PUNSUBSCRIBE < {channelglob} >"},
	{1, "SUNSUBSCRIBE < {channel} >"},
	{1, "( UNSUBSCRIBE | PUNSUBSCRIBE | SUNSUBSCRIBE )"},
	{10, "PUBLISH {channel} {channel}"},
	{3, "SPUBLISH {channel} {channel}"},
	{2, "PUBSUB ( NUMSUB | SHARDNUMSUB ) [ < {channel} > ]"},
	{2, "PUBSUB ( CHANNELS | SHARDCHANNELS ) [ {channelglob} ]"},
	{1, "PUBSUB NUMPAT"},
	{2, "( SET | APPEND ) {channel} {channel}"},
	{1, "( DEL | INCR | GET ) {channel}"},
	{1, "PING"},
	{1, "( SUBSCRIBE | PSUBSCRIBE | PUBLISH | SPUBLISH ) [ {channel} ]"},
}

func init() {
	generators["channel"] = func(r *rand.Rand) string {
		return pick(r, "a", "a", "ab", "abc", "b", "", "a*", "\x00\xff", "__keyspace@0__:a", "__keyevent@0__:set")
	}
	generators["channelglob"] = func(r *rand.Rand) string {
		return pick(r, "a", "a*", "*", "?", "[ab]", "a?c", `a\*`, "", "__key*", "*c", "[^a]*")
	}
}

// NewPubSubGrammar returns the grammar of GeneratePubSub.
func NewPubSubGrammar(has func(command string) (bool, error)) (*Grammar, error) {
	return newGrammar([][]grammarRow{pubsubGrammar}, has)
}

// GeneratePubSub makes the case of a seed: publishers and subscribers on four
// connections, in RESP2 or RESP3.
func GeneratePubSub(g *Grammar, seed uint64) (Case, int) {
	r := rand.New(rand.NewPCG(seed, 2))
	c := Case{Name: fmt.Sprintf("pubsub seed %d", seed)}
	for range 40 {
		c.Steps = append(c.Steps, Step{Op: OpConn, N: 1 + r.IntN(4)}, Step{Op: OpTalk, Args: g.Command(r)})
	}
	return c, 2 + r.IntN(2)
}

// fence is what a connection is asked to answer behind all it has received.
const fence = "every message before this one"

// talk sends a command and compares what all connections receive until each has
// answered a PING: the same frames, in any order, as Redis keeps patterns and the
// names of a client in none.
func (r *runner) talk(s Step) error {
	if err := r.send(func(i int) []byte { return AppendCommand(nil, r.expand(i, s.Args)...) }); err != nil {
		return err
	}
	cur := r.cur
	defer func() { r.cur = cur }()
	// The sender first: with its answer the command has been carried out.
	order := []int{cur}
	for n := range r.conns[0] {
		if n != cur {
			order = append(order, n)
		}
	}
	slices.Sort(order[1:])
	for _, n := range order {
		r.cur = n
		if err := r.send(func(int) []byte { return AppendCommand(nil, "PING", fence) }); err != nil {
			return err
		}
		var got [2][]string
		for i := range 2 {
			for {
				raw, err := r.conns[i][n].Receive()
				if err != nil {
					return fmt.Errorf("%w: connection %d of %s: %w", errGone, n, r.pair.Servers()[i].Name, err)
				}
				if bytes.Contains(raw, []byte(fence)) {
					break
				}
				parts, err := frameParts(raw)
				if err != nil {
					return err
				}
				got[i] = append(got[i], parts...)
			}
			slices.Sort(got[i])
		}
		if !slices.Equal(got[0], got[1]) {
			return fmt.Errorf("connection %d received other things\n  ours      %q\n  reference %q", n, got[0], got[1])
		}
	}
	return nil
}

// frameParts are the parts of a frame that must be the same whatever the order of
// frames: of a confirmation that a subscription has ended the name and the number
// left go apart, and the elements of an array of names are sorted.
func frameParts(raw []byte) ([]string, error) {
	n, err := ParseReply(raw)
	if err != nil {
		return nil, err
	}
	if len(n.Elems) == 3 && strings.HasSuffix(n.Elems[0].Text, "unsubscribe") {
		kind := string(n.Kind) + n.Elems[0].Text
		return []string{kind + " of " + string(n.Elems[1].Wire()), kind + " leaves " + n.Elems[2].Text}, nil
	}
	if n.Kind == '*' && len(n.Elems) > 0 && !strings.HasSuffix(n.Elems[0].Text, "message") {
		return []string{string(sorted(n).Wire())}, nil
	}
	return []string{string(raw)}, nil
}
