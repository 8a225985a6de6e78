// Package docs is the reference of checks and faults, a page each, generated from
// the code: the schema of the language, the catalogue of faults, the recorded runs that
// hold the checks to their findings, and the matrix of defects. The same pages are read
// on a screen (shakedown checks KIND) and in the repository.
package docs

import (
	"embed"
	"path"
	"slices"
	"strings"
)

//go:generate go test -run TestPagesAreFresh -update .

//go:embed checks/*.md faults/*.md
var pages embed.FS

// Checks are the kinds of checks that have a page, in alphabetical order.
func Checks() []string { return kinds("checks") }

// Faults are the kinds of faults that have a page, in alphabetical order.
func Faults() []string { return kinds("faults") }

// Check is the page of a kind of check, in Markdown; false if there is no such kind.
func Check(kind string) (page string, ok bool) { return read("checks", kind) }

// Fault is the page of a kind of fault, in Markdown; false if there is no such kind.
func Fault(kind string) (page string, ok bool) { return read("faults", kind) }

// Summary is the first sentence of a page, without its heading.
func Summary(page string) string {
	_, body, _ := strings.Cut(page, "\n\n")
	first, _, _ := strings.Cut(body, "\n\n")
	if sentence, _, more := strings.Cut(first, ". "); more {
		first = sentence + "."
	}
	return strings.Join(strings.Fields(first), " ")
}

func kinds(folder string) (names []string) {
	entries, _ := pages.ReadDir(folder) // embedded: it is there
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), ".md"))
	}
	return names
}

func read(folder, kind string) (string, bool) {
	if !slices.Contains(kinds(folder), kind) {
		return "", false
	}
	b, err := pages.ReadFile(path.Join(folder, kind+".md"))
	return string(b), err == nil
}
