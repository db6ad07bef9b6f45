//go:build !linux

package loadgen

const epoll = false
