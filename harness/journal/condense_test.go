package journal

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever the intervals, what is asked of their sums is what would be asked
// of them: every value of every tag is there once.
func TestCondenseLosesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var intervals []Interval
		for n := range rapid.IntRange(0, 12).Draw(rt, "n") {
			i := Interval{
				Tag:  Tag{Step: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "step"), Instance: rapid.SampledFrom([]string{"", "x"}).Draw(rt, "instance")},
				From: time.Duration(n) * time.Second, To: time.Duration(n+1) * time.Second, Histogram: NewHistogram(),
			}
			for _, v := range rapid.SliceOfN(rapid.Int64Range(1, 600_000_000), 0, 5).Draw(rt, "values") {
				_ = i.Histogram.RecordValue(v)
			}
			intervals = append(intervals, i)
		}
		sums := Condense(intervals)
		seen := map[Tag]bool{}
		for _, sum := range sums {
			if seen[sum.Tag] {
				rt.Fatalf("two sums of %s", sum.Tag)
			}
			seen[sum.Tag] = true
			want, have := NewHistogram(), NewHistogram()
			first, last := time.Duration(-1), time.Duration(0)
			for _, i := range intervals {
				if i.Tag == sum.Tag {
					i.AddTo(want)
					if first < 0 {
						first = i.From
					}
					last = i.To
				}
			}
			sum.AddTo(have)
			if !have.Equals(want) || sum.Count() != want.TotalCount() || sum.From != first || sum.To != last {
				rt.Fatalf("%s: %d values from %v to %v, want %d from %v to %v", sum.Tag, sum.Count(), sum.From, sum.To, want.TotalCount(), first, last)
			}
		}
		for _, i := range intervals {
			if !seen[i.Tag] {
				rt.Fatalf("nothing of %s", i.Tag)
			}
		}
	})
}
