package resp

import (
	"fmt"
	"testing"

	"github.com/tidwall/redcon"
)

// Pipelines of SET and GET with 16 byte keys and values, in one buffer. The
// numbers in doc.go come from here: go test -run ^$ -bench Parse -count 5.
func pipelines() map[string][]byte {
	set := []byte("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000012345\r\n$16\r\nvalue-0123456789\r\n")
	get := []byte("*2\r\n$3\r\nGET\r\n$16\r\nkey:000000012345\r\n")
	m := map[string][]byte{}
	for _, n := range []int{1, 16, 64} {
		var s, g []byte
		for range n {
			s, g = append(s, set...), append(g, get...)
		}
		m[fmt.Sprintf("SET/%d", n)] = s
		m[fmt.Sprintf("GET/%d", n)] = g
	}
	return m
}

var pipelineNames = []string{"SET/1", "SET/16", "SET/64", "GET/1", "GET/16", "GET/64"}

var sinkArgs [][]byte

func BenchmarkParse(b *testing.B) {
	lines := pipelines()
	for _, name := range pipelineNames {
		buf := lines[name]
		b.Run("own/"+name, func(b *testing.B) {
			b.ReportAllocs()
			var p Parser
			var args [][]byte
			for i := 0; i < b.N; {
				for rest := buf; len(rest) > 0; i++ {
					var n int
					var err error
					args, n, err = p.Next(args[:0], rest)
					if err != nil || n == 0 {
						b.Fatal(n, err)
					}
					sinkArgs = args
					rest = rest[n:]
				}
			}
		})
		b.Run("redcon/"+name, func(b *testing.B) {
			b.ReportAllocs()
			var args [][]byte
			for i := 0; i < b.N; {
				for rest := buf; len(rest) > 0; i++ {
					var ok bool
					var err error
					ok, args, _, rest, err = redcon.ReadNextCommand(rest, args)
					if err != nil || !ok {
						b.Fatal(ok, err)
					}
					sinkArgs = args
				}
			}
		})
	}
}
