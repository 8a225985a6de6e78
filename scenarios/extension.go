package scenarios

import (
	"fmt"
	"reflect"
)

// extensionKey is the key of a compose service that holds its role.
const extensionKey = "x-shakedown"

// DecodeExtensions reads x-shakedown of every service in a compose file, as
// strictly as a scenario, without interpolation. Services that have none are
// not in the result. Problems are only about YAML that cannot be read and
// about x-shakedown itself; the rest is for the compose loader to judge. File
// is only a name; nothing is opened.
func DecodeExtensions(file string, text []byte) (map[string]Service, Problems) {
	src := newSource(file, text)
	documents, problem := readYAML(src, text)
	if problem != nil {
		return nil, Problems{*problem}
	}
	roles := map[string]Service{}
	d := &decoder{src: src}
	for _, document := range documents {
		c := newConverter(src)
		c.lax = true
		services := c.convert(document, "").get("services")
		if c.tooMuch {
			return nil, c.problems
		}
		if services == nil {
			continue
		}
		for _, f := range services.fields {
			if extension := f.value.get(extensionKey); extension != nil {
				d.extension(roles, f.name, extension)
			}
		}
	}
	return roles, d.problems.sorted()
}

// extension reads one x-shakedown.
func (d *decoder) extension(roles map[string]Service, name string, n *node) {
	path := child(child("services", name), extensionKey)
	role := roles[name]
	before := len(d.problems)
	d.decode(n, reflect.ValueOf(&role).Elem(), path, rules{})
	roles[name] = role
	for i := range d.problems[before:] {
		if p := &d.problems[before+i]; p.Suggestion == "" {
			p.Suggestion = fmt.Sprintf("%s takes the keys of stack.services in a scenario", extensionKey)
		}
	}
}
