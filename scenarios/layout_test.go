package scenarios

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// sessions is the number of sessions that a segment asks for: the integral of
// its rate.
func (s PlannedSegment) sessions() float64 {
	mean := float64(s.Constant)
	if s.Ramp != nil {
		mean = float64(s.Ramp.From+s.Ramp.To) / 2
	}
	total := mean * (s.End - s.Start).Std().Seconds()
	for _, w := range s.Waves {
		total += float64(w.Amplitude) * swing(s.Start-w.Peak, s.End-w.Peak, w.Period)
	}
	return total
}

// swing is the integral of cos(2 pi t / period), in seconds.
func swing(from, to, period Duration) float64 {
	turn := 2 * math.Pi / period.Std().Seconds()
	return (math.Sin(turn*to.Std().Seconds()) - math.Sin(turn*from.Std().Seconds())) / turn
}

// asked is the number of sessions that a course asks for over a length that
// starts where it starts, before tempo, written down for each shape on its own.
func asked(a Arrival, length Duration) float64 {
	seconds := func(d Duration) float64 { return d.Std().Seconds() }
	total := float64(a.Constant) * seconds(length)
	switch {
	case a.Ramp != nil:
		total = float64(a.Ramp.From+a.Ramp.To) / 2 * seconds(length)
	case a.Steps != nil:
		for _, s := range a.Steps {
			total += float64(s.Rate) * seconds(s.For)
		}
	case a.Spike != nil:
		s := a.Spike
		total = float64(s.Base)*seconds(length) + float64(s.Peak-s.Base)*(seconds(s.Hold)+seconds(s.Rise+s.Fall)/2)
	case a.Sine != nil:
		period := a.Sine.Period
		if period == 0 {
			period = length
		}
		total = float64(a.Sine.Mean)*seconds(length) + float64(a.Sine.Amplitude)*swing(-a.Sine.Peak, length-a.Sine.Peak, period)
	case a.Points != nil:
		for i, p := range a.Points[1:] {
			total += float64(p.Rate+a.Points[i].Rate) / 2 * seconds(p.At-a.Points[i].At)
		}
	case a.Day != nil:
		top := float64(slices.Max(a.Day.Values))
		for i, v := range a.Day.Values[1:] {
			total += float64(v+a.Day.Values[i]) / 2 / top * float64(a.Day.Peak) * seconds(length) / float64(len(a.Day.Values)-1)
		}
	case a.Sum != nil:
		for _, part := range a.Sum {
			total += asked(part, length)
		}
	}
	if a.Times != 0 {
		total *= float64(a.Times)
	}
	return total
}

// A drawer draws scenarios' parts.
type drawer struct{ *rapid.T }

func (t drawer) rate(name string) Rate {
	return Rate(rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0, 1000)).Draw(t.T, name))
}

func (t drawer) within(length Duration, name string) Duration {
	return Duration(rapid.Int64Range(0, int64(length)).Draw(t.T, name))
}

// times draws moments from 0s to the end, in order.
func (t drawer) moments(length Duration) []Duration {
	moments := []Duration{0, length}
	for range rapid.IntRange(0, 4).Draw(t.T, "moments") {
		moments = append(moments, t.within(length, "moment"))
	}
	slices.Sort(moments)
	return moments
}

// course draws a rate over time that fits its phase.
func (t drawer) course(length Duration, depth int) Arrival {
	var a Arrival
	kinds := 7
	if depth == 0 {
		kinds = 6
	}
	switch rapid.IntRange(0, kinds).Draw(t.T, "kind") {
	case 0:
		a.Constant = t.rate("constant")
	case 1:
		a.Ramp = &Ramp{t.rate("from"), t.rate("to")}
	case 2:
		moments := t.moments(length)
		for i, at := range moments[1:] {
			a.Steps = append(a.Steps, Step{t.rate("step"), at - moments[i]})
		}
	case 3:
		m := t.moments(length)
		m = append(m, length, length, length)
		base := t.rate("base")
		a.Spike = &Spike{Base: base, Peak: base + t.rate("peak"), At: m[1] - m[0], Rise: m[2] - m[1], Hold: m[3] - m[2], Fall: m[4] - m[3]}
	case 4:
		mean := t.rate("mean")
		a.Sine = &Sine{Mean: mean, Amplitude: mean * Rate(rapid.Float64Range(0, 1).Draw(t.T, "swing")), Peak: t.within(length, "crest")}
		if rapid.Bool().Draw(t.T, "has period") {
			a.Sine.Period = Duration(time.Second) + t.within(2*length, "period")
		}
	case 5:
		for _, at := range t.moments(length) {
			a.Points = append(a.Points, Point{at, t.rate("point")})
		}
	case 6:
		a.Day = &Day{Peak: t.rate("peak"), Values: append([]int{3}, rapid.SliceOfN(rapid.IntRange(0, 9), 1, 6).Draw(t.T, "values")...)}
	case 7:
		for range rapid.IntRange(1, 3).Draw(t.T, "parts") {
			a.Sum = append(a.Sum, t.course(length, depth-1))
		}
	}
	if rapid.Bool().Draw(t.T, "multiplied") {
		a.Times = Factor(rapid.Float64Range(0.1, 10).Draw(t.T, "times"))
	}
	return a
}

