package own

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

func TestAMetricHasNoMoreSeriesThanItMayAndCountsTheRest(t *testing.T) {
	m := New(nil)
	signal := func(i int) journal.Event {
		return journal.Event{T: time.Second, Body: journal.SessionSignal{Service: "api", Tier: time.Duration(i).String()}}
	}
	const beyond = 25
	for i := range maxSeries + beyond {
		m.Observe(signal(i))
	}
	m.Observe(signal(0)) // those that are there go on counting
	const left = `shakedown_series_dropped_total{metric="shakedown_session_signals_total"}`
	for range 2 { // gathering again counts nothing again
		p := gathered(t, m)
		n := 0
		for s := range p {
			if strings.HasPrefix(s, "shakedown_session_signals_total{") {
				n++
			}
		}
		if n != maxSeries {
			t.Errorf("%d series, want %d", n, maxSeries)
		}
		if p[left] != beyond {
			t.Errorf("%v updates were dropped, want %d", p[left], beyond)
		}
		if got := p[`shakedown_session_signals_total{service="api",tier="0s",via=""}`]; got != 2 {
			t.Errorf("a series that was there counts %v, want 2", got)
		}
	}
}

func TestTheHistogramHasACapAsWell(t *testing.T) {
	m := New(nil)
	most := maxSeries / len(bounds)
	for i := range most + 4 {
		m.Observe(journal.Event{Body: journal.Tally{Service: time.Duration(i).String(), Total: 1, Times: map[int]int{3: 1}}})
	}
	p := gathered(t, m)
	if got := p.sum("shakedown_gateway_request_duration_seconds_count"); got != float64(most) {
		t.Errorf("%v services are counted, want %d", got, most)
	}
	if got := p[`shakedown_series_dropped_total{metric="shakedown_gateway_request_duration_seconds"}`]; got != 4 {
		t.Errorf("%v updates were dropped, want 4", got)
	}
}

func TestWhatIsForeseenLeavesRoomForWhatHappens(t *testing.T) {
	plan := atelier()
	load := plan.Load[0]
	for i := range 3 * maxSeries {
		load.Cohort = time.Duration(i).String()
		plan.Load = append(plan.Load, load)
	}
	m := New(plan)
	m.Observe(journal.Event{T: 1, Body: journal.PhaseStarted{Phase: "surge"}})
	happened := sent
	happened.Cohort = "nobody has foreseen it"
	m.Observe(journal.Event{T: 2, Body: happened})
	p := gathered(t, m)
	if got := p.sum("shakedown_requests_total", `cohort="nobody has foreseen it"`, `outcome="ok"`); got != 5 {
		t.Errorf("counted %v, want 5", got)
	}
	if got := p.sum("shakedown_series_dropped_total"); got != 0 {
		t.Errorf("%v updates were dropped, want none: nothing happened to what was foreseen", got)
	}
}

func TestLabelsThatNoFormatCanCarryAreMadePresentable(t *testing.T) {
	m := New(nil)
	long := strings.Repeat("ü", maxLabelBytes)
	for _, tier := range []string{"a\xffb", "a\xfeb", long, long + "x"} {
		for range 2 {
			m.Observe(journal.Event{Body: journal.SessionSignal{Service: "api", Tier: tier}})
		}
	}
	p := gathered(t, m)
	if got := p.sum("shakedown_session_signals_total"); got != 8 {
		t.Errorf("counted %v, want all 8", got)
	}
	if got := p[`shakedown_session_signals_total{service="api",tier="a`+"\uFFFD"+`b",via=""}`]; got != 4 {
		t.Errorf("two labels that look the same count %v together, want 4", got)
	}
}

func TestPresentableLabelsAreValidAndShort(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		raw := string(rapid.SliceOfN(rapid.Byte(), 0, 2*maxLabelBytes).Draw(rt, "raw"))
		if rapid.Bool().Draw(rt, "text") {
			raw = rapid.StringN(0, 2*maxLabelBytes, -1).Draw(rt, "characters")
		}
		got := presentable(raw)
		if !utf8.ValidString(got) {
			rt.Fatalf("%q became %q, which is not UTF-8", raw, got)
		}
		if utf8.ValidString(raw) && len(raw) <= maxLabelBytes && got != raw {
			rt.Fatalf("%q became %q for no reason", raw, got)
		}
		if utf8.ValidString(raw) && len(got) > maxLabelBytes+len("…") {
			rt.Fatalf("%d bytes are left of %d", len(got), len(raw))
		}
		if rest, cut := strings.CutSuffix(got, "…"); cut && len(raw) > maxLabelBytes && utf8.ValidString(raw) && !strings.HasPrefix(raw, rest) {
			rt.Fatalf("%q became %q, which is not its beginning", raw, got)
		}
	})
}

func TestACounterTakesNothingThatIsNoIncrease(t *testing.T) {
	c := &catalogue{}
	f := c.counter("x_total", "x")
	for _, n := range []float64{3, -1, math.NaN(), math.Inf(1), 0} {
		f.add(n)
	}
	if got := f.find(nil).value; got != 3 {
		t.Errorf("it is %v, want 3", got)
	}
}

func TestTheHistogramHoldsTimesWhereTheyBelong(t *testing.T) {
	if last := bounds[len(bounds)-1]; last < longest.Seconds() || last > 1.2*longest.Seconds() {
		t.Errorf("the last bound is %v s, want the first from %v on", last, longest)
	}
	rapid.Check(t, func(rt *rapid.T) {
		took := time.Duration(rapid.Int64Range(1, int64(5*time.Minute)).Draw(rt, "took"))
		m := New(nil)
		m.Observe(journal.Event{Body: journal.Tally{Service: "api", Total: 1, Times: map[int]int{journal.TimesBucket(took): 1}}})
		families, err := m.Gather()
		if err != nil {
			rt.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() != "shakedown_gateway_request_duration_seconds" {
				continue
			}
			h := f.GetMetric()[0].GetHistogram()
			if h.GetSampleCount() != 1 {
				rt.Fatalf("%d are counted", h.GetSampleCount())
			}
			low, high := 0.9*took.Seconds(), 1.1*took.Seconds()
			if took <= journal.TimesBound(0) {
				low, high = 0, journal.TimesBound(0).Seconds()
			}
			if h.GetSampleSum() < low || h.GetSampleSum() > high {
				rt.Fatalf("%v is taken for %v s in the sum", took, h.GetSampleSum())
			}
			for _, b := range h.GetBucket() {
				if in := b.GetCumulativeCount() == 1; in != (took.Seconds() <= b.GetUpperBound()) {
					rt.Fatalf("%v: counted up to %v s is %v", took, b.GetUpperBound(), in)
				}
			}
		}
	})
}
