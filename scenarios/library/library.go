// Package library holds the scenarios that ship with shakedown, each runnable
// by its name. Their compose paths are relative to the directory above the
// reference stack's compose directory.
//
// Those in the folder proof are no examples for users: they have every check at
// once, for the matrix of defects, and are listed nowhere. Their names begin
// with the folder's: proof/everything.
package library

import (
	"embed"
	"slices"
	"strings"
)

//go:embed *.yaml proof/*.yaml
var files embed.FS

// Names lists the scenarios for users, sorted.
func Names() []string { return names(".", "") }

// Proofs lists the scenarios of the matrix of defects, sorted.
func Proofs() []string { return names("proof", "proof/") }

// names lists the scenarios of a folder, each with a prefix.
func names(folder, prefix string) []string {
	entries, err := files.ReadDir(folder)
	if err != nil {
		return nil // what is embedded can always be read
	}
	var list []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok {
			list = append(list, prefix+name)
		}
	}
	slices.Sort(list)
	return list
}

// Read is the source of a scenario; false when the library has no such name.
func Read(name string) ([]byte, bool) {
	source, err := files.ReadFile(name + ".yaml")
	return source, err == nil
}
