package traffic

import "github.com/shakedown-dev/shakedown/harness/wire"

// maxInstances is how many names of instances are believed; beyond, somebody
// sends whatever they like in the header.
const maxInstances = 1000

// instances are the names of those that answered. Each has a number, so that
// requests and sessions need not hold the name. The zero value has none.
type instances struct {
	numbers map[string]instance
	names   []string // instance n is names[n-1]
}

// An instance is the number of one; 0 is not known.
type instance int16

// of is the instance that an answer came from, 0 if no gateway said.
func (all *instances) of(head *wire.Head) instance {
	name := head.Get(InstanceHeader)
	if name == nil {
		return 0
	}
	if known, ok := all.numbers[string(name)]; ok { // without a copy
		return known
	}
	if len(all.names) >= maxInstances || !isInstance(name) {
		return 0
	}
	if all.numbers == nil {
		all.numbers = map[string]instance{}
	}
	all.names = append(all.names, string(name))
	all.numbers[string(name)] = instance(len(all.names))
	return instance(len(all.names))
}

// name is that of an instance, "" if it is not known.
func (all *instances) name(i instance) string {
	if i == 0 {
		return ""
	}
	return all.names[i-1]
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
