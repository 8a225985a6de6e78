package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const goodLine = `{"t":5,"type":"note","data":{"level":"info","text":"x"}}`

func TestOpenDamaged(t *testing.T) {
	tests := []struct {
		name    string
		events  string
		want    int    // events
		damaged int    // lines
		problem string // part of one of the problems; "" if there is none
	}{
		{"empty", "", 0, 0, ""},
		{"one line", goodLine + "\n", 1, 0, ""},
		{"no newline at the end, but whole", goodLine, 1, 0, ""},
		{"cut off", goodLine + "\n" + goodLine[:30], 1, 0, ":2: the last line is cut off"},
		{"blank lines", "\n\r\n" + goodLine + "\r\n\n", 1, 0, ""},
		{"garbage", "hello\n" + goodLine + "\n", 1, 1, ":1: left out"},
		{"binary", "\x00\xff\xfe\n" + goodLine + "\n", 1, 1, ":1: left out"},
		{"no time", `{"type":"note","data":{}}` + "\n", 0, 1, `no "t"`},
		{"no type", `{"t":1,"data":{}}` + "\n", 0, 1, `no "type"`},
		{"fraction of a nanosecond", `{"t":1.5,"type":"note","data":{}}` + "\n", 0, 1, ":1: left out"},
		{"time out of range", `{"t":99999999999999999999,"type":"note","data":{}}` + "\n", 0, 1, ":1: left out"},
		{"wrong data", `{"t":1,"type":"note","data":{"level":7}}` + "\n", 0, 1, "note: "},
		{"two documents in a line", goodLine + goodLine + "\n", 0, 1, ":1: left out"},
		{"no data", `{"t":1,"type":"traffic.started"}` + "\n", 1, 0, ""},
		{"members in another order", `{"data":{"text":"x"},"type":"note","t":1}` + "\n", 1, 0, ""},
		{"members of a later version", `{"t":1,"type":"note","data":{"new":1},"more":{}}` + "\n", 1, 0, ""},
		{"unknown kind", `{"t":1,"type":"fault.injected","data":{"a":"b"}}` + "\n", 1, 0, "fault.injected"},
		{"a line without end", strings.Repeat("x", maxLine+10) + "\n" + goodLine + "\n", 1, 1, "a line of"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := writeFiles(t, test.events, "")
			rec := mustOpen(t, dir)
			if len(rec.Events) != test.want || rec.Damaged != test.damaged {
				t.Errorf("%d events, %d damaged; want %d and %d", len(rec.Events), rec.Damaged, test.want, test.damaged)
			}
			text := strings.Join(rec.Problems, "\n")
			if test.problem == "" && text != "" || !strings.Contains(text, test.problem) {
				t.Errorf("problems %q, want %q", text, test.problem)
			}
		})
	}
}

func TestProblemsAreCapped(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "garbage\n{\"t\":1,\"type\":\"kind.%d\",\"data\":{}}\n", i)
	}
	rec := mustOpen(t, writeFiles(t, b.String(), strings.Repeat("garbage\n", 1000)))
	if len(rec.Problems) > 3*maxProblems+3 {
		t.Errorf("%d problems", len(rec.Problems))
	}
	if len(rec.Events) != 1000 || rec.Damaged != 2000 {
		t.Errorf("%d events, %d damaged", len(rec.Events), rec.Damaged)
	}
	if text := strings.Join(rec.Problems, "\n"); !strings.Contains(text, "and 980 more lines") || !strings.Contains(text, "and 980 more kinds") {
		t.Errorf("problems do not say how many more there are:\n%s", text)
	}
}

func TestUnknownKindsAreNotedOnce(t *testing.T) {
	line := `{"t":1,"type":"later.kind","data":{"a":1}}` + "\n"
	rec := mustOpen(t, writeFiles(t, line+line+line, ""))
	if len(rec.Problems) != 1 || !strings.Contains(rec.Problems[0], "3 events") {
		t.Errorf("problems %q", rec.Problems)
	}
	if u, ok := rec.Events[2].Body.(Unknown); !ok || u.Kind() != "later.kind" || string(u.Data) != `{"a":1}` {
		t.Errorf("body %v", rec.Events[2].Body)
	}
}

