package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// didYouMean suggests the allowed name nearest to a wrong one, or lists what
// is allowed when nothing is near.
func didYouMean(wrong string, allowed []string) string {
	best := nearest(wrong, allowed)
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %q?", best)
	case len(allowed) == 0:
		return ""
	case len(allowed) == 1:
		return fmt.Sprintf("there is only %q", allowed[0])
	}
	return "there are " + list(allowed)
}

// nearest is the allowed name that a wrong one was probably meant to be, empty
// when none is near.
func nearest(wrong string, allowed []string) string {
	best, distance := "", len([]rune(wrong))/3+2
	for _, name := range allowed {
		if d := editDistance(strings.ToLower(wrong), strings.ToLower(name)); d < distance {
			best, distance = name, d
		}
	}
	if distance > 2 || best == "" {
		return cmp.Or(nearestWord(wrong, allowed, best != ""), best)
	}
	return best
}

// nearestWord is the allowed name of several words one of which a wrong name was
// probably meant to be: http_latency for latencey. Exactly wants the word itself.
func nearestWord(wrong string, allowed []string, exactly bool) string {
	best, distance := "", len([]rune(wrong))/4+1
	if exactly {
		distance = 1
	}
	for _, name := range allowed {
		for word := range strings.SplitSeq(name, "_") {
			d := editDistance(strings.ToLower(wrong), word)
			if word != name && d < distance && (d == 0 || len(word) >= 5) {
				best, distance = name, d
			}
		}
	}
	return best
}

// The most names that a suggestion lists.
const mostListed = 12

// list writes names as "a, b and c", sorted, cut short when there are many.
func list(names []string) string {
	names = slices.Sorted(slices.Values(names))
	if len(names) > mostListed {
		return strings.Join(names[:mostListed], ", ") + ", ..."
	}
	return enumerate(names)
}

// enumerate writes names as "a, b and c", in the order given.
func enumerate(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours between two words (optimal string alignment).
func editDistance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s) > 64 || len(t) > 64 {
		return max(len(s), len(t)) // no name is that long
	}
	before, last, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range row {
		last[j] = j
	}
	for i := range s {
		row[0] = i + 1
		for j := range t {
			replace := last[j]
			if s[i] != t[j] {
				replace++
			}
			row[j+1] = min(replace, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(t)]
}
