//go:build !race

package hpkv_test

const raceEnabled = false
