package rest

import "strings"

// What a peer has for its part of an end, and to take a piece of what is sent.
const (
	CloseWait = closeWait
	WriteWait = writeWait
)

// RouteMethods is what the routes take, but for OPTIONS, by path.
func RouteMethods() map[string][]string {
	all := make(map[string][]string)
	for _, r := range new(Service).table() {
		all[r.path] = strings.Split(strings.TrimSuffix(r.methods(), ", OPTIONS"), ", ")
	}
	return all
}
