package rest_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"hpkv/server/rest"
)

// document is the part of an OpenAPI document that the tests look at.
type document struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		Responses   map[string]json.RawMessage
		RequestBody json.RawMessage
		Security    *[]any
	}
	Components struct{ Schemas map[string]json.RawMessage }
}

func readDocument(t *testing.T, text string) document {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// schemas compiles parts of a document.
type schemas struct {
	t        *testing.T
	compiler *jsonschema.Compiler
}

// newSchemas takes a document literally: what it does not describe is wrong.
func newSchemas(t *testing.T, text string) *schemas {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, schema := range doc.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any) {
		if s := schema.(map[string]any); s["type"] == "object" {
			s["additionalProperties"] = false
		}
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return &schemas{t, c}
}

// check reports what is wrong with a body, by the schema for JSON at a place of
// the document, named by the members that lead to it.
func (s *schemas) check(body string, place ...string) error {
	s.t.Helper()
	pointer := "openapi.json#"
	for _, name := range append(place, "content", "application/json", "schema") {
		pointer += "/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
	}
	schema, err := s.compiler.Compile(pointer)
	if err != nil {
		s.t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// The document lists the routes and methods that there are, and no others.
func TestOpenAPIListsTheRoutes(t *testing.T) {
	r := start(t)
	d := readDocument(t, r.ask("GET", "/openapi.json", "", "x-api-key", keyAll).body)
	if !strings.HasPrefix(d.OpenAPI, "3.1.") {
		t.Error(d.OpenAPI)
	}
	for path, methods := range rest.RouteMethods() {
		var listed []string
		for m := range d.Paths[path] {
			listed = append(listed, strings.ToUpper(m))
		}
		slices.Sort(listed)
		slices.Sort(methods)
		if !slices.Equal(listed, methods) {
			t.Errorf("%s: routes %v, document %v", path, methods, listed)
		}
		delete(d.Paths, path)
	}
	for path := range d.Paths {
		t.Errorf("%s is described but does not exist", path)
	}
}

// References lead somewhere, and every status that a request of the tests below
// meets is described.
func TestOpenAPIDescribesTheAnswers(t *testing.T) {
	r := start(t)
	text := r.ask("GET", "/openapi.json", "", "x-api-key", keyAll).body
	d := readDocument(t, text)
	for _, part := range strings.Split(text, `"#/components/schemas/`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		if d.Components.Schemas[name] == nil {
			t.Errorf("no schema %s", name)
		}
	}
	by := newSchemas(t, text)
	bodies := map[string][]string{
		"/record":          {record("k", "v"), record("", ""), "{", record("list", "v"), partial("k", "v"), `{"key":"k","value":{"a":1},"partialUpdate":null}`, `{"key":1,"value":1}`, `{"key":"k","value":"v","partialUpdate":1}`},
		"/record/atomic":   {`{"key":"n","increment":1}`, `{"key":"k","increment":1}`, `{"key":"n","increment":"1"}`, `{"key":"n","increment":1.5}`},
		"/token/websocket": {`{}`, `[]`, `{"subscribePatterns":["a*"],"subscribeKeys":["b"],"accessPattern":"^c"}`, `{"subscribePatterns":"a"}`, `{"accessPattern":null}`},
		"/":                {`["GET","k"]`, `["NOPE"]`, `[]`, `["MGET","k","absent"]`, `["SET","k",{"a":1}]`},
		"/pipeline":        {`[["GET","k"],["NOPE"]]`, `[[]]`},
		"/multi-exec":      {`[["GET","k"]]`, `[["NOPE"]]`},
	}
	keys := [][]string{{}, {"x-api-key", keyAll}, {"x-api-key", keyRead}, {"x-api-key", "wrong"}, {"Authorization", "Bearer " + keyAll}, {"Authorization", "Bearer wrong"}}
	for path, methods := range d.Paths {
		target := strings.NewReplacer("{key}", "k", "{command}", "get/k").Replace(path)
		if path == "/records" {
			target += "?startKey=a&endKey=z"
		}
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "PUT"} {
			for _, key := range keys {
				for _, body := range append(bodies[path], "") {
					got := r.ask(method, target, body, key...)
					o, described := methods[strings.ToLower(method)]
					if !described {
						if got.StatusCode < 400 || got.StatusCode >= 500 {
							t.Errorf("%s %s is not described and answers %d", method, target, got.StatusCode)
						}
						continue
					}
					about := o.Responses[status(got)]
					if about == nil {
						t.Errorf("%s %s %v %s: %d is not described", method, target, key, body, got.StatusCode)
						continue
					}
					if strings.Contains(string(about), `"application/json"`) && got.body != "" {
						if err := by.check(got.body, "paths", path, strings.ToLower(method), "responses", status(got)); err != nil {
							t.Errorf("%s %s %v %s: %d %s: %v", method, target, key, body, got.StatusCode, got.body, err)
						}
					}
					if strings.Contains(string(o.RequestBody), `"application/json"`) && by.check(body, "paths", path, strings.ToLower(method), "requestBody") != nil && got.StatusCode < 400 {
						t.Errorf("%s %s: %s is not a described body, and accepted", method, target, body)
					}
					if open := o.Security != nil; open != (len(key) == 0 && got.StatusCode != 401 && got.StatusCode != 404) && len(key) == 0 {
						t.Errorf("%s %s without a key: %d, described as open: %v", method, target, got.StatusCode, open)
					}
				}
			}
		}
	}
}

func status(a answer) string { return strings.Fields(a.Status)[0] }
