package reports

import (
	"bytes"
	"flag"
	"io"
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

const storedRun = "testdata/drain-fails"

// storeFixture writes the synthetic failing run as a run directory.
func storeFixture(t *testing.T) {
	t.Helper()
	run := failingRun()
	must(t, os.RemoveAll(storedRun))
	must(t, os.MkdirAll(storedRun, 0o755))
	w, err := journal.Create(storedRun, nil)
	must(t, err)
	for _, e := range run.Record.Events {
		must(t, w.Append(e))
	}
	for _, i := range run.Record.Latency {
		must(t, w.Latency(i))
	}
	must(t, w.Close())
	must(t, rundir.Dir(storedRun).WriteIntent(run.Intent, nil))
	must(t, rundir.Dir(storedRun).WriteResult(run.Result))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stored reads the run in testdata.
func stored(t *testing.T) Run {
	t.Helper()
	run, err := Read(rundir.Dir(storedRun))
	must(t, err)
	run.Dir = "runs/20261130-091500-scale-under-load"
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
	if *fixture {
		storeFixture(t)
	}
	run := stored(t)
	for name, f := range goldens {
		t.Run(name, func(t *testing.T) {
			got := render(t, run, f)
			path := filepath.Join("testdata", "golden", name)
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
	for name, run := range map[string]Run{"healthy": healthyRun(), "failing": failingRun(), "hour": hour(), "hostile": hostileRun(), "empty": {}} {
		for _, f := range formats() {
			path := filepath.Join(*samples, name+"."+f.name)
			must(t, os.WriteFile(path, []byte(render(t, run, f.render)), 0o644))
		}
	}
}
