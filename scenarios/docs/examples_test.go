package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readExamples are entries of scenarios by list and kind: those of the library, and where
// it has none those that the tests of the language read.
func readExamples(t *testing.T) map[string]map[string]string {
	t.Helper()
	examples := map[string]map[string]string{"checks": {}, "faults": {}}
	for _, pattern := range []string{"../library/*.yaml", "../library/proof/*.yaml", "../testdata/valid/*.yaml"} {
		files, err := filepath.Glob(pattern)
		must(t, err)
		for _, file := range files {
			source, err := os.ReadFile(file)
			must(t, err)
			for list, kinds := range examples {
				for _, entry := range entries(string(source), list) {
					for _, key := range keysOf(entry) {
						if kinds[key] == "" {
							kinds[key] = entry
						}
					}
				}
			}
		}
	}
	return examples
}

// entries are the items of a list at the top of a scenario, as they are written.
func entries(source, list string) (items []string) {
	_, rest, found := strings.Cut("\n"+source, "\n"+list+":\n")
	if !found {
		return nil
	}
	for _, line := range strings.SplitAfter(rest, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case !strings.HasPrefix(line, " "):
			return items
		case strings.HasPrefix(line, "  - "):
			items = append(items, line)
		case len(items) > 0:
			items[len(items)-1] += line
		}
	}
	return items
}

var itemKey = regexp.MustCompile(`(?m)^(?:  - |    )\{?([a-z_]+):`)

// innerKey are keys of an item in braces.
var innerKey = regexp.MustCompile(`[{,] *([a-z_]+):`)

// keysOf are the keys of an entry, and of one in braces all that stand in it.
func keysOf(entry string) (keys []string) {
	for _, match := range itemKey.FindAllStringSubmatch(entry, -1) {
		keys = append(keys, match[1])
	}
	if strings.HasPrefix(entry, "  - {") {
		for _, match := range innerKey.FindAllStringSubmatch(entry, -1) {
			keys = append(keys, match[1])
		}
	}
	return keys
}
