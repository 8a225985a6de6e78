package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// roles are what the members of a JSON line stand for, with the names that are
// tried where Options.Fields has none: those of nginx, Caddy, Traefik, Envoy
// and Google's load balancer, and what people call them.
var roles = map[string][]string{
	"time":    {"time", "ts", "timestamp", "@timestamp", "start_time", "StartUTC", "time_iso8601", "time_local", "msec", "datetime"},
	"method":  {"method", "request_method", "http_method", "RequestMethod", "request.method", "httpRequest.requestMethod"},
	"path":    {"path", "uri", "request_uri", "url", "request_url", "request_path", "RequestPath", "request.uri", "request.url", "httpRequest.requestUrl"},
	"query":   {"query", "args", "query_string"},
	"host":    {"host", "http_host", "vhost", "server_name", "authority", "RequestHost", "request.host"},
	"headers": {"headers", "request_headers", "request.headers"},
	"body":    {"body", "request_body", "request.body"},
	"request": {"request", "request_line"},
}

func checkFields(fields map[string]string) error {
	for role := range fields {
		if roles[role] == nil && role != "url" {
			return fmt.Errorf("fields: %q is none of time, method, path (or url), query, host, headers, body and request", role)
		}
	}
	return nil
}

// readJSONLines reads one JSON object a line.
func readJSONLines(src *source, g *gathering) error {
	names := map[string][]string{}
	for role, defaults := range roles {
		names[role] = defaults
		if name := g.o.Fields[role]; name != "" {
			names[role] = []string{name}
		}
	}
	if name := g.o.Fields["url"]; name != "" {
		names["path"] = []string{name}
	}
	return src.each(g, false, func(line []byte) {
		o := object{names: names}
		if err := json.Unmarshal(line, &o.members); err != nil || o.members == nil {
			g.malformed("is not a JSON object", line)
			return
		}
		e, why := o.entry(g.o.TimesOnly && len(g.hosts) == 0)
		if why != "" {
			g.malformed(why, line)
			return
		}
		g.add(e, line)
	})
}

// An object is one line of JSON.
type object struct {
	members map[string]json.RawMessage
	names   map[string][]string
	inner   map[string]map[string]json.RawMessage // objects in members, once asked for
}

// entry is what the line records, or why it records nothing.
func (o *object) entry(timeOnly bool) (e entry, why string) {
	if when := o.text("time"); when != "" {
		if e.at, e.timed = parseTime(when); !e.timed {
			return e, "its time cannot be read"
		}
	}
	if timeOnly {
		return e, ""
	}
	e.method, e.target = []byte(o.text("method")), []byte(o.text("path"))
	if len(e.method) == 0 || len(e.target) == 0 {
		e.method, e.target = splitRequest([]byte(o.text("request")))
	}
	if len(e.method) == 0 {
		return e, "has no method, or no path; name the members in fields"
	}
	if query := o.text("query"); query != "" && bytes.IndexByte(e.target, '?') < 0 {
		e.target = append(append(e.target, '?'), strings.TrimPrefix(query, "?")...)
	}
	var ok bool
	if e.header, ok = headerMember(o.find("headers")); !ok {
		return e, "its headers are no object of texts"
	}
	if e.host = []byte(o.text("host")); len(e.host) == 0 {
		e.host = hostOf(e.header)
	}
	e.body = o.body()
	e.bodiless = len(e.body) == 0 && carriesBody(e.method)
	return e, ""
}

// find is the value of a role, nil if there is none.
func (o *object) find(role string) json.RawMessage {
	for _, name := range o.names[role] {
		if value := o.member(name); value != nil && string(value) != "null" {
			return value
		}
	}
	return nil
}

// member is a value by name; a dot goes into an object.
func (o *object) member(name string) json.RawMessage {
	if value, ok := o.members[name]; ok {
		return value
	}
	outer, rest, ok := strings.Cut(name, ".")
	if !ok || len(o.members[outer]) == 0 || o.members[outer][0] != '{' {
		return nil
	}
	members, ok := o.inner[outer]
	if !ok {
		if json.Unmarshal(o.members[outer], &members) != nil {
			return nil
		}
		if o.inner == nil {
			o.inner = map[string]map[string]json.RawMessage{}
		}
		o.inner[outer] = members
	}
	inside := object{members: members}
	return inside.member(rest)
}

// text is a role's value, "" if it is none, not a text or a number, or the dash
// with which logs say that there is nothing.
func (o *object) text(role string) string {
	for _, name := range o.names[role] {
		if text, ok := plainText(o.member(name)); ok && text != "" && text != "-" {
			return text
		}
	}
	return ""
}

// plainText is the text of a string or a number.
func plainText(value json.RawMessage) (string, bool) {
	if len(value) == 0 {
		return "", false
	}
	switch c := value[0]; {
	case c == '"':
		var text string
		err := json.Unmarshal(value, &text)
		return text, err == nil
	case c == '-' || '0' <= c && c <= '9':
		return string(value), true
	}
	return "", false
}

// body is the recorded body: a text as it stands, anything else as JSON.
func (o *object) body() []byte {
	value := o.find("body")
	if text, ok := plainText(value); ok && value[0] == '"' {
		if text == "-" {
			return nil
		}
		return []byte(text)
	}
	return bytes.Clone(value)
}

// headerMember reads headers: an object whose values are texts or lists of
// texts. Their order is that of the names, which is the same every time.
func headerMember(value json.RawMessage) ([]Field, bool) {
	if value == nil {
		return nil, true
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(value, &members) != nil {
		return nil, false
	}
	var header []Field
	for name, value := range members {
		if text, ok := plainText(value); ok {
			header = append(header, Field{name, text})
			continue
		}
		var list []string
		if json.Unmarshal(value, &list) != nil {
			return nil, false
		}
		for _, text := range list {
			header = append(header, Field{name, text})
		}
	}
	slices.SortStableFunc(header, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return header, true
}
