package reports

import (
	"bytes"
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
)

var (
	update  = flag.Bool("update", false, "write the golden files anew")
	fixture = flag.Bool("fixture", false, "write the stored run in testdata/drain-fails anew")
	samples = flag.String("samples", "", "directory to write pages to look at into")
)

// A storedRun is a synthetic run that lies in testdata as a run directory, and
// how every format renders it.
type storedRun struct {
	dir, golden, shown string
	run                func() Run
}

var storedRuns = map[string]storedRun{
	"drain":   {"testdata/drain-fails", "testdata/golden", "runs/20261130-091500-scale-under-load", failingRun},
	"release": {"testdata/release", "testdata/golden-release", "runs/20261130-091500-rolling-release", releaseRun},
	"faults":  {"testdata/faults", "testdata/golden-faults", "runs/20261201-140000-trouble", faultsRun},
	"alerts":  {"testdata/alerts", "testdata/golden-alerts", "runs/20261202-140000-drill", alertsRun},
	"scaling": {"testdata/scaling", "testdata/golden-scaling", "runs/20261130-091500-monday", scalingRun},
}

// store writes the synthetic run as a run directory.
func (s storedRun) store(t *testing.T) {
	t.Helper()
	run := s.run()
	must(t, os.RemoveAll(s.dir))
	must(t, os.MkdirAll(s.dir, 0o755))
	w, err := journal.Create(s.dir, nil)
	must(t, err)
	for _, e := range run.Record.Events {
		must(t, w.Append(e))
	}
	for _, i := range run.Record.Latency {
		must(t, w.Latency(i))
	}
	must(t, w.Close())
	must(t, rundir.Dir(s.dir).WriteIntent(run.Intent, nil))
	must(t, rundir.Dir(s.dir).WriteResult(run.Result))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read reads the run in testdata.
func (s storedRun) read(t *testing.T) Run {
	t.Helper()
	run, err := Read(rundir.Dir(s.dir))
	must(t, err)
	run.Dir = s.shown
	return run
}

func render(t testing.TB, run Run, f func(io.Writer, Run) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := f(&b, run); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func atWidth(opts TextOptions) func(io.Writer, Run) error {
	return func(w io.Writer, run Run) error { return TextWith(w, run, opts) }
}

// goldens are the formats as files in testdata.
var goldens = map[string]func(io.Writer, Run) error{
	"text-80.txt":    atWidth(TextOptions{Width: 80}),
	"text-100.txt":   atWidth(TextOptions{}),
	"text-120.txt":   atWidth(TextOptions{Width: 120}),
	"text-color.txt": func(w io.Writer, run Run) error { return Text(w, run, true) },
	"run.json":       JSON,
	"junit.xml":      JUnit,
	"summary.md":     Markdown,
	"report.html":    HTML,
}

func TestGolden(t *testing.T) {
	for name, s := range storedRuns {
		t.Run(name, func(t *testing.T) {
			if *fixture {
				s.store(t)
			}
			s.compare(t)
		})
	}
}

// compare renders the stored run in every format, and its log of scale events if
// it has one, and compares it with what lies in testdata.
func (s storedRun) compare(t *testing.T) {
	run := s.read(t)
	files := maps.Clone(goldens)
	if len(scaleEventsOf(run)) > 0 {
		files["scale-events.ndjson"] = ScaleEvents
	}
	for name, f := range files {
		t.Run(name, func(t *testing.T) {
			got := render(t, run, f)
			path := filepath.Join(s.golden, name)
			if *update {
				must(t, os.MkdirAll(filepath.Dir(path), 0o755))
				must(t, os.WriteFile(path, []byte(got), 0o644))
			}
			want, err := os.ReadFile(path)
			must(t, err)
			if got != string(want) {
				t.Errorf("%s changed at %s; if that is meant: go test ./reports -run Golden -update", path, firstDifference(string(want), got))
			}
		})
	}
}

func firstDifference(want, got string) string {
	n := 0
	for n < len(want) && n < len(got) && want[n] == got[n] {
		n++
	}
	around := func(s string) string { return s[max(0, min(n, len(s))-40):min(len(s), n+60)] }
	return "\nwant …" + around(want) + "\ngot  …" + around(got)
}

// TestSamples writes pages to look at: go test ./reports -run Samples -samples DIR.
func TestSamples(t *testing.T) {
	if *samples == "" {
		t.Skip("no -samples directory")
	}
	for name, run := range map[string]Run{"healthy": healthyRun(), "failing": failingRun(), "release": releaseRun(), "scaling": scalingRun(), "faults": faultsRun(), "hour": hour(), "hostile": hostileRun(), "empty": {}} {
		for _, f := range formats() {
			path := filepath.Join(*samples, name+"."+f.name)
			must(t, os.WriteFile(path, []byte(render(t, run, f.render)), 0o644))
		}
	}
}
