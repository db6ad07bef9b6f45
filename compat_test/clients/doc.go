// Package clients runs real client libraries against the server under test:
// connecting the way each does by default, strings, expiry, pipelines,
// transactions, iteration, errors, and reconnecting after a restart. What a
// client gets is checked by hand here, not against a reference server.
//
// Go clients are in *_test.go; the Node.js ones are scripts in node/, run by
// node_test.go. Of HPKV's and Upstash's packages every public method is called, or
// has a reason why not: see node/coverage.mjs.
package clients
