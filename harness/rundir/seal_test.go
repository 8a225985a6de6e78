package rundir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// sealedDir is the directory of a run that has ended.
func sealedDir(t *testing.T) Dir {
	t.Helper()
	d := Dir(t.TempDir())
	w, err := journal.Create(string(d), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		w.Append(journal.Event{T: 1, Body: journal.RunEnded{Reason: "completed"}}), w.Close(),
		d.WriteIntent(Intent{Run: "r", Version: "v7", Plan: &scenarios.Plan{Scenario: "drill"}}, nil), d.Seal(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// Whatever becomes of a file after the run has ended is named, and nothing else is.
func TestChanges(t *testing.T) {
	write := func(name, content string) func(Dir) error {
		return func(d Dir) error { return os.WriteFile(filepath.Join(string(d), name), []byte(content), 0o644) }
	}
	edit := func(name, old, replacement string) func(Dir) error {
		return func(d Dir) error {
			b, err := os.ReadFile(filepath.Join(string(d), name))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(string(d), name), []byte(strings.Replace(string(b), old, replacement, 1)), 0o644)
		}
	}
	remove := func(name string) func(Dir) error {
		return func(d Dir) error { return os.Remove(filepath.Join(string(d), name)) }
	}
	for _, c := range []struct {
		name  string
		spoil func(Dir) error
		want  []string // in the only change; none: there is none
	}{
		{"as it was left", func(Dir) error { return nil }, nil},
		{"a report beside it", write("report.html", "x"), nil},
		{"journal of another length", edit("journal.ndjson", "completed", "interrupted"), []string{"journal.ndjson", "bytes"}},
		{"journal of the same length", edit("journal.ndjson", "completed", "comqleted"), []string{"journal.ndjson", "SHA-256"}},
		{"plan", edit("run.json", "drill", "drall"), []string{"run.json", "SHA-256"}},
		{"no latencies", remove("latency.hlog"), []string{"latency.hlog is missing"}},
		{"no seal", remove("seal.json"), []string{"seal.json is missing"}},
		{"garbage as seal", write("seal.json", "{"), []string{"seal.json", "damaged"}},
		{"seal without a file", edit("seal.json", `"journal.ndjson"`, `"other"`), []string{"seal.json says nothing of journal.ndjson"}},
		{"newer run", edit("run.json", `"format": 1`, `"format": 2`), []string{"format 2", "v7"}},
		{"newer seal", edit("seal.json", `"format": 1`, `"format": 9`), []string{"format 9"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := sealedDir(t)
			if err := c.spoil(d); err != nil {
				t.Fatal(err)
			}
			intent, err := d.ReadIntent()
			if err != nil {
				t.Fatal(err)
			}
			changes := d.Changes(intent, true)
			if len(changes) != min(1, len(c.want)) {
				t.Fatalf("%q, want %q", changes, c.want)
			}
			for _, word := range c.want {
				if !strings.Contains(changes[0], word) {
					t.Errorf("%q lacks %q", changes[0], word)
				}
			}
		})
	}
}

// A run that was cut off was never sealed, and one of a version without seals had none.
func TestNoSealIsWanted(t *testing.T) {
	d := Dir(t.TempDir())
	if changes := d.Changes(Intent{Format: Format}, false); len(changes) > 0 {
		t.Errorf("cut off: %q", changes)
	}
	if changes := d.Changes(Intent{}, true); len(changes) > 0 {
		t.Errorf("of before: %q", changes)
	}
}

func TestOpenSaysWhatIsThere(t *testing.T) {
	d := sealedDir(t)
	for path, want := range map[string]string{d.Intent(): "is a file", filepath.Join(string(d), "nowhere"): "there is no run", t.TempDir(): "holds no run.json"} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}
