package verify

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var update = flag.Bool("update", false, "write the verdicts found into testdata")

// Every file in testdata is a run and the verdict on it:
//
//	plan.json     the plan, as run.json holds it
//	journal       the events, one a line: offset, kind, data. In data, members
//	              that are durations may be written "1.5s". A request is short for
//	              many: offset request INSTANCE LENGTH new|reused OUTCOME [xN +STEP],
//	              with "close" if the instance asked for that, with "nth=1" if they
//	              were its first; an INSTANCE without a number is a service of which
//	              none was ready.
//	              Lines that do not begin with an offset go into the file as they are.
//	latency       histograms: measure phase journey/step N*DURATION ..., of cohort
//	              "people" and from 2s to 3s unless words such as cohort=free,
//	              tier=pro, instance=api-1 or at=12s (its end) say otherwise
//	flow          what the driver counted, a line for many seconds: see driving
//	calls         what proxies saw, a line for many calls: see callLines
//	verdict.json  what Judge must make of it
func TestJudge(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rec, plan := readCase(t, archive)
			have := renderVerdict(t, Judge(rec, plan))
			if *update {
				writeSection(t, file, archive, "verdict.json", have)
				return
			}
			if want := section(archive, "verdict.json"); string(have) != want {
				t.Errorf("verdict\n%s\nwanted\n%s", have, want)
			}
		})
	}
}

func renderVerdict(t testing.TB, r Result) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func writeSection(t *testing.T, file string, a *txtar.Archive, name string, content []byte) {
	t.Helper()
	found := false
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data, found = content, true
		}
	}
	if !found {
		a.Files = append(a.Files, txtar.File{Name: name, Data: content})
	}
	if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

// recorded is the verdict that a test file holds. TestJudge proves that it is Judge's,
// so that no other test has to judge all the files again.
func recorded(t testing.TB, a *txtar.Archive) Result {
	t.Helper()
	var r Result
	if err := json.Unmarshal([]byte(section(a, "verdict.json")), &r); err != nil {
		t.Fatalf("verdict.json: %v", err)
	}
	return r
}

// readRecords are the records of test files by what they were made of: many tests
// begin with the same few, and most of the time of a test would go into its histograms.
var readRecords sync.Map // of string to *journal.Record

// readCase stores the run of a test file and reads it back as a run is read. Both are
// the caller's to change, but for what the bodies of events point to.
func readCase(t testing.TB, a *txtar.Archive) (*journal.Record, *scenarios.Plan) {
	t.Helper()
	plan := &scenarios.Plan{}
	if err := json.Unmarshal([]byte(section(a, "plan.json")), plan); err != nil {
		t.Fatalf("plan.json: %v", err)
	}
	made := strings.Join([]string{section(a, "journal"), section(a, "latency"), section(a, "flow"), section(a, "calls")}, "\x00")
	stored, ok := readRecords.Load(made)
	if !ok {
		dir := t.TempDir()
		storeCase(t, dir, a)
		rec, err := journal.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		stored, _ = readRecords.LoadOrStore(made, rec)
	}
	rec := *stored.(*journal.Record)
	rec.Events, rec.Latency = slices.Clone(rec.Events), slices.Clone(rec.Latency)
	return &rec, plan
}

