// Package config holds the server's settings: one table describes each of
// them, and feeds the configuration file, the command line, CONFIG GET and SET,
// --help and docs/settings.md.
package config
