package verify

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A driving is a line of the section "flow": what the driver counted in each second
// from one moment to another.
//
//	FROM TO phase journey/step OK FAILED TIME [N*TIME ...] [failed=TIME]
//
// OK requests took TIME each, but N of them the time that stands there. Where a
// time of failed requests is given, it is on record.
type driving struct {
	from, to       time.Duration
	phase, journey string
	step           string
	ok, failed     int
	times          map[time.Duration]int
	failedTook     time.Duration
}

func parseFlow(t testing.TB, line string) driving {
	t.Helper()
	w := strings.Fields(line)
	if len(w) < 7 {
		t.Fatalf("flow %q: too short", line)
	}
	f := driving{from: parseDuration(t, w[0]), to: parseDuration(t, w[1]), phase: w[2], ok: parseInt(t, w[4]), failed: parseInt(t, w[5])}
	f.journey, f.step, _ = strings.Cut(w[3], "/")
	usual := f.ok
	f.times = map[time.Duration]int{}
	for _, word := range w[7:] {
		if took, ok := strings.CutPrefix(word, "failed="); ok {
			f.failedTook = parseDuration(t, took)
			continue
		}
		n, took, _ := strings.Cut(word, "*")
		f.times[parseDuration(t, took)] += parseInt(t, n)
		usual -= parseInt(t, n)
	}
	f.times[parseDuration(t, w[6])] += usual
	return f
}

// record makes its counts, and its times and those of a generator that was in
// time.
func (f driving) record(t testing.TB) (events []journal.Event, intervals []journal.Interval) {
	t.Helper()
	n := f.ok + f.failed
	histograms := map[string]*hdrhistogram.Histogram{} // by measure: that of all seconds, which are the same
	for at := f.from + time.Second; at <= f.to; at += time.Second {
		events = append(events, journal.Event{T: at, Body: journal.Traffic{Phase: f.phase, Cohort: "people", Journey: f.journey, Step: f.step,
			For: time.Second, Intended: n, Sent: n, OK: f.ok, Failed: f.failed}})
		add := func(measure string, times map[time.Duration]int) {
			if histograms[measure] == nil {
				histograms[measure] = journal.NewHistogram()
				for took, times := range times {
					if err := histograms[measure].RecordValues(took.Microseconds(), int64(times)); err != nil {
						t.Fatal(err)
					}
				}
			}
			i := journal.Interval{Tag: journal.Tag{Measure: measure, Phase: f.phase, Cohort: "people", Journey: f.journey, Step: f.step},
				From: at - time.Second, To: at, Histogram: histograms[measure]}
			if i.Histogram.TotalCount() > 0 {
				intervals = append(intervals, i)
			}
		}
		add(journal.Response, f.times)
		add(journal.Lag, map[time.Duration]int{100 * time.Microsecond: n})
		if f.failedTook > 0 {
			add(journal.Failed, map[time.Duration]int{f.failedTook: f.failed})
		}
	}
	return events, intervals
}

// callLines makes the events of the section "calls": each line is calls to a service
// in each second from one moment to another, all with keys of their own.
//
//	FROM TO service N STATUS [tries=K] [pause=TIME] [jitter=TIME] [took=TIME]
//	  [fault=ID] [told=TIME] [early=K] [unkeyed] [counted] [suppressed=N]
//
// Tries are how often each is called in all, a pause apart; jitter is added to that,
// evenly spread. Early are the calls of a second that come too early. Counted and
// suppressed ones are not written down one by one.
func callLines(t testing.TB, section string) []journal.Event {
	t.Helper()
	byEnd := map[string]map[int]*journal.Calls{}
	for line := range strings.Lines(section) {
		if strings.TrimSpace(line) != "" {
			parseCalls(t, line, byEnd)
		}
	}
	var events []journal.Event
	for _, service := range slices.Sorted(maps.Keys(byEnd)) {
		ends := slices.Sorted(maps.Keys(byEnd[service]))
		for second := ends[0]; second <= ends[len(ends)-1]; second++ {
			c := byEnd[service][second]
			if c == nil {
				c = &journal.Calls{}
			}
			c.Service, c.For = service, time.Second
			events = append(events, journal.Event{T: time.Duration(second) * time.Second, Body: *c})
		}
	}
	return events
}

func parseCalls(t testing.TB, line string, byEnd map[string]map[int]*journal.Calls) {
	t.Helper()
	w := strings.Fields(line)
	if len(w) < 5 {
		t.Fatalf("calls %q: too short", line)
	}
	from, to, service, n, status := parseDuration(t, w[0]), parseDuration(t, w[1]), w[2], parseInt(t, w[3]), parseInt(t, w[4])
	tries, early, suppressed := 1, 0, 0
	var pause, jitter, told time.Duration
	took, fault, keyed, counted := 5*time.Millisecond, "", true, false
	for _, word := range w[5:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "tries":
			tries = parseInt(t, value)
		case "pause":
			pause = parseDuration(t, value)
		case "jitter":
			jitter = parseDuration(t, value)
		case "took":
			took = parseDuration(t, value)
		case "told":
			told = parseDuration(t, value)
		case "early":
			early = parseInt(t, value)
		case "suppressed":
			suppressed = parseInt(t, value)
		case "fault":
			fault = value
		case "unkeyed":
			keyed = false
		case "counted":
			counted = true
		default:
			t.Fatalf("calls: %q is no option", word)
		}
	}
	if byEnd[service] == nil {
		byEnd[service] = map[int]*journal.Calls{}
	}
	drawn := 0
	for begin := from; begin < to; begin += time.Second {
		for k := range n {
			at := begin + time.Duration(k)*time.Second/time.Duration(n)
			for try := range tries {
				c := journal.Call{At: at, Took: took, Caller: "api-1", Method: "POST", Path: "/v1/charges", Status: status, Fault: fault, Wait: told, Early: k < early && try == 0}
				if keyed {
					c.Key = fmt.Sprintf("%s-%d-%d", service, begin/time.Second, k)
				}
				second := int((at + took + time.Second - 1) / time.Second)
				i := byEnd[service][second]
				if i == nil {
					i = &journal.Calls{}
					byEnd[service][second] = i
				}
				i.Total++
				if failing(c) {
					i.Failed++
				}
				if fault != "" {
					i.Injected++
				}
				if told > 0 {
					i.Told++
				}
				if c.Early {
					i.Early++
				}
				switch {
				case suppressed > 0:
					suppressed--
					i.Suppressed++
				case !counted:
					i.Calls = append(i.Calls, c)
				}
				drawn++
				at += took + pause + jitter*time.Duration(drawn*37%100)/100
			}
		}
	}
}

// writeFlows puts the sections "flow" and "calls" where those of "journal" and
// "latency" go.
func writeFlows(t testing.TB, flows, calls string, events *bytes.Buffer, latency func(journal.Interval)) {
	t.Helper()
	var all []journal.Event
	for line := range strings.Lines(flows) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		e, intervals := parseFlow(t, line).record(t)
		all = append(all, e...)
		for _, i := range intervals {
			latency(i)
		}
	}
	all = append(all, callLines(t, calls)...)
	slices.SortStableFunc(all, func(a, b journal.Event) int { return cmp.Compare(a.T, b.T) })
	for _, e := range all {
		data, err := json.Marshal(e.Body)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(events, `{"t":%d,"type":%q,"data":%s}`+"\n", e.T, e.Body.Kind(), data)
	}
}
