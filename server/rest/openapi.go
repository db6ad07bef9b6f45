package rest

import (
	_ "embed" // openapi.json

	"github.com/valyala/fasthttp"
)

// description is the OpenAPI document of the interface; a test holds it against
// the routes.
//
//go:embed openapi.json
var description []byte

// openAPI is GET /openapi.json.
func (s *Service) openAPI(ctx *fasthttp.RequestCtx, _ *apiKey) *problem {
	reply(ctx, description)
	return nil
}
