package reports

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

func TestFigures(t *testing.T) {
	for got, want := range map[string]string{
		count(0): "0", count(999): "999", count(1000): "1,000", count(-1234567): "-1,234,567",
		span(0): "–", span(340 * time.Microsecond): "340 µs", span(1240 * ms): "1.24 s", span(182 * ms): "182 ms",
		span(999600 * time.Microsecond): "1 s", span(59996 * ms): "1m 00s", span(125 * second): "2m 05s", span(3725 * second): "1h 02m 05s",
		span(12300 * time.Microsecond): "12.3 ms", span(-5 * ms): "-5 ms",
		moment(31420 * ms): "31.42 s", moment(725400 * ms): "12:05.4", moment(3661 * second): "1:01:01.0",
		rate(199.6): "199.6/s", rate(199.96): "200/s", rate(1234.5): "1,235/s", rate(12.34): "12.3/s", rate(50): "50/s",
		percent(1, 1): "100 %", percent(99999, 100000): "> 99.99 %", percent(1, 100000): "< 0.01 %", percent(0, 5): "0 %", percent(0, 0): "–",
		clockLabel(90*second, window{to: 10 * time.Minute}): "1:30", clockLabel(90*second, window{to: 100 * second}): "90 s",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestConclusion(t *testing.T) {
	findings := func(verdicts ...verify.Verdict) (fs []verify.Finding) {
		for _, v := range verdicts {
			fs = append(fs, verify.Finding{Verdict: v})
		}
		return fs
	}
	for want, fs := range map[string][]verify.Finding{
		"nothing was judged":                             nil,
		"the only check passed":                          findings(verify.Pass),
		"all 2 checks passed":                            findings(verify.Pass, verify.Pass),
		"1 of 3 checks failed, 1 inconclusive, 1 passed": findings(verify.Fail, verify.Inconclusive, verify.Pass),
		"1 of 2 checks inconclusive, 1 passed":           findings(verify.Inconclusive, verify.Pass),
	} {
		if got := conclusion(verify.Result{Checks: fs}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWrapLosesNothing(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab/ -_日本é👍e\u0301 ")), 0, 80, -1)
	rapid.Check(t, func(t *rapid.T) {
		s, columns := text.Draw(t, "text"), rapid.IntRange(2, 40).Draw(t, "columns")
		lines := wrap(s, columns)
		for _, l := range lines {
			if width(l) > columns {
				t.Fatalf("%q is %d wide, more than %d", l, width(l), columns)
			}
		}
		squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if squeeze(strings.Join(lines, "")) != squeeze(s) {
			t.Fatalf("%q became %q", s, lines)
		}
	})
}

func TestWidth(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "✓ pass": 6, "日本": 4, "e\u0301": 1, "👍": 2, "≤ 300 ms": 8} {
		if got := width(text); got != want {
			t.Errorf("width of %q is %d, want %d", text, got, want)
		}
	}
}

func TestScales(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		high := rapid.Float64Range(1e-9, 1e9).Draw(t, "high")
		s := linear(high, 100, 0)
		if s.high < high*(1-1e-6) || s.high > high*1.7 || len(s.ticks) < 2 || len(s.ticks) > 8 {
			t.Fatalf("linear to %g for %g, ticks %v", s.high, high, s.ticks)
		}
		low := high / rapid.Float64Range(1, 1e6).Draw(t, "ratio")
		l := logarithmic(low, high, 100, 0)
		if l.low > low*(1+1e-6) || l.high < high*(1-1e-6) || len(l.ticks) < 2 || len(l.ticks) > 14 {
			t.Fatalf("logarithmic %g to %g for %g to %g, ticks %v", l.low, l.high, low, high, l.ticks)
		}
		if y := l.y(high); y < 0 || y > 100 {
			t.Fatalf("y %g", y)
		}
	})
}

func TestTimeTicks(t *testing.T) {
	for _, length := range []time.Duration{second, 30 * second, time.Minute, 7 * time.Minute, time.Hour, 26 * time.Hour, 30 * 24 * time.Hour} {
		w := window{from: 4700 * ms, to: 4700*ms + length}
		ticks := timeTicks(w)
		if len(ticks) < 1 || len(ticks) > 13 {
			t.Errorf("%v has %d ticks", length, len(ticks))
		}
		for _, tick := range ticks {
			if !w.holds(tick) {
				t.Errorf("%v: tick %v lies outside", length, tick)
			}
		}
	}
}
