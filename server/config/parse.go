package config

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"hpkv/resp"
)

// parse checks args against the row and returns the value they stand for, of
// the type its Kind names. current is the value that a partial setting adds to
// (nil for none). The error's text is the one CONFIG SET shows.
func (r *Row) parse(args []string, current any) (any, error) {
	if !r.Kind.several() && len(args) != 1 {
		return nil, errors.New("wrong number of arguments")
	}
	value, err := r.read(args, current)
	if err != nil {
		return nil, err
	}
	if r.check != nil {
		if err := r.check(value); err != nil {
			return nil, err
		}
	}
	if r.Status == Refused && r.format(value) != r.standard() {
		return nil, errors.New(r.Why)
	}
	return value, nil
}

func (r *Row) read(args []string, current any) (any, error) {
	switch r.Kind {
	case Integer:
		n, ok := parseInteger(args[0])
		if !ok {
			return nil, errors.New(resp.ConfigNotInt)
		}
		return r.bounded(n)
	case Octal:
		n, err := strconv.ParseUint(args[0], 8, 63)
		if err != nil {
			return nil, errors.New("argument couldn't be parsed into an octal")
		}
		return r.bounded(int64(n))
	case Memory:
		n, err := ParseMemory(args[0])
		if err != nil {
			return nil, err
		}
		return r.bounded(n)
	case MemoryShare:
		return r.readShare(args[0])
	case Boolean:
		switch {
		case strings.EqualFold(args[0], "yes"):
			return true, nil
		case strings.EqualFold(args[0], "no"):
			return false, nil
		}
		return nil, errors.New(resp.ConfigNotBool)
	case Enumeration, Combination:
		return r.readNames(args)
	case String:
		return args[0], nil
	case Directory:
		return readDirectory(args[0])
	case List:
		if len(args) == 1 && args[0] == "" {
			args = nil
		}
		return append([]string(nil), args...), nil
	case Buffers:
		limits, _ := current.([classCount]BufferLimit)
		return parseBufferLimits(args, limits)
	case Snapshots:
		points, _ := current.([]SavePoint)
		return parseSavePoints(args, points)
	case APIKeys:
		keys, _ := current.([]APIKey)
		return parseAPIKeys(args, keys)
	case Percents:
		return parsePercentiles(args)
	case EventClasses:
		return parseEvents(args[0])
	}
	panic(fmt.Sprintf("BUG: setting %s has no kind", r.Name))
}

// format writes a value as CONFIG GET shows it and parse reads it back.
func (r *Row) format(value any) string {
	switch v := value.(type) {
	case int64:
		switch {
		case r.Kind == Octal:
			return strconv.FormatInt(v, 8)
		case r.Kind == MemoryShare && v < 0:
			return strconv.FormatInt(-v, 10) + "%"
		}
		return strconv.FormatInt(v, 10)
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case Choice:
		return r.formatNames(v)
	case string:
		if r.Kind == Directory && v == "" {
			if dir, err := os.Getwd(); err == nil {
				return dir
			}
		}
		return v
	case []string:
		return strings.Join(v, " ")
	case [classCount]BufferLimit:
		return formatBufferLimits(v)
	case []SavePoint:
		return formatSavePoints(v)
	case []APIKey:
		return formatAPIKeys(v)
	case []float64:
		return formatPercentiles(v)
	case Event:
		return formatEvents(v)
	}
	panic(fmt.Sprintf("BUG: setting %s holds a %T", r.Name, value))
}

// initial returns the value of Default.
func (r *Row) initial() any {
	if r.Kind == Directory {
		return "" // where the process was started
	}
	args := []string{r.Default}
	if r.Kind.several() {
		args = words(r.Default)
	}
	value, err := r.read(args, nil)
	if err != nil {
		panic(fmt.Sprintf("BUG: setting %s: default %q: %v", r.Name, r.Default, err))
	}
	return value
}

// standard is the default in the form of format.
func (r *Row) standard() string { return r.format(r.initial()) }

func (r *Row) bounded(n int64) (any, error) {
	if (r.Min != 0 || r.Max != 0) && (n < r.Min || n > r.Max) {
		base := 10
		if r.Kind == Octal {
			base = 8
		}
		return nil, errors.New(resp.ConfigNotBetween(strconv.FormatInt(r.Min, base), strconv.FormatInt(r.Max, base)))
	}
	if r.clamp != nil {
		n = r.clamp(n)
	}
	return n, nil
}

func (r *Row) readShare(s string) (any, error) {
	if digits, ok := strings.CutSuffix(s, "%"); ok {
		n, ok := parseInteger(digits)
		if !ok || n < 0 {
			return nil, errors.New("argument must be a memory or percent value")
		}
		if n > -r.Min {
			return nil, fmt.Errorf("percentage argument must be less or equal to %d", -r.Min)
		}
		return -n, nil
	}
	n, err := ParseMemory(s)
	if err != nil {
		return nil, errors.New("argument must be a memory or percent value")
	}
	return r.bounded(n)
}

func (r *Row) readNames(args []string) (any, error) {
	var set Choice
	known := len(args) == 1 || r.Kind == Combination && len(args) > 0
next:
	for _, arg := range args {
		for _, n := range r.names {
			if strings.EqualFold(arg, n.text) {
				set |= n.value
				continue next
			}
		}
		known = false
	}
	if !known {
		texts := make([]string, len(r.names))
		for i, n := range r.names {
			texts[i] = n.text
		}
		return nil, errors.New(resp.ConfigNotOneOf(texts...))
	}
	return set, nil
}

func (r *Row) formatNames(v Choice) string {
	var texts []string
	for _, n := range r.names {
		if n.value == v {
			return n.text
		}
		if r.Kind == Combination && n.value != 0 && v&n.value == n.value {
			texts = append(texts, n.text)
		}
	}
	return strings.Join(texts, " ")
}

// readDirectory insists on a directory that is there now: the server changes
// into it, and a missing one should be reported where it is named.
func readDirectory(path string) (any, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		text := reason(err).Error()
		return nil, wireText(strings.ToUpper(text[:1]) + text[1:]) // as strerror(3) writes it
	}
	return filepath.Abs(path)
}

// ParseMemory reads a number of bytes with an optional unit, in any case:
// k = 1000, kb = 1024, m, mb, g and gb likewise, and b.
func ParseMemory(s string) (int64, error) {
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	var unit int64
	switch strings.ToLower(s[end:]) {
	case "", "b":
		unit = 1
	case "k":
		unit = 1000
	case "kb":
		unit = 1 << 10
	case "m":
		unit = 1000 * 1000
	case "mb":
		unit = 1 << 20
	case "g":
		unit = 1000 * 1000 * 1000
	case "gb":
		unit = 1 << 30
	}
	digits := s[:end]
	if digits == "" {
		digits = "0" // as Redis: an empty value means 0
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if unit == 0 || err != nil || n > math.MaxInt64/unit {
		return 0, errors.New(resp.ConfigNotMemory)
	}
	return n * unit, nil
}

// parseInteger reads a decimal number in its one canonical form: no plus sign,
// no leading zeros, no spaces.
func parseInteger(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == s
}

// words splits at single spaces, as CONFIG SET does for settings that take
// several arguments: two spaces in a row enclose an empty word.
func words(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, " ")
}

// wireText is a reason in the words of Redis' reply, capitals and periods
// included.
type wireText string

func (t wireText) Error() string { return string(t) }
