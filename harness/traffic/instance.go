package traffic

import "github.com/shakedown-dev/shakedown/harness/wire"

// maxInstances is how many names of instances are believed; beyond, somebody
// sends whatever they like in the header.
const maxInstances = 1000

// instanceOf is the instance that an answer came from, "" if no gateway said.
func (d *driver) instanceOf(head *wire.Head) string {
	name := head.Get(InstanceHeader)
	if name == nil {
		return ""
	}
	if known, ok := d.instances[string(name)]; ok { // without a copy
		return known
	}
	if len(d.instances) >= maxInstances || !isInstance(name) {
		return ""
	}
	d.instances[string(name)] = string(name)
	return d.instances[string(name)]
}

// isInstance tells whether a name can be that of an instance.
func isInstance(name []byte) bool {
	for _, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 100
}
