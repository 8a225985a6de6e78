package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// symbol and word of a verdict always stand together, so that neither colour
// nor a font decides whether it is understood.
func symbol(v verify.Verdict) string {
	switch v {
	case verify.Pass:
		return "✓"
	case verify.Fail:
		return "✗"
	default:
		return "?"
	}
}

func word(v verify.Verdict) string {
	switch v {
	case verify.Pass:
		return "pass"
	case verify.Fail:
		return "FAIL"
	case verify.Inconclusive:
		return "inconclusive"
	default:
		return "not judged"
	}
}

// conclusion is the last line of a report: the verdict and how many checks
// stand behind it.
func conclusion(result verify.Result) string {
	failed, open, passed := split(result.Checks)
	all := len(result.Checks)
	var parts []string
	if n := len(failed); n > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s failed", n, plural(all, "check")))
	}
	switch n := len(open); {
	case n > 0 && len(failed) > 0:
		parts = append(parts, fmt.Sprintf("%d inconclusive", n))
	case n > 0:
		parts = append(parts, fmt.Sprintf("%d of %s inconclusive", n, plural(all, "check")))
	}
	switch {
	case all == 0:
		parts = append(parts, "nothing was judged")
	case len(parts) == 0 && all == 1:
		parts = append(parts, "the only check passed")
	case len(parts) == 0:
		parts = append(parts, "all "+plural(all, "check")+" passed")
	default:
		parts = append(parts, fmt.Sprintf("%d passed", len(passed)))
	}
	return strings.Join(parts, ", ")
}

// split sorts findings by verdict, each part in the order of the scenario.
func split(findings []verify.Finding) (failed, open, passed []verify.Finding) {
	for _, f := range findings {
		switch f.Verdict {
		case verify.Pass:
			passed = append(passed, f)
		case verify.Fail:
			failed = append(failed, f)
		default:
			open = append(open, f)
		}
	}
	return failed, open, passed
}

// bySeverity puts what failed first and what passed last.
func bySeverity(findings []verify.Finding) []verify.Finding {
	failed, open, passed := split(findings)
	return slices.Concat(failed, open, passed)
}

// plural is "1 check", "2 checks".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// listed joins names with commas and says how many were left out beyond most.
func listed(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// largest orders keys by falling count, equal ones by name.
func largest[K cmp.Ordered](counts map[K]int) []K {
	keys := make([]K, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b K) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	return keys
}
