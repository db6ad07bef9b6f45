package rest

import (
	"embed"
	"mime"
	"path"

	"github.com/valyala/fasthttp"
)

// consoleFiles are the page at the root: static, without data and without
// requests to anywhere else. What it shows it asks of the other paths, with the
// API key that its user has typed in.
//
//go:embed console
var consoleFiles embed.FS

// consolePolicy keeps a browser to what the page needs, so that a value shown
// by it cannot become code.
const consolePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (s *Service) console(ctx *fasthttp.RequestCtx, _ *apiKey) *problem {
	return consoleFile(ctx, "index.html")
}

func (s *Service) consoleAsset(ctx *fasthttp.RequestCtx, _ *apiKey) *problem {
	return consoleFile(ctx, path.Base(string(targetOf(ctx).path)))
}

func consoleFile(ctx *fasthttp.RequestCtx, name string) *problem {
	body, err := consoleFiles.ReadFile("console/" + name)
	if err != nil {
		return &problem{404, "no such path"}
	}
	h := &ctx.Response.Header
	h.SetContentType(mime.TypeByExtension(path.Ext(name)))
	h.Set("Content-Security-Policy", consolePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	ctx.Response.SetBodyRaw(body)
	return nil
}