// storeCase writes the files of a run.
func storeCase(t testing.TB, dir string, a *txtar.Archive) {
	t.Helper()
	w, err := journal.Create(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(section(a, "latency")) {
		if err := w.Latency(parseInterval(t, line)); err != nil {
			t.Fatal(err)
		}
	}
	var flows bytes.Buffer
	writeFlows(t, section(a, "flow"), section(a, "calls"), &flows, func(i journal.Interval) {
		if err := w.Latency(i); err != nil {
			t.Fatal(err)
		}
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var events bytes.Buffer
	for line := range strings.Lines(section(a, "journal")) {
		writeEvents(t, &events, line)
	}
	events.Write(flows.Bytes())
	if err := os.WriteFile(filepath.Join(dir, journal.EventsFile), events.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// writeEvents writes the NDJSON of one line of the section "journal".
func writeEvents(t testing.TB, b *bytes.Buffer, line string) {
	t.Helper()
	first, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	at, err := time.ParseDuration(first)
	if err != nil {
		b.WriteString(line)
		return
	}
	kind, data, _ := strings.Cut(rest, " ")
	if kind == "request" && !strings.HasPrefix(data, "{") {
		writeRequests(t, b, at, strings.Fields(data))
		return
	}
	fmt.Fprintf(b, `{"t":%d,"type":%q,"data":%s}`+"\n", at, kind, inNanoseconds(t, data))
}

// inNanoseconds replaces durations in words.
func inNanoseconds(t testing.TB, data string) []byte {
	t.Helper()
	if data == "" {
		return []byte("{}")
	}
	var members map[string]any
	if err := json.Unmarshal([]byte(data), &members); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	for _, name := range []string{"for", "lag", "pre_stop", "grace", "first", "last", "p50", "p95", "p99", "max", "start", "cpu", "thread", "took", "notice", "waited", "planned", "late"} {
		if words, ok := members[name].(string); ok {
			members[name] = parseDuration(t, words)
		}
	}
	out, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// writeRequests writes requests that start at an offset; the number in the
// driver's header is that of the line they become.
func writeRequests(t testing.TB, b *bytes.Buffer, start time.Duration, words []string) {
	t.Helper()
	if len(words) < 4 {
		t.Fatalf("request %q: too short", words)
	}
	service, number, _ := strings.Cut(words[0], "-")
	r := journal.Request{Service: service, Instance: words[0], Method: "GET", Path: "/v1/catalogue",
		Reused: words[2] == "reused", Status: 200}
	if number == "" {
		r.Instance = ""
	}
	times, step, nth := 1, time.Duration(0), 0
	for _, w := range words[4:] {
		if n, ok := strings.CutPrefix(w, "x"); ok {
			times = parseInt(t, n)
		} else if n, ok := strings.CutPrefix(w, "nth="); ok {
			nth = parseInt(t, n)
		} else if w == "close" {
			r.Close = true
		} else {
			step = parseDuration(t, strings.TrimPrefix(w, "+"))
		}
	}
	if words[3] != "ok" {
		r.Failure, r.Status = journal.Failure(words[3]), 0
	}
	if r.Failure == journal.Status5xx {
		r.Status = 503
	}
	for i := range times {
		r.Start = start + time.Duration(i)*step
		if nth > 0 {
			r.Nth = nth + i
		}
		r.ID = strconv.Itoa(bytes.Count(b.Bytes(), []byte("\n")) + 1)
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(b, `{"t":%d,"type":"request","data":%s}`+"\n", r.Start+parseDuration(t, words[1]), data)
	}
}

// parseInterval reads: measure phase journey/step N*DURATION ...
func parseInterval(t testing.TB, line string) journal.Interval {
	t.Helper()
	words := strings.Fields(line)
	if len(words) < 3 {
		t.Fatalf("latency %q: too short", line)
	}
	name, step, _ := strings.Cut(words[2], "/")
	i := journal.Interval{
		Tag:  journal.Tag{Measure: words[0], Phase: words[1], Cohort: "people", Journey: name, Step: step},
		From: 2 * time.Second, To: 3 * time.Second, Histogram: journal.NewHistogram(),
	}
	for _, w := range words[3:] {
		n, value, counted := strings.Cut(w, "*")
		if !counted {
			setOption(t, &i, w)
			continue
		}
		if err := i.Histogram.RecordValues(parseDuration(t, value).Microseconds(), int64(parseInt(t, n))); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

// setOption takes one word of a line of "latency" that is no count.
func setOption(t testing.TB, i *journal.Interval, word string) {
	t.Helper()
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "cohort":
		i.Tag.Cohort = value
	case "tier":
		i.Tag.Tier = value
	case "instance":
		i.Tag.Instance = value
	case "at":
		i.To = parseDuration(t, value)
		i.From = i.To - time.Second
	default:
		t.Fatalf("latency: %q is no option", word)
	}
}

func parseDuration(t testing.TB, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func parseInt(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
