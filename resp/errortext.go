package resp

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// shownLength is how much of a client's text an error about unknown commands
// repeats, in bytes.
const shownLength = 128

// WrongArgs is the reply to a wrong number of arguments. name is the command's
// full name in lower case: "get", "config|set".
func WrongArgs(name string) string {
	return "ERR wrong number of arguments for '" + name + "' command"
}

// UnknownCommand is the reply to a command that does not exist.
func UnknownCommand(name []byte, args [][]byte) string {
	b := append([]byte("ERR unknown command '"), shown(name, shownLength)...)
	b = append(b, "', with args beginning with: "...)
	for at := len(b); len(args) > 0 && len(b)-at < shownLength; args = args[1:] {
		arg := shown(args[0], shownLength-(len(b)-at))
		b = append(b, '\'')
		b = append(append(b, arg...), "' "...)
	}
	return string(b)
}

// UnknownSubcommand is the reply to an unknown subcommand of a container such
// as CONFIG (whose name is shown in upper case).
func UnknownSubcommand(container string, sub []byte) string {
	return "ERR unknown subcommand '" + string(shown(sub, shownLength)) + "'. Try " +
		strings.ToUpper(container) + " HELP."
}

// BadSubcommand is the reply of a subcommand that checks the number of its
// arguments by itself.
func BadSubcommand(container string, sub []byte) string {
	return "ERR unknown subcommand or wrong number of arguments for '" + string(shown(sub, shownLength)) + "'. Try " +
		strings.ToUpper(container) + " HELP."
}

// shown is what C's %.*s prints: at most n bytes, none from a NUL on.
func shown(b []byte, n int) []byte {
	b = b[:min(len(b), n)]
	if k := bytes.IndexByte(b, 0); k >= 0 {
		b = b[:k]
	}
	return b
}

// InvalidExpire is the reply to an expiry that is not positive or overflows.
func InvalidExpire(command string) string {
	return "ERR invalid expire time in '" + command + "' command"
}

// UnsupportedOption is the reply of EXPIRE and its kin to an unknown option.
func UnsupportedOption(option []byte) string {
	return "ERR Unsupported option " + string(shown(option, len(option)))
}

// NotBetween is the reply to an integer outside the range a command demands.
// The missing "be" is Redis'.
func NotBetween(lo, hi int64) string {
	return "ERR value is out of range, value must between " +
		strconv.FormatInt(lo, 10) + " and " + strconv.FormatInt(hi, 10)
}

// HelloOption is the reply to an unknown or incomplete option of HELLO.
func HelloOption(option []byte) string {
	return "ERR Syntax error in HELLO option '" + string(shown(option, len(option))) + "'"
}

// UnknownClientType is the reply of CLIENT KILL and LIST to an unknown TYPE.
func UnknownClientType(name []byte) string {
	return "ERR Unknown client type '" + string(shown(name, len(name))) + "'"
}

// NoSuchUser is the reply of CLIENT KILL to an unknown USER.
func NoSuchUser(name []byte) string {
	return "ERR No such user '" + string(shown(name, len(name))) + "'"
}

// UnknownClientInfo is the reply of CLIENT SETINFO to an unknown attribute.
func UnknownClientInfo(name []byte) string {
	return "ERR Unrecognized option '" + string(shown(name, len(name))) + "'"
}

// BadClientInfo is the reply of CLIENT SETINFO to a value with forbidden characters.
func BadClientInfo(name []byte) string {
	return "ERR " + string(shown(name, len(name))) + " cannot contain spaces, newlines or special characters."
}

// PrefixOverlap is the reply of CLIENT TRACKING to prefixes of which one begins
// with the other.
func PrefixOverlap(given, other []byte) string {
	return "ERR Prefix '" + string(shown(given, len(given))) + "' overlaps with another provided prefix '" +
		string(shown(other, len(other))) + "'. Prefixes for a single client must not overlap."
}

// SubscribedOnly is the reply to a command a RESP2 client may not use while it
// is subscribed. name is the command's full name in lower case.
func SubscribedOnly(name string) string {
	return "ERR Can't execute '" + name + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
}

