package command

import (
	"hpkv/engine/glob"
	"hpkv/resp"
)

// aboutCommands are the flags of COMMAND and what is below it.
const aboutCommands = Loading | Stale | NoData

var introspectionRows = []Row{
	{Name: "command", Arity: -1, Flags: aboutCommands, Cats: CatConnection,
		Tips: []string{"nondeterministic_output_order"}, Run: commandAll, Sub: []Row{
			{Name: "count", Arity: 2, Flags: aboutCommands, Cats: CatConnection, Run: commandCount},
			{Name: "docs", Arity: -2, Flags: aboutCommands, Cats: CatConnection,
				Tips: []string{"nondeterministic_output_order"}, Run: commandDocs},
			{Name: "getkeys", Arity: -3, Flags: aboutCommands, Cats: CatConnection, Run: commandGetKeys},
			{Name: "getkeysandflags", Arity: -3, Flags: aboutCommands, Cats: CatConnection, Run: commandGetKeysAndFlags},
			{Name: "help", Arity: 2, Flags: aboutCommands, Cats: CatConnection, Run: Help(
				"(no subcommand)",
				"    Return details about all Redis commands.",
				"COUNT",
				"    Return the total number of commands in this Redis server.",
				"LIST",
				"    Return a list of all commands in this Redis server.",
				"INFO [<command-name> ...]",
				"    Return details about multiple Redis commands.",
				"    If no command names are given, documentation details for all",
				"    commands are returned.",
				"DOCS [<command-name> ...]",
				"    Return documentation details about multiple Redis commands.",
				"    If no command names are given, documentation details for all",
				"    commands are returned.",
				"GETKEYS <full-command>",
				"    Return the keys from a full Redis command.",
				"GETKEYSANDFLAGS <full-command>",
				"    Return the keys and the access flags from a full Redis command.",
			)},
			{Name: "info", Arity: -2, Flags: aboutCommands, Cats: CatConnection,
				Tips: []string{"nondeterministic_output_order"}, Run: commandInfo},
			{Name: "list", Arity: -2, Flags: aboutCommands, Cats: CatConnection,
				Tips: []string{"nondeterministic_output_order"}, Run: commandList},
		}},
}

// Help is the handler of a container's HELP subcommand: the lines that
// describe its subcommands between the usual frame.
func Help(lines ...string) Handler {
	return func(c *Ctx) {
		c.W.Array(len(lines) + 3)
		c.W.Status(upper(c.Row.Parent().Name) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
		for _, l := range lines {
			c.W.Status(l)
		}
		c.W.Status("HELP")
		c.W.Status("    Prints this help.")
	}
}

func commandAll(c *Ctx) {
	c.W.Array(len(c.Table.rows))
	for _, r := range c.Table.rows {
		writeRow(c.W, r)
	}
}

func commandCount(c *Ctx) { c.W.Int(int64(len(c.Table.rows))) }

func commandInfo(c *Ctx) {
	names := c.Args[2:]
	if len(names) == 0 {
		commandAll(c)
		return
	}
	c.W.Array(len(names))
	for _, n := range names {
		if r := c.Table.Find(n); r != nil {
			writeRow(c.W, r)
		} else {
			c.W.Null()
		}
	}
}

func commandList(c *Ctx) {
	a := resp.NewArgs(c.Args[2:])
	keep := func(*Row) bool { return true }
	for a.More() {
		if !a.TagWith("FILTERBY", 2) || len(a.Rest()) != 2 {
			a.Fail(resp.ErrSyntax)
			break
		}
		keep = listFilter(&a)
	}
	if e := a.Err(); e != "" {
		c.W.Error(e)
		return
	}
	mark, n := c.W.BeginArray(), 0
	c.Table.Each(func(r *Row) {
		if keep(r) {
			c.W.BulkString(r.full)
			n++
		}
	})
	c.W.EndArray(mark, n)
}

// listFilter reads what follows FILTERBY.
func listFilter(a *resp.Args) func(*Row) bool {
	switch {
	case a.Tag("MODULE"):
		a.Bytes()
		return func(*Row) bool { return false } // there are no modules
	case a.Tag("ACLCAT"):
		cat, _ := ParseCategory(a.Bytes())
		return func(r *Row) bool { return r.Cats&cat != 0 }
	case a.Tag("PATTERN"):
		pattern := a.Bytes()
		return func(r *Row) bool { return glob.MatchFold(pattern, []byte(r.full)) }
	}
	a.Fail(resp.ErrSyntax)
	return nil
}

func commandGetKeys(c *Ctx) {
	args := c.Args[2:]
	keys, ok := keysOf(c, args)
	if !ok {
		return
	}
	c.W.Array(len(keys))
	for _, k := range keys {
		c.W.Bulk(args[k.Pos])
	}
}

func commandGetKeysAndFlags(c *Ctx) {
	args := c.Args[2:]
	keys, ok := keysOf(c, args)
	if !ok {
		return
	}
	c.W.Array(len(keys))
	for _, k := range keys {
		c.W.Array(2)
		c.W.Bulk(args[k.Pos])
		writeStatusSet(c.W, k.Flags.Names())
	}
}

// keysOf finds the keys of the command line given as arguments, or writes the
// error and reports false.
func keysOf(c *Ctx, args [][]byte) ([]KeyPos, bool) {
	r := c.Table.Resolve(args)
	switch {
	case r == nil:
		c.W.Error(resp.ErrBadCommand)
		return nil, false
	case !r.HasKeys():
		c.W.Error(resp.ErrNoKeyArguments)
		return nil, false
	case !r.ArityOK(len(args)):
		c.W.Error(resp.ErrGetKeysArity)
		return nil, false
	}
	keys, ok := r.AppendKeys(nil, args)
	if (!ok || len(keys) == 0) && !r.Is(NoMandatoryKeys) {
		c.W.Error(resp.ErrGetKeysArgs)
		return nil, false
	}
	return keys, true
}
