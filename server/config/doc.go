// Package config holds the server's settings.
//
// # One table
//
// Each setting is one Row (table.go names the lists): its name and aliases,
// kind, default, bounds, whether it may change while the server runs, what
// becomes of it here, and one line that describes it. The configuration file,
// the command line, CONFIG GET and CONFIG SET, --help and docs/settings.md read
// that row and nothing else. A setting is added by adding a row and, if code
// reads it, a field in Config.
//
// Every setting of a Redis 7.2 configuration file has a row, so that an existing
// file starts this server. Status says what follows from it: some have no
// effect because this server does not work that way, some wait for a feature,
// and some are refused with a reason, where going on silently would leave the
// user with less safety or another topology than the file asks for.
//
// # Concurrency
//
// Config's fields are atomics: loaded by any goroutine, never locked. Changes
// go through Set, which is atomic as CONFIG SET is: all values are checked
// before the first is stored, and if a change hook fails, all are restored.
// Changes come one after the other, and the hooks of one before the next, so a hook
// must not call Set; it may take long, and Get does not wait for it. Readers may see
// one setting of a Set changed and another not yet.
//
// # Rewriting
//
// Rewrite, for CONFIG REWRITE, proves its result by reading it: settings that
// the new text would not restore are written again at its end, where nothing
// overrules them.
//
// # Texts
//
// Replies to CONFIG SET are Redis' texts, since clients and tests compare them.
// Errors of the file and of the command line are ours: one line with file and
// line number, or the option.
package config
