package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/redact"
)

// everyBody has one of every kind, no field zero.
func everyBody() []Body {
	yes, value, five := true, 81.5, 5
	return []Body{
		RunStarted{Run: "r", Scenario: "s", Platform: "p", Seed: -7},
		RunEnded{Reason: "error", Error: "e"},
		Operation{Op: "instance.create", Subject: "api-1", Cause: "c", Took: 5, Error: "e"},
		TrafficStarted{},
		TrafficEnded{},
		PhaseStarted{Phase: "surge", For: time.Minute},
		PhaseEnded{Phase: "surge"},
		ActionStarted{Service: "api", Action: "rolling_release", Planned: 3, Detail: "scale api 2 -> 3",
			From: "v1", Version: "v2", Replicas: 4, Floor: 5},
		ActionEnded{Service: "api", Action: "rolling_release", Detail: "d", Version: "v2", Error: "e"},
		InstanceStarted{Service: "api", Instance: "api-1", Version: "v2", Job: true, Cause: "c"},
		MainProcess{Service: "api", Instance: "api-1", Command: "sh -c api", Shell: true},
		InstanceTerminating{Service: "api", Instance: "api-1", Cause: "c", Lag: 1, PreStop: 2, Grace: 3},
		InstanceSignalled{Service: "api", Instance: "api-1", Signal: "SIGTERM"},
		InstanceExited{Service: "api", Instance: "api-1", Code: 137, OOM: true, Wanted: true},
		EndpointAdded{Service: "api", Instance: "api-1", Initialized: &yes},
		EndpointRemoved{Service: "api", Instance: "api-1", Reason: "gone"},
		ProbeChanged{Service: "api", Instance: "api-1", Ready: true, Detail: "status 503"},
		InitializationDone{Service: "api", Instance: "api-1"},
		Request{ID: "1", Service: "api", Instance: "api-1", Method: "GET", Path: "/", Start: 4, Status: 200,
			Reused: true, ConnAge: 5, Close: true, Failure: Reset, Error: "e", Nth: 6},
		Tally{Service: "api", Instance: "api-1", For: 1, Total: 2, Driven: 9, New: 3, Reused: 4, Failed: map[Failure]int{Reset: 5},
			Individual: 6, Suppressed: 7, InFlight: 8, Times: map[int]int{9: 10}},
		Traffic{Phase: "p", Cohort: "c", Tier: "t", Journey: "j", Step: "s", For: 1, Intended: 2, Sent: 3, OK: 4, Failed: 5,
			Unknown: 6, Own: 11, P50: 7, P95: 8, P99: 9, Max: 10},
		Generator{For: 1, InFlight: 2, Sessions: 3, Queued: 4, Area: 5.5, Sojourn: 6.5, CPU: 7, Thread: 8, CPUs: 1.5,
			Busy: .9, Steal: -1, Files: 10, FileLimit: 11, Connections: 12, Dialled: 13,
			Exhausted: map[string]int{"ports": 14}, Dispersion: .15, Asked: .16, Memory: 17},
		Moved{Service: "api", Home: "api-1", Journey: "shop", Step: "cart", For: time.Second, Total: 2, Refused: 1, Sample: "status 401"},
		Ledger{ID: "integrity/orders", Acknowledged: 1, Lost: 2, Found: 3, Missing: 4, MissingKeys: []string{"a"}, Repeated: 5,
			RepeatedKeys: []string{"b"}, FoundKeys: []string{"c"}, Again: 6, MostDeliveries: 7, Took: 8, Readings: 9, Error: "e"},
		Engine{Engine: "net/http", Service: "api", Requests: 1, Why: "w"},
		Replayed{Cohort: "c", File: "f", Format: "har", Lines: 1, Requests: 2, Malformed: 3,
			Samples: []string{"<x>"}, Skipped: map[string]int{"another host": 4},
			Withheld: map[string]int{"Cookie": 5}, WithoutBody: 6, Reordered: 7, Spread: 8},
		ErrorGroup{Journey: "j", Step: "s", Outcome: "fail", Message: "m", Count: 1, First: 2, Last: 3, Sample: "<\u2028>\x00é"},
		ScaleDecision{ID: 1, Service: "api", Autoscaler: "hpa", Current: 2, Wanted: 5, Desired: 4,
			Metrics: []ScaleMetric{{Name: "cpu", Value: &value, Target: 60, Unit: "%", Proposed: &five, Missing: 1, Unready: 2, Error: "e"}},
			Reason:  "SucceededRescale", Message: "m", Held: "frozen", Took: 3,
			Conditions: []ScaleCondition{{Type: "AbleToScale", Status: "True", Reason: "ReadyForNewScale", Message: "m"}}},
		ScaleApplied{ID: 1, Service: "api", Started: []string{"api-3"}, Stopping: []string{"api-1"}, Error: "e"},
		Resized{Decision: 1, Service: "importer", Instance: "importer-1", Class: "large", FromCPUs: .25, FromMemory: 1, CPUs: 1, Memory: 2,
			Cause: "c", Took: 3, Error: "e", Created: true},
		SessionSignal{Service: "api", Via: "webhook", Account: "acme", Tier: "enterprise", Wants: "importer-1"},
		Claim{Decision: 1, Service: "importer", Account: "acme", State: "granted", Instance: "importer-1", Via: "webhook", Waited: 1, Answered: true, Reason: "r", Error: "e"},
		Usage{Service: "api", Instance: "api-1", CPU: 1, Memory: 2, Limit: 3},
		Measured{Service: "worker", Metric: "backlog", Value: 1.5, Error: "e"},
		Interrupted{Service: "api", Instances: []string{"api-1"}, Notice: 1},
		Milestone{Journey: "import", Step: "upload", Cohort: "c", Tier: "enterprise", Tenant: "c-1", Session: 2, Outcome: "started"},
		FaultStarted{Fault: "f", FaultKind: "delay", Targets: []string{"api-1"}, Planned: 1, Late: 2, Took: 3, Backend: "nfqueue", Revert: "kernel", Detail: "d", Error: "e"},
		FaultEnded{Fault: "f", Targets: []string{"api-1"}, Planned: 1, Late: 2, Took: 3, By: "schedule", Error: "e"},
		FaultState{Fault: "f", Target: "api-1", State: FaultNoEffect, Reason: "r"},
		FaultCounters{Fault: "f", Target: "api-1", Counters: map[string]int64{"packets": 3}},
		FaultProbe{Fault: "f", Target: "api-1", Stage: "during", What: "w", Value: 0.5, Unit: "s", Detail: "d", Error: "e"},
		Calls{Service: "payments", For: 1, Total: 9, Failed: 3, Injected: 2, Told: 1, Early: 1, InFlight: 4, Suppressed: 7, Calls: []Call{{
			At: 1, Took: 2, Caller: "api-1", ID: "i", Method: "POST", Path: "/p", Key: "k", Status: 429, Fault: "f", Wait: 3, Early: true, Effect: true,
		}}},
		StopTriggered{Condition: "c", Measured: "m", For: 1},
		RulesLoaded{Files: []string{"f"}, Scale: 5, Source: "embedded", Remarks: []string{"r"}, Rules: []Rule{{
			File: "f", Group: "g", Record: "r", Alert: "a", Expr: "x > 1", Interval: 1, For: 2, KeepFiring: 3, Labels: map[string]string{"l": "v"},
			Annotations: map[string]string{"a": "t"}, Metrics: []string{"x"}, Ranges: []time.Duration{4}, Threshold: new(1.0), Compare: ">",
		}}},
		AlertChanged{Group: "g", Alert: "a", Labels: map[string]string{"l": "v"}, From: AlertPending, To: AlertFiring, ActiveAt: 1, Value: 2, Annotations: map[string]string{"a": "t"}},
		RuleFailed{Group: "g", Rule: "r", Error: "e"},
		ScrapeChanged{Service: "s", Instance: "i", Up: true, Error: "e", Series: 1},
		Exported{Service: "s", Metric: "m", Type: "counter", Labels: []string{"l"}, Series: 1},
		QueryResult{ID: "q", Expr: "x", Step: 1, Series: []QuerySeries{{Labels: map[string]string{"l": "v"}, At: []time.Duration{1}, Values: []float64{2}, Not: 3}}, Left: 1, Error: "e"},
		Steered{By: "ann", Verb: "scale", Detail: "scale api to 4", Error: "no"},
		LoadSteered{Multiple: 2.5},
		BaselineRead{Name: "default", Class: "c", Runs: []BaselineRun{{Run: "r", Figures: map[string]float64{"shop/p99": 0.2}}}, Error: "e"},
		Slow{Journey: "j", Step: "s", Outcome: "ok", Start: 1, Took: 2, Status: 200, Instance: "i", Trace: "t"},
		Note{Level: "info", Text: "t"},
		Unknown{Type: "later.kind", Data: json.RawMessage(`{"a":[1,2]}`)},
	}
}