// phases draws the time of a run, and the lengths that were written.
func (t drawer) phases(tempo float64) (planned []PlannedPhase, lengths []Duration) {
	var end Duration
	for i, n := range rapid.SliceOfN(rapid.Int64Range(int64(time.Second), int64(time.Hour)), 1, 4).Draw(t.T, "phases") {
		start := scale(end, tempo)
		end += Duration(n)
		planned = append(planned, PlannedPhase{fmt.Sprint("p", i), start, scale(end, tempo)})
		lengths = append(lengths, Duration(n))
	}
	return planned, lengths
}

func near(got, want float64) bool { return math.Abs(got-want) <= 1e-4+1e-6*want }

// Whatever shapes are asked for at whatever tempo and multiple: each phase has
// as many sessions as its shapes add up to, in whole for one cohort and in
// proportion for those that share; no segment leaves its phase, and no rate is
// negative.
func TestEveryPhaseHasWhatWasAsked(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawer{rt}
		tempo := rapid.SampledFrom([]float64{1, 1, 3, 7.3, 0.5}).Draw(rt, "tempo")
		phases, lengths := d.phases(tempo)
		l := layout{phases: phases, tempo: tempo, multiple: rapid.SampledFrom([]float64{1, 3, 0.25}).Draw(rt, "multiple")}
		want := map[string]float64{}
		var arrivals Arrivals
		for i, p := range phases {
			for range rapid.IntRange(0, 3).Draw(rt, "shapes") {
				a := d.course(lengths[i], 2)
				a.Phase, a.Spacing = p.Name, rapid.SampledFrom([]string{"", "poisson"}).Draw(rt, "spacing")
				arrivals = append(arrivals, a)
				want[p.Name] += asked(a, lengths[i]) / tempo * l.multiple
			}
		}
		whole := l.lay(arrivals)
		checkSegments(rt, l, whole.segments)
		weights := map[string][]int{}
		for _, p := range phases {
			weights[p.Name] = rapid.SliceOfN(rapid.IntRange(0, 5), 3, 3).Draw(rt, "weights")
			weights[p.Name][1]++
		}
		shares := whole.divide(3, func(phase string) []int { return weights[phase] })
		for _, p := range phases {
			if got := sessionsIn(whole, p.Name); !near(got, want[p.Name]) {
				rt.Fatalf("%s has %v sessions, want %v", p.Name, got, want[p.Name])
			}
			for i, w := range weights[p.Name] {
				share := want[p.Name] * float64(w) / float64(sum(weights[p.Name]))
				if got := sessionsIn(shares[i], p.Name); !near(got, share) {
					rt.Fatalf("cohort %d has %v sessions in %s, want %v", i, got, p.Name, share)
				}
			}
		}
	})
}

// A shape for the whole run has as many sessions as one for a single phase as
// long as it.
func TestWholeRunHasWhatWasAsked(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawer{rt}
		tempo := rapid.SampledFrom([]float64{1, 3, 7.3}).Draw(rt, "tempo")
		phases, lengths := d.phases(tempo)
		var length Duration
		for _, n := range lengths {
			length += n
		}
		a := d.course(length, 2)
		l := layout{phases: phases, tempo: tempo, multiple: 1}
		p := l.lay(Arrivals{a})
		checkSegments(rt, l, p.segments)
		got := 0.0
		for _, phase := range phases {
			got += sessionsIn(p, phase.Name)
		}
		if want := asked(a, length) / tempo; !near(got, want) {
			rt.Fatalf("got %v sessions, want %v", got, want)
		}
	})
}

func sessionsIn(p program, phase string) float64 {
	total := 0.0
	for _, s := range p.segments {
		if s.Phase == phase {
			total += s.sessions()
		}
	}
	return total
}

func checkSegments(t *rapid.T, l layout, segments []PlannedSegment) {
	for i, s := range segments {
		start, end, ok := l.span(s.Phase)
		if !ok || s.Start < start || s.End > end || s.Start >= s.End || i > 0 && s.Start < segments[i-1].Start {
			t.Fatalf("segment %d goes from %s to %s, phase %q from %s to %s", i, s.Start, s.End, s.Phase, start, end)
		}
		low := s.Constant
		if s.Ramp != nil {
			low = min(s.Ramp.From, s.Ramp.To)
		}
		for _, w := range s.Waves {
			low -= w.Amplitude
		}
		if low < 0 {
			t.Fatalf("segment %d falls to %s", i, low)
		}
	}
}

