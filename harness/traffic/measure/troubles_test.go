package measure

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

func TestTroublesAreCapped(t *testing.T) {
	r := New(planOf(1, 1, 1), 0)
	samples := 0
	for i := range 10 * maxTroubles {
		for n := range 3 {
			r.Trouble(time.Duration(i+n), Key{Journey: "shop", Step: "a", Message: fmt.Sprint("kind ", i), Outcome: Unknown}, func() string {
				samples++
				return "session 1: Bearer abcdef123456"
			})
		}
	}
	sink := newBook(t)
	if err := r.Finish(sink, time.Second); err != nil {
		t.Fatal(err)
	}
	if len(sink.groups) != maxTroubles+1 || samples != maxTroubles+1 {
		t.Fatalf("%d groups, %d samples made", len(sink.groups), samples)
	}
	first, other, total := sink.groups[0], sink.groups[maxTroubles], 0
	for _, group := range sink.groups {
		total += group.Count
	}
	if total != 30*maxTroubles || other.Message != "other" || other.Count != 27*maxTroubles || other.Last != 10*maxTroubles+1 {
		t.Errorf("%d counted, the rest is %+v", total, other)
	}
	want := journal.ErrorGroup{
		Journey: "shop", Step: "a", Outcome: "unknown", Message: "kind 0", Count: 3, First: 0, Last: 2,
		Sample: "session 1: Bearer [redacted]",
	}
	if first != want {
		t.Errorf("%+v, want %+v", first, want)
	}
}

func TestSamplesAreCleanAndShort(t *testing.T) {
	for sample, want := range map[string]string{
		"dial http://user:pass@api/x":         "dial http://[redacted]api/x",
		"Authorization: Token abc\r\nA: b":    "Authorization: [redacted]\r\nA: b",
		`{"cookie":"sid=1234","a":1}`:         `{"cookie":"[redacted]","a":1}`,
		"Basic dXNlcjpwYXNz":                  "Basic [redacted]",
		"nothing of that kind":                "nothing of that kind",
		strings.Repeat("x", 399) + "é and on": strings.Repeat("x", 399),
	} {
		if got := clean(sample); got != want {
			t.Errorf("%q becomes %q, want %q", sample, got, want)
		}
	}
}