// What everyBody promises: a field that is zero would come back the same even
// if it were never written.
func TestEveryBodyIsFull(t *testing.T) {
	for _, b := range everyBody() {
		v := reflect.ValueOf(b)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%T has no %s", b, v.Type().Field(i).Name)
			}
		}
	}
}

// Every kind in event.go and event_scaling.go can be read back: nobody forgets the decoder of a new
// one, nor to add it to the bodies that the other tests use.
func TestEveryKindHasADecoder(t *testing.T) {
	var declared []ast.Decl
	for _, name := range []string{"event.go", "event_scaling.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		declared = append(declared, file.Decls...)
	}
	have := map[string]bool{}
	for _, b := range everyBody() {
		have[reflect.TypeOf(b).Name()] = true
		if _, unknown := b.(Unknown); !unknown && decoders[b.Kind()] == nil {
			t.Errorf("no decoder for %s", b.Kind())
		}
	}
	for _, d := range declared {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "Kind" {
			if name := f.Recv.List[0].Type.(*ast.Ident).Name; !have[name] {
				t.Errorf("%s is missing from everyBody", name)
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	w := mustCreate(t, dir, nil)
	var want []Event
	for i, b := range everyBody() {
		want = append(want, Event{T: time.Duration(i) * time.Millisecond, Body: b})
	}
	for _, e := range want {
		if err := w.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, w)
	rec := mustOpen(t, dir)
	if !reflect.DeepEqual(rec.Events, want) {
		t.Errorf("have %v\nwant %v", rec.Events, want)
	}
	if len(rec.Problems) != 1 || !strings.Contains(rec.Problems[0], "later.kind") {
		t.Errorf("problems %q, want one on later.kind", rec.Problems)
	}
	if rec.Damaged != 0 {
		t.Errorf("damaged %d", rec.Damaged)
	}
}

func TestLineFormat(t *testing.T) {
	dir := t.TempDir()
	w := mustCreate(t, dir, nil)
	if err := w.Append(Event{T: 1500 * time.Millisecond, Body: EndpointRemoved{Service: "api", Instance: "api-3", Reason: "terminating"}}); err != nil {
		t.Fatal(err)
	}
	mustClose(t, w)
	const want = `{"t":1500000000,"type":"endpoint.removed","data":{"service":"api","instance":"api-3","reason":"terminating"}}` + "\n"
	if have := read(t, dir, EventsFile); have != want {
		t.Errorf("have %s\nwant %s", have, want)
	}
}

func TestAppendIsSafeForConcurrentUse(t *testing.T) {
	dir := t.TempDir()
	w := mustCreate(t, dir, nil)
	const writers, each = 8, 200
	var group sync.WaitGroup
	for n := range writers {
		group.Go(func() {
			for i := range each {
				e := Event{T: time.Duration(i), Body: Note{Level: "info", Text: strings.Repeat(string(rune('a'+n)), 300)}}
				if err := w.Append(e); err != nil {
					t.Error(err)
				}
			}
			h := NewHistogram()
			_ = h.RecordValue(int64(n + 1))
			if err := w.Latency(Interval{Tag: Tag{Measure: Lag}, Histogram: h}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	mustClose(t, w)
	rec := mustOpen(t, dir)
	if len(rec.Events) != writers*each || len(rec.Latency) != writers || len(rec.Problems) > 0 {
		t.Errorf("%d events, %d intervals, problems %q", len(rec.Events), len(rec.Latency), rec.Problems)
	}
}

// What was appended reaches the file within FlushEvery, without Close.
func TestACrashCostsASecond(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := mustCreate(t, dir, nil)
		defer mustClose(t, w)
		if err := w.Append(Event{Body: Note{Text: "kept"}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Latency(Interval{Histogram: NewHistogram()}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(FlushEvery)
		synctest.Wait()
		rec := mustOpen(t, dir)
		if len(rec.Events) != 1 || len(rec.Latency) != 1 || len(rec.Problems) > 0 {
			t.Errorf("after %v the files hold %d events and %d intervals, problems %q", FlushEvery, len(rec.Events), len(rec.Latency), rec.Problems)
		}
	})
}

func TestWriteErrorsRepeat(t *testing.T) {
	w := mustCreate(t, t.TempDir(), nil)
	_ = w.events.file.Close() // as good as a full disk
	if err := w.Append(Event{Body: Note{}}); err != nil {
		t.Fatalf("a buffered write failed: %v", err)
	}
	first := w.Flush()
	if first == nil {
		t.Fatal("flush to a closed file succeeded")
	}
	if err := w.Append(Event{Body: Note{}}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("append after a failed flush: %v", err)
	}
	if err := w.Latency(Interval{Histogram: NewHistogram()}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("latency after a failed flush: %v", err)
	}
	if err := w.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("close after a failed flush: %v", err)
	}
}

func TestMisuse(t *testing.T) {
	dir := t.TempDir()
	w := mustCreate(t, dir, nil)
	if w.Append(Event{}) == nil {
		t.Error("an event without a body was taken")
	}
	if w.Latency(Interval{}) == nil {
		t.Error("an interval without a histogram was taken")
	}
	if w.Latency(Interval{From: 2, To: 1, Histogram: NewHistogram()}) == nil {
		t.Error("an interval that ends before it begins was taken")
	}
	mustClose(t, w)
	if err := w.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	if err := w.Append(Event{Body: Note{}}); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	if _, err := Create(dir, nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("a journal was written over: %v", err)
	}
	if _, err := Create(filepath.Join(dir, "nowhere"), nil); err == nil {
		t.Error("a journal was created in a directory that does not exist")
	}
}

// Secrets go, names stay, even where both are the same word.
func TestRedaction(t *testing.T) {
	r := redact.New()
	for _, value := range []string{`s3cr"et</>`, "worker", "request", "info", `"type":`, "refused"} {
		r.Add("VALUE", value)
	}
	dir := t.TempDir()
	w := mustCreate(t, dir, r.Bytes)
	for _, b := range []Body{
		Request{Service: "worker", Instance: "worker-1", Path: "/reset/s3cr\"et</>", Failure: Refused, Error: "dial worker: refused"},
		Note{Level: "info", Text: "Authorization: Bearer abc\nGET http://u:p@h/"},
		Tally{Service: "worker", Failed: map[Failure]int{Refused: 3}},
		Moved{Service: "worker", Home: "worker-1", Journey: "worker", Step: "worker", Sample: "the worker"},
		Ledger{ID: "drain/worker", MissingKeys: []string{"worker-7"}, Error: "query the database of worker"},
		ActionEnded{Service: "worker", Action: "worker", Version: "worker", Error: "worker"},
	} {
		if err := w.Append(Event{Body: b}); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, w)
	text := read(t, dir, EventsFile)
	for _, gone := range []string{"s3cr", "Bearer", "u:p", "dial worker"} {
		if strings.Contains(text, gone) {
			t.Errorf("%q survived: %s", gone, text)
		}
	}
	rec := mustOpen(t, dir)
	want := []Body{
		Request{Service: "worker", Instance: "worker-1", Path: "/reset/[env VALUE]", Failure: Refused, Error: "dial [env VALUE]: [env VALUE]"},
		Note{Level: "info", Text: "Authorization: [redacted]\nGET http://[redacted]@h/"},
		Tally{Service: "worker", Failed: map[Failure]int{Refused: 3}},
		Moved{Service: "worker", Home: "worker-1", Journey: "worker", Step: "worker", Sample: "the [env VALUE]"},
		Ledger{ID: "drain/worker", MissingKeys: []string{"[env VALUE]-7"}, Error: "query the database of [env VALUE]"},
		ActionEnded{Service: "worker", Action: "worker", Version: "worker", Error: "[env VALUE]"},
	}
	for i, b := range want {
		if !reflect.DeepEqual(rec.Events[i].Body, b) {
			t.Errorf("have %+v\nwant %+v", rec.Events[i].Body, b)
		}
	}
}

func mustCreate(t testing.TB, dir string, redact func([]byte) []byte) *Writer {
	t.Helper()
	w, err := Create(dir, redact)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func mustClose(t testing.TB, w *Writer) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustOpen(t testing.TB, dir string) *Record {
	t.Helper()
	rec, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func read(t testing.TB, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.ToValidUTF8(b, []byte("?")))
}
