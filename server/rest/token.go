package rest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"
)

// A token says which API key made it, until when it opens connections and keeps
// them open, what they are told about and which keys they may use. It is signed with a secret
// that only the API key leads to: no server remembers it, it outlives a
// restart, and it is worthless once the API key is gone.
//
// The text is payload and signature, both in URL-safe base64, with a dot between.
type claims struct {
	Key       string   `json:"k"`           // apiKey.id
	Expires   int64    `json:"e"`           // Unix seconds
	Subscribe []string `json:"s,omitempty"` // patterns
	Access    *string  `json:"a,omitempty"` // regular expression
}

// A token travels in the first line of a request: see headBytes.
const (
	maxTokenPatterns = 1000
	maxToken         = 12 << 10
)

var base64url = base64.RawURLEncoding

func (k *apiKey) sign(payload string) []byte {
	mac := hmac.New(sha256.New, k.secret[:])
	mac.Write([]byte(payload))
	return mac.Sum(nil)
}

func (k *apiKey) issue(c claims) (string, error) {
	c.Key = k.id
	text, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	payload := base64url.EncodeToString(text)
	return payload + "." + base64url.EncodeToString(k.sign(payload)), nil
}

// verify returns a token's claims and the key that made it; false if it is not
// ours or has expired.
func (r *keyring) verify(token string, now time.Time) (c claims, k *apiKey, ok bool) {
	payload, signature, _ := strings.Cut(token, ".")
	text, err1 := base64url.DecodeString(payload)
	mac, err2 := base64url.DecodeString(signature)
	if err1 != nil || err2 != nil || json.Unmarshal(text, &c) != nil {
		return c, nil, false
	}
	// What was read is believed only if the signature is right.
	if k = r.byID(c.Key); k == nil || !hmac.Equal(mac, k.sign(payload)) || now.Unix() >= c.Expires {
		return c, nil, false
	}
	return c, k, true
}

// token is POST /token/websocket.
func (s *Service) token(ctx *fasthttp.RequestCtx, k *apiKey) *problem {
	c := claims{Expires: time.Now().Unix() + s.cfg.RestTokenLifetime.Load()}
	p := members(ctx.Request.Body(), func(name []byte, v jsontext.Value) *problem {
		switch string(name) {
		case "subscribePatterns", "subscribeKeys":
			list, p := stringList(string(name), v)
			c.Subscribe = append(c.Subscribe, list...)
			return p
		case "accessPattern":
			if v.Kind() == 'n' {
				return nil
			}
			text, p := stringMember(string(name), v)
			if p != nil {
				return p
			}
			if _, err := regexp.Compile(text); err != nil {
				return bad("accessPattern is no regular expression: " + err.Error())
			}
			c.Access = &text
		}
		return nil
	})
	if p != nil {
		return p
	}
	if len(c.Subscribe) > maxTokenPatterns {
		return bad("too many patterns to subscribe")
	}
	token, err := k.issue(c)
	if err != nil {
		return &problem{fasthttp.StatusInternalServerError, err.Error()}
	}
	if len(token) > maxToken {
		return bad("the patterns are too long for a token")
	}
	out := []byte(`{"token":"`)
	out = append(append(out, token...), `"}`...)
	reply(ctx, out)
	return nil
}