// UnknownPFDebug is the reply of PFDEBUG to an unknown subcommand.
func UnknownPFDebug(sub []byte) string {
	return "ERR Unknown PFDEBUG subcommand '" + string(shown(sub, len(sub))) + "'"
}

// NotAllowed is the reply to a command that a setting of the server keeps from
// the client. name and setting are its name in the text and in the setting.
func NotAllowed(name, setting string) string {
	return "ERR " + name + " command not allowed. If the enable-" + setting + "-command option is set to \"local\", you can run it from a local connection, " +
		"otherwise you need to set this option in the configuration file, and then restart the server."
}

// UnknownCategory is the reply of ACL CAT to a category that does not exist.
func UnknownCategory(name []byte) string {
	return "ERR Unknown category '" + string(shown(name, shownLength)) + "'"
}

// PasswordBits is the reply of ACL GENPASS to a size out of bounds.
func PasswordBits(most int) string {
	return "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to " + strconv.Itoa(most)
}

// UserNotFound is the reply of ACL DRYRUN to an unknown user.
func UserNotFound(name []byte) string {
	return "ERR User '" + string(shown(name, len(name))) + "' not found"
}

// CommandNotFound is the reply of ACL DRYRUN to an unknown command.
func CommandNotFound(name []byte) string {
	return "ERR Command '" + string(shown(name, len(name))) + "' not found"
}

// NoLatencySamples is the reply of LATENCY GRAPH to an event that never was.
func NoLatencySamples(event []byte) string {
	return "ERR No samples available for event '" + string(shown(event, len(event))) + "'"
}

// UnknownSetting is the reply of CONFIG SET to an unknown setting.
func UnknownSetting(name []byte) string {
	return "ERR Unknown option or number of arguments for CONFIG SET - '" + string(shown(name, len(name))) + "'"
}

// ConfigSetFailed is the reply of CONFIG SET to a setting that cannot be set.
func ConfigSetFailed(name, reason string) string {
	return "ERR CONFIG SET failed (possibly related to argument '" + name + "') - " + reason
}

// ConfigNotBetween is the reason for refusing a number outside its range.
func ConfigNotBetween(lo, hi string) string {
	return "argument must be between " + lo + " and " + hi + " inclusive"
}

// ConfigNotOneOf is the reason for refusing a word that is none of the choices.
func ConfigNotOneOf(choices ...string) string {
	return "argument(s) must be one of the following: " + strings.Join(choices, ", ")
}

// ExecAborted is the reply of EXEC to a transaction that cannot be executed now.
// The reason is an error text; its prefix "ERR " is left out as in Redis.
func ExecAborted(reason string) string {
	return "EXECABORT Transaction discarded because of: " + strings.TrimPrefix(reason, "ERR ")
}

// MisconfAOF is the reply to writes while the log cannot be written.
func MisconfAOF(reason string) string {
	return "MISCONF Errors writing to the AOF file: " + reason
}

// NoInputKeys is the error for a command that combines no keys at all.
func NoInputKeys(command string) string {
	return "ERR at least 1 input key is needed for '" + command + "' command"
}

// GeoPair is the error for coordinates without a hash.
func GeoPair(longitude, latitude float64) string {
	return "ERR invalid longitude,latitude pair " + fixed(longitude) + "," + fixed(latitude)
}

// fixed writes a number as C's %f does.
func fixed(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return strconv.FormatFloat(f, 'f', 6, 64)
}

// GeoStoreWith is the error for a search that is to be stored and described:
// what is "GEOSEARCHSTORE" or "STORE option in GEORADIUS".
func GeoStoreWith(what string) string {
	return "ERR " + what + " is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
}

// GeoNeedsCenter is the error for a search without a centre. The command is
// named as the client did.
func GeoNeedsCenter(command []byte) string {
	return "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + string(command)
}

// GeoNeedsShape is the error for a search without a shape.
func GeoNeedsShape(command []byte) string {
	return "ERR exactly one of BYRADIUS and BYBOX can be specified for " + string(command)
}
