package server

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"hpkv/resp"
	"hpkv/server/command"
)

// aclRow has the questions about users. There is one user, default, who may do
// everything; its password is requirepass.
func aclRow() command.Row {
	const (
		open  = command.NoScript | command.Loading | command.Stale
		admin = open | command.Admin
	)
	return command.Row{Name: "acl", Arity: -2, Sub: []command.Row{
		{Name: "cat", Arity: -2, Flags: open, Run: aclCat},
		{Name: "dryrun", Arity: -4, Flags: admin, Run: aclDryRun},
		{Name: "genpass", Arity: -2, Flags: open, Run: aclGenPass},
		{Name: "getuser", Arity: 3, Flags: admin, Run: aclGetUser},
		{Name: "help", Arity: 2, Flags: command.Loading | command.Stale, Run: command.Help(
			"CAT [<category>]",
			"    List all commands that belong to <category>, or all command categories",
			"    when no category is specified.",
			"DRYRUN <username> <command> [<arg> ...]",
			"    Returns whether the user can execute the given command without executing the command.",
			"GETUSER <username>",
			"    Get the user's details.",
			"GENPASS [<bits>]",
			"    Generate a secure 256-bit user password. The optional `bits` argument can",
			"    be used to specify a different size.",
			"LIST",
			"    Show users details in config file format.",
			"USERS",
			"    List all the registered usernames.",
			"WHOAMI",
			"    Return the current connection username.")},
		{Name: "list", Arity: 2, Flags: admin, Run: aclList},
		{Name: "users", Arity: 2, Flags: admin, Run: aclUsers},
		{Name: "whoami", Arity: 2, Flags: open, Run: func(ctx *command.Ctx) { ctx.W.BulkString(owner(ctx).userName()) }},
	}}
}

func aclCat(ctx *command.Ctx) {
	if len(ctx.Args) > 3 {
		ctx.W.Error(resp.BadSubcommand("acl", ctx.Args[1]))
		return
	}
	if len(ctx.Args) == 2 {
		names := command.Categories()
		ctx.W.Array(len(names))
		for _, name := range names {
			ctx.W.BulkString(name)
		}
		return
	}
	cat, ok := command.ParseCategory(ctx.Args[2])
	if !ok {
		ctx.W.Error(resp.UnknownCategory(ctx.Args[2]))
		return
	}
	mark, n := ctx.W.BeginArray(), 0
	ctx.Table.Each(func(r *command.Row) {
		if r.Cats&cat != 0 {
			ctx.W.BulkString(r.FullName())
			n++
		}
	})
	ctx.W.EndArray(mark, n)
}

func aclDryRun(ctx *command.Ctx) {
	line := ctx.Args[3:]
	row := ctx.Table.Resolve(line)
	switch {
	case string(ctx.Args[2]) != "default":
		ctx.W.Error(resp.UserNotFound(ctx.Args[2]))
	case row == nil:
		ctx.W.Error(resp.CommandNotFound(line[0]))
	case !row.ArityOK(len(line)):
		ctx.W.Error(row.ArityText())
	default:
		ctx.W.OK()
	}
}

// mostPasswordBits bounds ACL GENPASS.
const mostPasswordBits = 4096

// aclGenPass makes a password of as many bits as asked for, in hexadecimal digits.
func aclGenPass(ctx *command.Ctx) {
	bits := int64(256)
	switch len(ctx.Args) {
	case 2:
	case 3:
		var ok bool
		if bits, ok = resp.ParseInt64(ctx.Args[2]); !ok {
			ctx.W.Error(resp.ErrNotInteger)
			return
		}
		if bits <= 0 || bits > mostPasswordBits {
			ctx.W.Error(resp.PasswordBits(mostPasswordBits))
			return
		}
	default:
		ctx.W.Error(resp.BadSubcommand("acl", ctx.Args[1]))
		return
	}
	digits := (bits + 3) / 4
	random := make([]byte, (digits+1)/2)
	rand.Read(random) // never fails
	ctx.W.BulkString(hex.EncodeToString(random)[:digits])
}

// passwordHash is the default user's password as ACL LIST shows it, "" without.
func (s *Server) passwordHash() string {
	password := s.cfg.RequirePass.Load()
	if password == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

func aclList(ctx *command.Ctx) {
	secret := "nopass"
	if hash := owner(ctx).srv.passwordHash(); hash != "" {
		secret = "#" + hash
	}
	ctx.W.Array(1)
	ctx.W.BulkString("user default on " + secret + " ~* &* +@all")
}

func aclUsers(ctx *command.Ctx) {
	ctx.W.Array(1)
	ctx.W.BulkString("default")
}

func aclGetUser(ctx *command.Ctx) {
	if string(ctx.Args[2]) != "default" {
		ctx.W.Null()
		return
	}
	w, hash := ctx.W, owner(ctx).srv.passwordHash()
	w.Map(6)
	w.BulkString("flags")
	if hash == "" {
		w.Set(2)
		w.BulkString("on")
		w.BulkString("nopass")
	} else {
		w.Set(1)
		w.BulkString("on")
	}
	w.BulkString("passwords")
	if hash == "" {
		w.Array(0)
	} else {
		w.Array(1)
		w.BulkString(hash)
	}
	text(w, "commands", "+@all")
	text(w, "keys", "~*")
	text(w, "channels", "&*")
	w.BulkString("selectors")
	w.Array(0)
}
