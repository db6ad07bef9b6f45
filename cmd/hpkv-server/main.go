package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"hpkv/numa"
	"hpkv/server"
	"hpkv/server/config"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		if errors.Is(err, errTold) {
			os.Exit(1)
		}
		fmt.Fprintf(os.Stderr, "hpkv-server: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	cl, err := config.ParseArgs(args, os.Stdin)
	if err != nil {
		return err
	}
	switch cl.Action {
	case config.ShowHelp:
		_, err = io.WriteString(os.Stdout, config.Help())
	case config.ShowVersion:
		_, err = fmt.Println(version())
	case config.ShowTopology:
		err = showTopology(cl.Config)
	default:
		if mustDaemonize(cl.Config) {
			return daemonize(args)
		}
		err = serve(cl, len(args) == 0)
	}
	return err
}

// version is the line of --version.
func version() string {
	// Test frameworks look for v=<number> in what a server's --version prints.
	s := fmt.Sprintf("hpkv-server %s (compatible with Redis v=%s) %s %s/%s",
		config.Version, config.RedisVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				s += " " + setting.Value[:min(12, len(setting.Value))]
			}
		}
	}
	return s
}

func showTopology(cfg *config.Config) error {
	topology, err := numa.Detect()
	if err != nil {
		return fmt.Errorf("cannot read the machine's topology: %w", err)
	}
	return numa.Describe(os.Stdout, topology, topology.Plan(server.PlanOptions(cfg)))
}
