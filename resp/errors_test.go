package resp

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// texts returns every string constant of errors.go by name.
func texts(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			m[spec.Names[0].Name] = text
		}
		return true
	})
	if len(m) < 80 {
		t.Fatalf("only %d texts in errors.go", len(m))
	}
	return m
}

// helloBefore72 is ErrHelloNoAuth before Redis 7.2.
var helloBefore72 = strings.Replace(ErrHelloNoAuth, "<proto> ", "", 1)

// TestErrorTexts: every text is one line with a prefix in capitals (reasons have
// none), and redis-server's program file contains it.
func TestErrorTexts(t *testing.T) {
	all := texts(t)
	for name, text := range all {
		prefix, rest, _ := strings.Cut(text, " ")
		if strings.ContainsAny(text, "\r\n") || rest == "" {
			t.Errorf("%s: %q", name, text)
		}
		if strings.HasPrefix(name, "Err") != (prefix == strings.ToUpper(prefix)) {
			t.Errorf("%s: the prefix of %q", name, text)
		}
	}
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("skipped: no redis-server on this machine (Debian: apt-get install redis-server)")
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range all {
		text = strings.TrimPrefix(text, "ERR ")
		switch name {
		case "ErrTimeoutLong": // came with 7.2
			continue
		case "ErrFieldsMissing", "ErrNegativeExpire", "ErrNumFields", "ErrNumFieldsMatch": // came with 7.4
			continue
		}
		if name == "ErrHelloNoAuth" && !bytes.Contains(program, []byte(text)) {
			text = helloBefore72
		}
		if !bytes.Contains(program, []byte(text)) {
			t.Errorf("%s: redis-server does not contain %q", name, text)
		}
	}
}

