package main

import "hpkv/cmd/internal/cli"

var program = cli.Program{
	Name:  "hpkv-admin",
	About: "hpkv-admin looks after the log of hpkv-server.",
	Usage: "[options] ...",
	Commands: []cli.Command{
		{Name: "check", Summary: "verify a log or a backup", Run: check},
		{Name: "repair", Summary: "make a damaged log usable", Run: repair},
		{Name: "dump", Summary: "print what is in a log", Run: dump},
		{Name: "backup", Summary: "copy a log, also of a running server", Run: backup},
		{Name: "restore", Summary: "copy a log up to its end, a time or a round", Run: restore},
	},
}

func main() { program.Main() }
