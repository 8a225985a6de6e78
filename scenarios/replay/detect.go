package replay

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Formats are told by the first lines that are of one.
const detectLines = 100

// detect tells the format from the beginning of a file.
func detect(start []byte) (string, error) {
	if bytes.HasPrefix(start, []byte("\x1f\x8b")) {
		return "", errors.New("is compressed; unpack it with gunzip first")
	}
	if isHAR(start) {
		return HAR, nil
	}
	for range detectLines {
		line, rest, whole := bytes.Cut(start, []byte("\n"))
		if format := formatOf(bytes.TrimSpace(line)); format != "" {
			return format, nil
		}
		if !whole {
			break
		}
		start = rest
	}
	return "", errors.New("is of no format that can be told from its beginning; name one with format: access-log, json-lines, har, vegeta-http, vegeta-json or times")
}

// isHAR tells whether the text begins with an object whose first member is a
// log.
func isHAR(start []byte) bool {
	d := json.NewDecoder(bytes.NewReader(start))
	for _, want := range []json.Token{json.Delim('{'), "log", json.Delim('{')} {
		if token, err := d.Token(); err != nil || token != want {
			return false
		}
	}
	return true
}

// formatOf is the format of a line, "" if it is of none.
func formatOf(line []byte) string {
	switch {
	case len(line) == 0 || line[0] == '#':
		return ""
	case line[0] == '{':
		return formatOfObject(line)
	case isVegeta(line):
		return VegetaHTTP
	}
	if _, ok := parseTime(string(line)); ok {
		return Times
	}
	if _, why := new(accessParser).parse(line); why == "" {
		return AccessLog
	}
	return ""
}

// formatOfObject tells a target from a line of a log: it has a method, a URL,
// and nothing that vegeta does not know.
func formatOfObject(line []byte) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(line, &members) != nil {
		return ""
	}
	if members["method"] == nil || members["url"] == nil {
		return JSONLines
	}
	for name := range members {
		switch name {
		case "method", "url", "body", "header":
		default:
			return JSONLines
		}
	}
	return VegetaJSON
}

// isVegeta tells whether a line is the first of a target: "GET http://host/".
func isVegeta(line []byte) bool {
	if !beginsTarget(line) {
		return false
	}
	_, target, _ := bytes.Cut(line, []byte(" "))
	_, _, refused := splitTarget(bytes.TrimSpace(target))
	return refused.why == ""
}
