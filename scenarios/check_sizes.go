package scenarios

import "fmt"

// A distribution is a Size or a Think, as far as the rules for both go.
type distribution[T int | Duration] struct {
	constant, median, p95, max T
	values                     []T
	text                       func(T) string
}

// checkSize checks a distribution of whole numbers.
func (d *Document) checkSize(at location, s Size) {
	checkDistribution(d, at, distribution[int]{s.Constant, s.Median, s.P95, s.Max, s.Values, func(n int) string { return fmt.Sprint(n) }})
}

// checkThink checks a distribution of times.
func (d *Document) checkThink(at location, t *Think) {
	if t == nil {
		return
	}
	d.checkPositive(at.to("median"), t.Median, "a median of thinking time")
	d.checkPositive(at.to("max"), t.Max, "a longest thinking time")
	checkDistribution(d, at, distribution[Duration]{t.Constant, t.Median, t.P95, t.Max, t.Values, Duration.String})
}

// checkDistribution checks that the numbers of a distribution go together.
func checkDistribution[T int | Duration](d *Document, at location, s distribution[T]) {
	for i, value := range s.values {
		if value < 0 {
			d.report(at.to("values", i), s.text(value)+" is negative", "give 0 or more")
		}
	}
	if d.reportedIn(at) {
		return
	}
	switch p95 := d.given(at, "p95"); {
	case d.given(at, "median") && !p95:
		d.report(at, "the median alone says nothing of the spread", "add p95, the value that 95 of 100 stay below")
	case d.given(at, "median") && s.p95 <= s.median:
		d.report(at.to("p95"), fmt.Sprintf("%s is not above the median, %s", s.text(s.p95), s.text(s.median)), "p95 is the value that 95 of 100 stay below")
	case p95 && !d.given(at, "median"):
		d.reportKey(at.to("p95"), "belongs to a median, and there is none", "give median instead of the other key, or leave out p95")
	}
	if !d.given(at, "max") {
		return
	}
	switch {
	case d.given(at, "constant"):
		d.reportUseless(at, "max", "the value is always the same", "leave it out")
	case s.max < s.median:
		d.report(at.to("max"), fmt.Sprintf("%s is below the median, %s: most of what is drawn would be cut off", s.text(s.max), s.text(s.median)), "give more than the median")
	case len(s.values) > 0 && s.max < least(s.values):
		d.report(at.to("max"), fmt.Sprintf("%s is below every value", s.text(s.max)), "give more than the smallest value")
	}
}

func least[T int | Duration](values []T) T {
	smallest := values[0]
	for _, v := range values {
		smallest = min(smallest, v)
	}
	return smallest
}
