// Package library holds the scenarios that ship with shakedown, each runnable
// by its name. Their compose paths are relative to the directory above the
// reference stack's compose directory.
package library

import (
	"embed"
	"slices"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Names lists the scenarios, sorted.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // the root of an embedded tree can always be read
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".yaml")
	}
	slices.Sort(names)
	return names
}

// Read is the source of a scenario; false when the library has no such name.
func Read(name string) ([]byte, bool) {
	source, err := files.ReadFile(name + ".yaml")
	return source, err == nil
}
