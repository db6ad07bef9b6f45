package rest

import (
	"regexp"
	"strings"
)

// pattern is one entry of a subscription. It matches a key that is its text; or
// that its text leads to with every * standing for any run of characters; or,
// when it has characters that only regular expressions use, in which the
// expression is found.
type pattern struct {
	text  string
	parts []string // between the stars; nil: there is none
	re    *regexp.Regexp
}

func compilePattern(text string) pattern {
	p := pattern{text: text}
	if strings.Contains(text, "*") {
		p.parts = strings.Split(text, "*")
	}
	if strings.ContainsAny(text, "^$(|[\\") {
		p.re, _ = regexp.Compile(text) // else it matches as plain text only
	}
	return p
}

func (p *pattern) match(key string) bool {
	return key == p.text || p.parts != nil && matchParts(p.parts, key) || p.re != nil && p.re.MatchString(key)
}

// matchParts reports whether s is the parts with anything between them. Taking
// the first place where a part fits is enough, since a star takes any text.
func matchParts(parts []string, s string) bool {
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(s, part)
		if at < 0 {
			return false
		}
		s = s[at+len(part):]
	}
	return true
}

// literal is what every matching key begins with.
func (p *pattern) literal() string {
	switch {
	case p.re != nil:
		return ""
	case p.parts != nil:
		return p.parts[0]
	}
	return p.text
}

// access limits the keys a token may use. The zero value allows none.
type access struct {
	re, lenient *regexp.Regexp // from accessPattern
	keys        []pattern      // without it, what was subscribed
}

func newAccess(c claims) access {
	if c.Access == nil {
		a := access{}
		for _, text := range c.Subscribe {
			a.keys = append(a.keys, compilePattern(text))
		}
		return a
	}
	// Both were tried when the token was made.
	a := access{}
	a.re, _ = regexp.Compile(*c.Access)
	if loose := loosen(*c.Access); loose != *c.Access {
		a.lenient, _ = regexp.Compile(loose)
	}
	return a
}

// loosen reads a star that repeats a single ordinary character, as in "user:*",
// the way people mean it.
func loosen(re string) string {
	var b strings.Builder
	for i := range len(re) {
		if re[i] == '*' && (i == 0 || !strings.ContainsRune(".)]*+?}\\", rune(re[i-1])) && (i < 2 || re[i-2] != '\\')) {
			b.WriteByte('.')
		}
		b.WriteByte(re[i])
	}
	return b.String()
}

func (a *access) allows(key string) bool {
	if a.re != nil {
		return a.re.MatchString(key) || a.lenient != nil && a.lenient.MatchString(key)
	}
	for i := range a.keys {
		if a.keys[i].match(key) {
			return true
		}
	}
	return false
}
