package main

import "hpkv/cmd/internal/cli"

var program = cli.Program{
	Name:  "hpkv-bench",
	About: "hpkv-bench measures hpkv beside its peers.",
	Usage: "[options]",
	Commands: []cli.Command{
		{Name: "compare", Summary: "speed, CPU per operation and memory of servers, side by side", Run: compare},
		{Name: "memory", Summary: "resident memory of keys and collections, and after overwrites and deletes", Run: memory},
		{Name: "latency", Summary: "p99.9 of GET under full load, and stalls", Run: latency},
		{Name: "log", Summary: "what the log costs: throughput, syncs, and the disk's own", Run: logCommand},
		{Name: "recover", Summary: "how fast a server is back with its data", Run: recoverCommand},
		{Name: "compaction", Summary: "latency and memory while the log is compacted, and bytes written", Run: compactionCommand},
		{Name: "pubsub", Summary: "messages to many subscribers", Run: pubsub},
		{Name: "load", Summary: "load one server that is already running", Run: load},
		{Name: "rioc", Summary: "batches over HPKV's binary protocol", Run: rioc},
		{Name: "ws", Summary: "requests over WebSockets", Run: ws},
		{Name: "embedded", Summary: "the Go library beside Go maps and a Go cache", Run: embedded},
	},
}

func main() { program.Main() }
