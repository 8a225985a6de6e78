package verify

import (
	"cmp"
	"slices"
	"strings"
)

// nearest are the names that a wrong one was probably meant to be, the nearest
// first; none when none is near.
func nearest(wrong string, names []string) []string {
	type near struct {
		name     string
		distance int
	}
	var list []near
	for _, name := range names {
		if d := edits(strings.ToLower(wrong), strings.ToLower(name)); d <= len(wrong)/3 {
			list = append(list, near{name, d})
		}
	}
	slices.SortFunc(list, func(a, b near) int { return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name)) })
	var best []string
	for _, n := range list[:min(len(list), keysInReason)] {
		best = append(best, n.name)
	}
	return best
}

// edits counts the letters that have to be put in, taken out or replaced to make
// one word of another (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// instead suggests what a wrong name was meant to be: the nearest names, or all of
// them where none is near and they are few.
func instead(wrong string, names []string) string {
	switch best := nearest(wrong, names); {
	case len(best) > 0:
		return "; did you mean " + strings.Join(best, " or ") + "?"
	case len(names) == 0:
		return ""
	default:
		return "; there are" + strings.TrimPrefix(named(names, len(names), maxNamed), ":")
	}
}