// TestReferenceErrors provokes errors from redis-server: each line is the wanted
// reply and the command. Commands with the reply "" only prepare.
func TestReferenceErrors(t *testing.T) {
	c := dialReference(t, reference(t))
	f := func(want string, args ...any) {
		t.Helper()
		v, err := c.Do(args...)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case want == "" && v.IsError():
			t.Errorf("%v: %v", args, v)
		case want == ErrHelloNoAuth && string(v.Str) == helloBefore72:
		case want != "" && (!v.IsError() || string(v.Str) != want):
			t.Errorf("%v: %v; ours %s", args, v, want)
		}
	}
	arg := func(s string) []byte { return []byte(s) }
	f("", "SET", "k", "v")
	f("", "LPUSH", "l", "a")
	f("", "SET", "n", "9223372036854775807")

	// Any command.
	f(WrongArgs("get"), "GET")
	f(WrongArgs("get"), "get", "a", "b")
	f(WrongArgs("config|get"), "CONFIG", "GET")
	f(WrongArgs("mset"), "MSET", "a", "1", "b")
	f(UnknownCommand(arg("NoSuch"), nil), "NoSuch")
	f(UnknownCommand(arg("nosuch"), [][]byte{arg("a"), arg("b c")}), "nosuch", "a", "b c")
	long := strings.Repeat("x", 100)
	f(UnknownCommand(arg(long+long), [][]byte{arg(long), arg(long), arg(long)}), long+long, long, long, long)
	f(UnknownCommand(arg("a"), [][]byte{arg(long + long), arg("b")}), "a", long+long, "b")
	f(UnknownCommand(arg("a"), [][]byte{arg(long + long[:25]), arg("b")}), "a", long+long[:25], "b")
	f(UnknownCommand(arg("a\x00b"), [][]byte{arg("c\x00d"), arg("e")}), "a\x00b", "c\x00d", "e")
	f(UnknownSubcommand("config", arg("Foo")), "CONFIG", "Foo", "x")
	f(UnknownSubcommand("OBJECT", arg(long+long)), "OBJECT", long+long)
	f(ErrWrongType, "GET", "l")
	f(ErrNotInteger, "INCR", "k")
	f(ErrNotInteger, "GETRANGE", "k", "a", "1")
	f(ErrNotFloat, "INCRBYFLOAT", "k", "1")
	f(ErrNotPositive, "LPOP", "l", "-1")
	f(ErrTooManyKeys, "SINTERCARD", "2", "a")
	f(ErrOutOfRange, "LSET", "l", "5", "x")
	f(ErrSyntax, "SET", "k", "v", "NX", "XX")
	f(ErrTimeout, "WAIT", "0", "x")
	f(ErrTimeoutSign, "WAIT", "0", "-1")

	// Connections.
	f(ErrNoPassword, "AUTH", "x")
	f(ErrWrongPass, "AUTH", "x", "y")
	f(ErrSyntax, "AUTH", "x", "y", "z")
	f(ErrNoProto, "HELLO", "4")
	f(ErrNoProto, "HELLO", "1")
	f(ErrProtoNotInteger, "HELLO", "x")
	f(HelloOption(arg("Foo")), "HELLO", "3", "Foo")
	f(HelloOption(arg("AUTH")), "HELLO", "3", "AUTH", "a")
	f(ErrClientName, "HELLO", "3", "SETNAME", "a b")
	f(ErrClientName, "CLIENT", "SETNAME", "a\n")
	f(NotBetween(-1<<31, 1<<31-1), "SELECT", "99999999999")
	f(ErrNotInteger, "SELECT", "x")
	f(ErrDBIndex, "SELECT", "16")
	f(ErrDBIndex, "SELECT", "-1")

	// Databases and keys.
	f(ErrFirstDBIndex, "SWAPDB", "x", "1")
	f(ErrSecondDBIndex, "SWAPDB", "1", "x")
	f(ErrDBIndex, "SWAPDB", "1", "16")
	f(ErrDBIndex, "MOVE", "k", "16")
	f(ErrSameObject, "MOVE", "k", "0")
	f(ErrSameObject, "COPY", "k", "k")
	f(ErrNoSuchKey, "RENAME", "nosuch", "x")
	f(ErrCursor, "SCAN", "x")
	f(InvalidExpire("set"), "SET", "k", "v", "EX", "0")
	f(InvalidExpire("set"), "SET", "k", "v", "EX", "9223372036854775807")
	f(InvalidExpire("setex"), "SETEX", "k", "0", "v")
	f(InvalidExpire("psetex"), "PSETEX", "k", "-1", "v")
	f(InvalidExpire("getex"), "GETEX", "k", "EX", "0")
	f(InvalidExpire("expire"), "EXPIRE", "k", "9223372036854775807")
	f(InvalidExpire("pexpire"), "PEXPIRE", "k", "9223372036854775807")
	f(InvalidExpire("expireat"), "EXPIREAT", "k", "9223372036854775807")
	f(ErrExpireNXWith, "EXPIRE", "k", "10", "NX", "GT")
	f(ErrExpireGTWithLT, "EXPIRE", "k", "10", "GT", "LT")
	f(UnsupportedOption(arg("Foo")), "EXPIRE", "k", "10", "Foo")
	f(ErrFreqNotTracked, "OBJECT", "FREQ", "k")
	f("", "CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
	f(ErrIdleNotTracked, "OBJECT", "IDLETIME", "k")
	f("", "CONFIG", "SET", "maxmemory-policy", "noeviction")
	f(ErrSyntax, "MEMORY", "USAGE", "k", "SAMPLES", "-1")

	// Strings and bitmaps.
	f(ErrOverflow, "INCR", "n")
	f(ErrDecrement, "DECRBY", "n", "-9223372036854775808")
	f(ErrNaN, "INCRBYFLOAT", "n", "inf")
	f(ErrOffset, "SETRANGE", "k", "-1", "x")
	f(ErrTooBig, "SETRANGE", "k", "536870912", "x")
	f(ErrTooBig, "SETRANGE", "k", "9223372036854775807", "x")
	f(ErrLCSType, "LCS", "k", "l")
	f(ErrLCSLenIdx, "LCS", "k", "k", "LEN", "IDX")
	f(ErrBitOffset, "SETBIT", "k", "-1", "1")
	f(ErrBitOffset, "GETBIT", "k", "4294967296")
	f(ErrBitValue, "SETBIT", "k", "1", "2")
	f(ErrBitPos, "BITPOS", "k", "2")
	f(ErrBitOpNot, "BITOP", "NOT", "d", "k", "k")
	f(ErrBitFieldType, "BITFIELD", "k", "GET", "u64", "0")
	f(ErrBitFieldOverflow, "BITFIELD", "k", "OVERFLOW", "x")
	f(ErrBitFieldReadOnly, "BITFIELD_RO", "k", "SET", "u8", "0", "1")

	// Transactions.
	f(ErrExecNoMulti, "EXEC")
	f(ErrDiscardNoMulti, "DISCARD")
	f("", "MULTI")
	f(ErrNestedMulti, "MULTI")
	f(ErrWatchInMulti, "WATCH", "k")
	f("", "DISCARD")
	f("", "MULTI")
	f(WrongArgs("get"), "GET")
	f(ErrExecAbort, "EXEC")
	f("", "MULTI")
	f(ErrNotInMulti, "PSYNC", "?", "-1")
	f("", "DISCARD")

	// CLIENT.
	f(ErrNoSuchClient, "CLIENT", "KILL", "1.2.3.4:5")
	f(ErrClientIDPositive, "CLIENT", "KILL", "ID", "0")
	f(UnknownClientType(arg("Foo")), "CLIENT", "KILL", "TYPE", "Foo")
	f(NoSuchUser(arg("Foo")), "CLIENT", "KILL", "USER", "Foo")
	f(ErrClientID, "CLIENT", "LIST", "ID", "x")
	f(ErrUnblockReason, "CLIENT", "UNBLOCK", "1", "x")
	f(ErrTrackRedirect, "CLIENT", "TRACKING", "ON", "REDIRECT", "999999")
	f(ErrTrackOptBcast, "CLIENT", "TRACKING", "ON", "BCAST", "OPTIN")
	f(ErrTrackOptBoth, "CLIENT", "TRACKING", "ON", "OPTIN", "OPTOUT")
	f(ErrTrackPrefix, "CLIENT", "TRACKING", "ON", "PREFIX", "a")
	f(PrefixOverlap(arg("ab"), arg("a")), "CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "ab", "PREFIX", "a")
	f(ErrCachingMode, "CLIENT", "CACHING", "YES")

	// CONFIG, COMMAND, SHUTDOWN.
	f(UnknownSetting(arg("Foo")), "CONFIG", "SET", "Foo", "x")
	f(ConfigSetFailed("databases", ConfigImmutable), "CONFIG", "SET", "databases", "4")
	f(ConfigSetFailed("dir", ConfigProtected), "CONFIG", "SET", "dir", "/")
	f(ConfigSetFailed("timeout", ConfigDuplicate), "CONFIG", "SET", "timeout", "1", "timeout", "2")
	f(ConfigSetFailed("appendonly", ConfigNotBool), "CONFIG", "SET", "appendonly", "x")
	f(ConfigSetFailed("timeout", ConfigNotInt), "CONFIG", "SET", "timeout", "x")
	f(ConfigSetFailed("maxmemory", ConfigNotMemory), "CONFIG", "SET", "maxmemory", "x")
	f(ConfigSetFailed("timeout", ConfigNotBetween("0", "2147483647")), "CONFIG", "SET", "timeout", "-1")
	f(ConfigSetFailed("loglevel", ConfigNotOneOf("debug", "verbose", "notice", "warning")), "CONFIG", "SET", "loglevel", "x")
	f(ErrNoConfigFile, "CONFIG", "REWRITE")
	f(ErrBadCommand, "COMMAND", "GETKEYS", "nosuch", "x")
	f(ErrNoKeyArguments, "COMMAND", "GETKEYS", "CONFIG", "GET", "x")
	f(ErrGetKeysArity, "COMMAND", "GETKEYS", "GET", "a", "b")
	f(ErrGetKeysArgs, "COMMAND", "GETKEYS", "LMPOP", "0", "a", "LEFT")
	f(ErrNoShutdown, "SHUTDOWN", "ABORT")

	// States of the server.
	f("", "CONFIG", "SET", "maxmemory", "1")
	f(ErrOOM, "SET", "k", "v")
	f("", "CONFIG", "SET", "maxmemory", "0")
	f("", "SUBSCRIBE", "x")
	f(SubscribedOnly("get"), "GET", "k")
	f(SubscribedOnly("config|get"), "CONFIG", "GET", "x")
	f("", "RESET")
	f("", "CONFIG", "SET", "requirepass", "x")
	f("", "RESET")
	f(ErrNoAuth, "GET", "k")
	f(ErrHelloNoAuth, "HELLO", "3")
	f(ErrWrongPass, "AUTH", "y")
	f("", "AUTH", "x")
}

func TestErrorTextsBuilt(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s; want %s", got, want)
		}
	}
	// 7.2 only, or states a test cannot bring about.
	f(UnknownClientInfo([]byte("Foo")), "ERR Unrecognized option 'Foo'")
	f(BadClientInfo([]byte("lib-name")), "ERR lib-name cannot contain spaces, newlines or special characters.")
	f(ExecAborted(ErrOOM), "EXECABORT Transaction discarded because of: "+ErrOOM)
	f(ExecAborted("ERR x"), "EXECABORT Transaction discarded because of: x")
	f(MisconfAOF("No space left on device"), "MISCONF Errors writing to the AOF file: No space left on device")
}