func TestOpenNothing(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), EventsFile) {
		t.Errorf("a directory without journal: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, EventsFile), []byte(goodLine+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	rec := mustOpen(t, dir)
	if len(rec.Events) != 1 || len(rec.Problems) != 1 || !strings.Contains(rec.Problems[0], LatencyFile) {
		t.Errorf("without latencies: %d events, problems %q", len(rec.Events), rec.Problems)
	}
}

// Gateways tell late what they saw; events of one time keep their order.
func TestOpenSortsStably(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(0, 5), 0, 40).Draw(rt, "times")
		var b strings.Builder
		for i, at := range times {
			fmt.Fprintf(&b, `{"t":%d,"type":"note","data":{"text":"%04d"}}`+"\n", at, i)
		}
		rec := mustOpen(t, writeFiles(t, b.String(), ""))
		for i := 1; i < len(rec.Events); i++ {
			a, b := rec.Events[i-1], rec.Events[i]
			if a.T > b.T || a.T == b.T && a.Body.(Note).Text > b.Body.(Note).Text {
				rt.Fatalf("%v before %v", a, b)
			}
		}
		if len(rec.Events) != len(times) {
			rt.Fatalf("%d of %d events", len(rec.Events), len(times))
		}
	})
}

// Wherever a crash cuts the file, all whole lines are there and nothing else.
func TestCutAnywhere(t *testing.T) {
	dir := t.TempDir()
	w := mustCreate(t, dir, nil)
	for i, b := range everyBody() {
		if err := w.Append(Event{T: time.Duration(i), Body: b}); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, w)
	whole := read(t, dir, EventsFile)
	for cut := 0; cut <= len(whole); cut += 7 {
		part := whole[:cut]
		rec := mustOpen(t, writeFiles(t, part, ""))
		lines := strings.Count(part, "\n")
		if n := len(rec.Events); n != lines && (n != lines+1 || !strings.HasSuffix(part, "}}")) {
			t.Fatalf("cut at %d: %d events of %d lines", cut, n, lines)
		}
		if rec.Damaged != 0 {
			t.Fatalf("cut at %d: counted as damage", cut)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(goodLine+"\n"), []byte("Tag=a/b/c/d/lag,0.1,0.2,0.3,HISTFAAAABx4nJNpmSzMwMDAxAABzFCaEUoz2X+AsQA/awKD\n"))
	f.Add([]byte(`{"t":5,"type":"tally","data":{"failed":{"reset":1}}}`), []byte("#[StartTime: x\nTag=,\n0.1,0.2,0.3,HIST"))
	f.Fuzz(func(t *testing.T, events, latency []byte) {
		rec := mustOpen(t, writeFiles(t, string(events), string(latency)))
		for _, e := range rec.Events {
			if e.Body == nil {
				t.Error("an event without a body")
			}
			if _, err := encode(e); err != nil {
				t.Errorf("what was read cannot be written: %v", err)
			}
		}
		for _, i := range rec.Latency {
			if i.Count() < 0 || i.From < 0 || i.To < i.From {
				t.Errorf("interval %v", i)
			}
		}
	})
}

func writeFiles(t testing.TB, events, latency string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{EventsFile: events, LatencyFile: latency} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A run of an hour leaves about 300,000 lines, most of them tallies and counts
// of traffic; it must load in seconds.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	w := mustCreate(b, dir, nil)
	bodies := []Body{
		Traffic{Phase: "surge", Cohort: "people", Journey: "shop", Step: "checkout", For: time.Second, Intended: 200, Sent: 200, OK: 199, Failed: 1, P50: 12345678, P99: 234567890},
		Tally{Service: "api", Instance: "api-2", For: time.Second, Total: 80, New: 2, Reused: 78, Failed: map[Failure]int{Reset: 1}, InFlight: 3},
		Request{ID: "12345", Service: "api", Instance: "api-2", Method: "GET", Path: "/v1/catalogue", Start: 1, Status: 200, Reused: true},
	}
	for i := range 300_000 {
		if err := w.Append(Event{T: time.Duration(i) * 10 * time.Millisecond, Body: bodies[i%len(bodies)]}); err != nil {
			b.Fatal(err)
		}
	}
	mustClose(b, w)
	b.ReportAllocs()
	for b.Loop() {
		if rec := mustOpen(b, dir); len(rec.Events) != 300_000 {
			b.Fatal(len(rec.Events))
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	w := mustCreate(b, b.TempDir(), func(text []byte) []byte { return text })
	defer mustClose(b, w)
	e := Event{T: 1, Body: Request{ID: "12345", Service: "api", Instance: "api-2", Method: "GET", Path: "/v1/catalogue", Start: 1, Status: 200}}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Append(e); err != nil {
			b.Fatal(err)
		}
	}
}
