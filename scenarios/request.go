package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// The methods that a step may use.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// A requestLine is "METHOD service/path" taken apart; Path has its slash.
type requestLine struct{ Method, Service, Path string }

// parseRequest reads a request line. A refusal comes with what to write.
func parseRequest(text string) (requestLine, error) {
	const form = "write METHOD service/path, as in POST api/v1/sessions"
	words := strings.Fields(text)
	if len(words) < 2 {
		return requestLine{}, badForm(text, "is not a request", form)
	}
	if len(words) > 2 {
		return requestLine{}, badForm(text, "has a space in its path", "write the space as %20")
	}
	r := requestLine{Method: words[0]}
	if !slices.Contains(methods, r.Method) {
		return r, &formError{fmt.Sprintf("%q is not a method", shorten(r.Method)), didYouMean(r.Method, methods)}
	}
	target := words[1]
	if scheme, rest, ok := strings.Cut(target, "://"); ok && !strings.Contains(scheme, "/") {
		return r, badForm(target, "is an address", fmt.Sprintf("name the service of the stack instead: %s %s", r.Method, withoutPort(rest)))
	}
	service, path, _ := strings.Cut(target, "/")
	r.Service, r.Path = service, "/"+path
	switch {
	case service == "":
		return r, badForm(text, "names no service", form)
	case strings.Contains(service, "${"):
		return r, badForm(text, "has a variable for a service", "name one service in each step")
	case strings.Contains(service, ":"):
		return r, badForm(text, "has a port", "the port is set under stack.services; write "+r.Method+" "+withoutPort(target))
	case strings.Contains(service, "?"):
		return r, badForm(text, "has no / between service and query", form)
	case strings.Contains(path, "#"):
		return r, badForm(text, "has a fragment, which is never sent", "leave out the # and what follows")
	}
	return r, nil
}

// withoutPort takes the port off the front of host:port/path.
func withoutPort(target string) string {
	host, path, _ := strings.Cut(target, "/")
	host, _, _ = strings.Cut(host, ":")
	return shorten(host + "/" + path)
}

// headerName reports whether text can name an HTTP header.
func headerName(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) < 0
}
