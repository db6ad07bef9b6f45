// Package resp is hpkv's side of the Redis serialization protocol: reading
// commands, reading their arguments, writing replies in RESP2 and RESP3, the
// texts of error replies, recorded replies and a small synchronous client.
package resp
