package glob

// Match reports whether all of s matches the pattern.
func Match(pattern, s []byte) bool { return match(pattern, s, false) }

// MatchFold is Match without regard to the case of ASCII letters.
func MatchFold(pattern, s []byte) bool { return match(pattern, s, true) }

// All reports whether the pattern is the single star that callers answer
// without matching.
func All(pattern []byte) bool { return len(pattern) == 1 && pattern[0] == '*' }

func match(p, s []byte, fold bool) bool {
	if len(s) == 0 {
		return len(p) == 0
	}
	var (
		i, j  int  // next byte of p and of s
		star  = -1 // what follows the last star in p
		again int  // where in s the next try for that star begins
	)
	for j < len(s) {
		if i < len(p) && p[i] == '*' {
			for i < len(p) && p[i] == '*' {
				i++
			}
			if i == len(p) {
				return true
			}
			star, again = i, j+1
			continue
		}
		if i < len(p) {
			if n, ok := matchOne(p[i:], s[j], fold); ok {
				i += n
				j++
				continue
			}
		}
		if star < 0 {
			return false
		}
		i, j = star, again
		again++
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// matchOne matches one byte against the first element of p, which is not a
// star, and returns the length of that element.
func matchOne(p []byte, c byte, fold bool) (n int, ok bool) {
	switch p[0] {
	case '?':
		return 1, true
	case '[':
		return matchClass(p, c, fold)
	case '\\':
		if len(p) >= 2 {
			return 2, same(p[1], c, fold)
		}
	}
	return 1, same(p[0], c, fold)
}

// matchClass matches c against the class that begins p.
func matchClass(p []byte, c byte, fold bool) (n int, ok bool) {
	i := 1
	not := i < len(p) && p[i] == '^'
	if not {
		i++
	}
	for i < len(p) && p[i] != ']' {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
			ok = ok || p[i] == c
		case i+2 < len(p) && p[i+1] == '-':
			ok = ok || within(p[i], p[i+2], c, fold)
			i += 2
		default:
			ok = ok || same(p[i], c, fold)
		}
		i++
	}
	return min(i+1, len(p)), ok != not
}

// within reports whether c lies between the ends of a range, in either order,
// compared as signed bytes. The ends are ordered before their case is folded.
func within(from, to, c byte, fold bool) bool {
	if int8(from) > int8(to) {
		from, to = to, from
	}
	if fold {
		from, to, c = lower(from), lower(to), lower(c)
	}
	return int8(from) <= int8(c) && int8(c) <= int8(to)
}

func same(a, b byte, fold bool) bool {
	return a == b || fold && lower(a) == lower(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