// What is shared out adds up, nobody is further than one from their exact
// share, and without a weight there is no share.
func TestApportion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.IntRange(0, 20), rapid.IntRange(0, mostSessions)).Draw(t, "number")
		weights := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 5), rapid.IntRange(0, mostWeight)), 1, 8).Draw(t, "weights")
		parts := apportion(number, weights)
		if all := sum(weights); all == 0 && sum(parts) != 0 || all > 0 && sum(parts) != number {
			t.Fatalf("%v of %d with weights %v", parts, number, weights)
		}
		for i, w := range weights {
			exact := float64(number) * float64(w) / float64(max(1, sum(weights)))
			if math.Abs(float64(parts[i])-exact) >= 1 && sum(weights) > 0 || w == 0 && parts[i] != 0 {
				t.Fatalf("%v of %d with weights %v", parts, number, weights)
			}
		}
	})
	if got := apportion(10, []int{1, 1, 1}); !slices.Equal(got, []int{4, 3, 3}) {
		t.Errorf("the first of several that lost the same gets what is left: %v", got)
	}
}

// Pieces begin and end where the shape has its corners.
func TestShapes(t *testing.T) {
	l := layout{phases: []PlannedPhase{{"a", 0, 10}, {"b", 10, 30}, {"c", 30, 40}}, tempo: 2, multiple: 3}
	tests := []struct {
		name string
		a    Arrival
		want []PlannedSegment
	}{
		{"constant", Arrival{Phase: "c", Constant: 2}, []PlannedSegment{{Phase: "c", Start: 30, End: 40, Constant: 6}}},
		{"ramp over phases", Arrival{Ramp: &Ramp{0, 4}}, []PlannedSegment{
			{Phase: "a", Start: 0, End: 10, Ramp: &Ramp{0, 3}}, {Phase: "b", Start: 10, End: 30, Ramp: &Ramp{3, 9}}, {Phase: "c", Start: 30, End: 40, Ramp: &Ramp{9, 12}},
		}},
		{"steps", Arrival{Phase: "b", Steps: []Step{{5, 30}, {0, 4}, {6, 6}}}, []PlannedSegment{
			{Phase: "b", Start: 10, End: 25, Constant: 15}, {Phase: "b", Start: 27, End: 30, Constant: 18},
		}},
		{"spike that jumps up", Arrival{Phase: "b", Spike: &Spike{Base: 1, Peak: 5, At: 10, Hold: 10, Fall: 10}}, []PlannedSegment{
			{Phase: "b", Start: 10, End: 15, Constant: 3}, {Phase: "b", Start: 15, End: 20, Constant: 15},
			{Phase: "b", Start: 20, End: 25, Ramp: &Ramp{15, 3}}, {Phase: "b", Start: 25, End: 30, Constant: 3},
		}},
		{"points with a jump", Arrival{Phase: "b", Points: []Point{{0, 1}, {20, 2}, {20, 4}, {40, 4}}}, []PlannedSegment{
			{Phase: "b", Start: 10, End: 20, Ramp: &Ramp{3, 6}}, {Phase: "b", Start: 20, End: 30, Constant: 12},
		}},
		{"day", Arrival{Phase: "b", Times: 0.5, Day: &Day{Values: []int{0, 4, 2}, Peak: 8}}, []PlannedSegment{
			{Phase: "b", Start: 10, End: 20, Ramp: &Ramp{0, 12}}, {Phase: "b", Start: 20, End: 30, Ramp: &Ramp{12, 6}},
		}},
		{"sine as long as its phase", Arrival{Phase: "b", Sine: &Sine{Mean: 2, Amplitude: 1, Peak: 8}}, []PlannedSegment{
			{Phase: "b", Start: 10, End: 30, Constant: 6, Waves: []Wave{{3, 20, 14}}},
		}},
		{"sum of multiples", Arrival{Phase: "c", Times: 2, Spacing: "poisson", Sum: []Arrival{{Constant: 1, Times: 5}, {Sine: &Sine{Mean: 1, Amplitude: 1, Period: 8}}}}, []PlannedSegment{
			{Phase: "c", Start: 30, End: 40, Constant: 30, Poisson: true}, {Phase: "c", Start: 30, End: 40, Constant: 6, Waves: []Wave{{6, 4, 30}}, Poisson: true},
		}},
	}
	for _, tt := range tests {
		if got := l.lay(Arrivals{tt.a}).segments; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v", tt.name, got)
		}
	}
}

func TestBurstsAndClosedLoops(t *testing.T) {
	l := layout{phases: []PlannedPhase{{"a", 0, 10}, {"b", 10, 30}}, tempo: 2, multiple: 0.1}
	got := l.lay(Arrivals{
		{Phase: "b", Burst: &Burst{Sessions: 24, At: 6, Within: 10}, Times: 2, Spacing: "poisson"},
		{Burst: &Burst{Sessions: 1, Within: 20}},
		{Closed: &Closed{Sessions: 25}},
	})
	want := program{
		bursts: []PlannedBurst{{"a", 0, 10, 1, false}, {"b", 13, 18, 5, true}},
		closed: []PlannedClosed{{"a", 0, 10, 3}, {"b", 10, 30, 3}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	shares := got.divide(2, func(phase string) []int { return map[string][]int{"a": {0, 1}, "b": {1, 1}}[phase] })
	first := program{bursts: []PlannedBurst{{"b", 13, 18, 3, true}}, closed: []PlannedClosed{{"b", 10, 30, 2}}}
	if !reflect.DeepEqual(shares[0], first) {
		t.Errorf("got %+v", shares[0])
	}
}
