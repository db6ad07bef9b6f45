// Package store puts the embedded stores under measurement behind one
// interface: hpkv and what a Go programmer would use instead.
//
// All stores keep the same contract, or the comparison would be of contracts:
// the store owns what it holds (keys and values are copied in), and Get hands
// the caller a copy in his own buffer (so that the value's bytes are really
// read). Keys come as bytes and as a string, both made beforehand; a store
// takes the form that suits it and pays for no conversion.
package store
