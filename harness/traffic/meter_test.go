package traffic

import (
	"fmt"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A phase that is over gives its histograms back: they are what takes memory.
func TestIdleMetersLetTheirHistogramsGo(t *testing.T) {
	plan := planOf(1, ms(1000), get("/a"))
	m := newMeters(plan, 0)
	meter, rec := m.byLoad[0][0][1], &recorder{}
	record := func() { meter.intend(); meter.end(ok, time.Millisecond, time.Millisecond); meter.lagged(0) }
	record()
	for i := range 2 {
		if err := m.flush(rec, time.Duration(i+1)*time.Second); err != nil {
			t.Fatal(err)
		}
		record()
	}
	if meter.times[response] == nil || meter.spare[response] == nil {
		t.Error("a meter in use has no pair of histograms")
	}
	for i := range idleFlushes + 2 {
		if err := m.flush(rec, time.Duration(i+3)*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	for measure := range measures {
		if meter.times[measure] != nil || meter.spare[measure] != nil {
			t.Errorf("an idle meter keeps its %s histogram", measureNames[measure])
		}
	}
	record()
	if err := m.flush(rec, time.Minute); err != nil {
		t.Fatal(err)
	}
	if got := rec.sum("", "a"); got.ok != 4 || rec.times("", "a", journal.Response).TotalCount() != 4 {
		t.Errorf("%+v on record, want 4", got)
	}
	if got := m.sums(); got.OK != 4 || got.Intended != 4 {
		t.Errorf("totals %+v, want 4", got)
	}
}

func TestTimesOutOfRangeCountAsItsEnds(t *testing.T) {
	m := newMeters(planOf(1, ms(1000), get("/a")), 0)
	meter, rec := m.byLoad[0][0][1], &recorder{}
	meter.end(ok, 0, 0)
	meter.end(ok, time.Hour, time.Hour)
	if err := m.flush(rec, time.Second); err != nil {
		t.Fatal(err)
	}
	h := rec.times("", "a", journal.Response)
	if h.TotalCount() != 2 || h.Min() != 1 || h.Max() < 599_000_000 {
		t.Errorf("%d times from %d to %d µs", h.TotalCount(), h.Min(), h.Max())
	}
}

func TestGroupsAreCapped(t *testing.T) {
	var g groups
	samples := 0
	for i := range 10 * maxGroups {
		for n := range 3 {
			g.add(time.Duration(i+n), groupKey{journey: "shop", step: "a", message: fmt.Sprint("kind ", i)}, func() string {
				samples++
				return "session 1: Bearer abcdef123456"
			})
		}
	}
	rec := &recorder{}
	if err := g.flush(rec, time.Second); err != nil {
		t.Fatal(err)
	}
	if len(rec.groups) != maxGroups+1 || samples != maxGroups+1 {
		t.Fatalf("%d groups, %d samples made", len(rec.groups), samples)
	}
	first, other, total := rec.groups[0], rec.groups[maxGroups], 0
	for _, group := range rec.groups {
		total += group.Count
	}
	if total != 30*maxGroups || other.Message != "other" || other.Count != 27*maxGroups || other.Last != 10*maxGroups+1 {
		t.Errorf("%d counted, the rest is %+v", total, other)
	}
	want := journal.ErrorGroup{
		Journey: "shop", Step: "a", Outcome: "ok", Message: "kind 0", Count: 3, First: 0, Last: 2,
		Sample: "session 1: Bearer [redacted]",
	}
	if first != want {
		t.Errorf("%+v, want %+v", first, want)
	}
}
