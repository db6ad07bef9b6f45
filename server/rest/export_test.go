package rest

import "strings"

// CloseWait is what a peer has for its part of an end.
const CloseWait = closeWait

// RouteMethods is what the routes take, but for OPTIONS, by path.
func RouteMethods() map[string][]string {
	all := make(map[string][]string)
	for _, r := range new(Service).table() {
		all[r.path] = strings.Split(strings.TrimSuffix(r.methods(), ", OPTIONS"), ", ")
	}
	return all
}
