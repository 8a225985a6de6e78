package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// What the checks of all sections share. A check looks at values that were
// read; where one could not be, that was reported, and the value is zero.

func names[T any](items []T, name func(T) string) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = name(item)
	}
	return out
}

// keys are the keys of a map, sorted.
func keys[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// given reports whether a key was written at a location.
func (d *Document) given(at location, key string) bool { return d.node(at).get(key) != nil }

// givenOf are those of some keys that were written at a location.
func (d *Document) givenOf(at location, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !d.given(at, name) })
}

// reported reports whether there is a problem with the value at a location,
// those further inside left out.
func (d *Document) reported(at location) bool {
	_, path := d.find(at)
	return slices.ContainsFunc(d.problems, func(p Problem) bool { return p.Path == path })
}

// reportedIn reports whether there is a problem at a location or inside of it,
// so that what only follows from it is not reported as well.
func (d *Document) reportedIn(at location) bool {
	_, path := d.find(at)
	return slices.ContainsFunc(d.problems, func(p Problem) bool {
		rest, ok := strings.CutPrefix(p.Path, path)
		return ok && (path == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// checkUnique reports names that several items of a list have.
func (d *Document) checkUnique(list location, what string, names []string) {
	for i, name := range names {
		if first := slices.Index(names, name); name != "" && first < i {
			d.reportSecond(list.to(i, "name"), what, name)
		}
	}
}

// reportSecond reports a name that was given before.
func (d *Document) reportSecond(at location, what, name string) {
	d.report(at, fmt.Sprintf("a second %s has the name %q", what, shorten(name)), "give each "+what+" a name of its own")
}

// The most phases, cohorts and shapes in one list: a plan holds the product of
// them.
const mostItems = 1000

// tooMany reports a list that is longer than any plan should be.
func (d *Document) tooMany(at location, number int, what string) bool {
	if number <= mostItems {
		return false
	}
	d.report(at, fmt.Sprintf("there are %d %s", number, what), fmt.Sprintf("the most is %d", mostItems))
	return true
}

// checkName reports a name that nothing was defined under. When there is
// nothing at all, that has been reported already. To look for the nearest of
// many names takes a while, so that ends when there are problems enough.
func (d *Document) checkName(at location, what, name string, defined []string) {
	if len(defined) > 0 && !slices.Contains(defined, name) && len(d.problems) < mostProblems {
		d.report(at, fmt.Sprintf("%s %q is never defined", what, shorten(name)), didYouMean(name, defined))
	}
}

// checkPhases checks a list that narrows something to some phases.
func (d *Document) checkPhases(at location, phases []string) {
	for i, phase := range phases {
		if phase != "" {
			d.checkName(at.to(i), "phase", phase, d.phaseNames())
		}
		if slices.Contains(phases[:i], phase) {
			d.report(at.to(i), fmt.Sprintf("phase %q is named twice", phase), "name each phase once")
		}
	}
}

// checkPositive reports a duration of zero where one was written.
func (d *Document) checkPositive(at location, value Duration, what string) {
	if n := d.node(at); value == 0 && n != nil && n.isZero() {
		d.report(at, what+" cannot last 0s", "give a duration above zero")
	}
}

// isZero reports whether the text really is a duration of zero, rather than
// one that could not be read.
func (n *node) isZero() bool {
	v, err := ParseDuration(n.text)
	return err == nil && v == 0
}

// reportUseless reports a key that was written and changes nothing.
func (d *Document) reportUseless(at location, key, why, suggestion string) {
	if d.given(at, key) {
		d.reportKey(at.to(key), "has no effect: "+why, suggestion)
	}
}

// phaseNames are the names of all phases.
func (d *Document) phaseNames() []string {
	return names(d.Scenario.Traffic.Phases, func(p Phase) string { return p.Name })
}

// length is how long a phase lasts, all phases for the name ""; the second
// result is false when that cannot be told because of an earlier problem.
func (d *Document) length(phase string) (Duration, bool) {
	var sum Duration
	found := false
	for _, p := range d.Scenario.Traffic.Phases {
		if phase == "" || p.Name == phase {
			if p.For == 0 {
				return 0, false
			}
			sum, found = plus(sum, p.For), true
		}
		if found && phase != "" {
			break
		}
	}
	return sum, found
}

// plus adds durations that were read. A sum beyond the longest duration stays
// just above it, so that no number of them overflows.
func plus(a, b Duration) Duration { return min(a+b, Duration(longest)+1) }
