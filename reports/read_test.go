package reports

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/race"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// copied is a stored run, sealed, in a directory of its own, to be spoiled.
func copied(t testing.TB, fixture string) rundir.Dir {
	t.Helper()
	dir := rundir.Dir(t.TempDir())
	if err := os.CopyFS(string(dir), os.DirFS(fixture)); err != nil {
		t.Fatal(err)
	}
	if err := dir.Seal(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func in(dir rundir.Dir, name string) string { return filepath.Join(string(dir), name) }

func spoil(t testing.TB, path string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, f(b), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever is wrong with the directory of a run, what is left is reported and the rest
// is named, in every format.
func TestADamagedRunIsReportedAndTheDamageNamed(t *testing.T) {
	cut := func(share float64) func([]byte) []byte {
		return func(b []byte) []byte { return b[:int(float64(len(b))*share)] }
	}
	remove := func(names ...string) func(*testing.T, rundir.Dir) {
		return func(t *testing.T, d rundir.Dir) {
			for _, name := range names {
				must(t, os.Remove(in(d, name)))
			}
		}
	}
	for _, c := range []struct {
		name    string
		spoil   func(*testing.T, rundir.Dir)
		want    []string // what is named, in every format
		verdict verify.Verdict
	}{
		{"killed in mid-run", func(t *testing.T, d rundir.Dir) {
			spoil(t, in(d, "journal.ndjson"), cut(0.6))
			remove("verdict.json", "seal.json")(t, d)
		}, []string{"the record stops before the end of the run", "verdict.json is missing", "the last line is cut off", "made from what there is of the record"}, verify.Inconclusive},
		{"killed before the first event", func(t *testing.T, d rundir.Dir) {
			remove("verdict.json", "seal.json", "journal.ndjson", "latency.hlog")(t, d)
		}, []string{"holds no journal.ndjson", "verdict.json is missing"}, ""},
		{"latencies cut off", func(t *testing.T, d rundir.Dir) { spoil(t, in(d, "latency.hlog"), cut(0.9)) },
			[]string{"latency.hlog is not as the run left it"}, verify.Fail},
		{"journal edited", func(t *testing.T, d rundir.Dir) {
			spoil(t, in(d, "journal.ndjson"), func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"outcome":"fail"`), []byte(`"outcome":"okay"`), 1)
			})
		}, []string{"journal.ndjson is not as the run left it: its SHA-256"}, verify.Fail},
		{"unknown events", func(t *testing.T, d rundir.Dir) {
			spoil(t, in(d, "journal.ndjson"), func(b []byte) []byte {
				return append([]byte("{\"t\":1,\"type\":\"teleported\",\"data\":{}}\n"), b...)
			})
		}, []string{`1 events of kind "teleported"`, "journal.ndjson is not as the run left it"}, verify.Fail},
		{"a line of garbage", func(t *testing.T, d rundir.Dir) {
			spoil(t, in(d, "journal.ndjson"), func(b []byte) []byte { return append([]byte("\x00\xff{{\n"), b...) })
		}, []string{"1 line of the record cannot be read"}, verify.Fail},
		{"newer format", func(t *testing.T, d rundir.Dir) {
			spoil(t, in(d, "run.json"), func(b []byte) []byte {
				return append([]byte(`{"format":7,"novelty":[1],`), bytes.TrimPrefix(bytes.TrimSpace(b), []byte("{"))...)
			})
		}, []string{"format 7"}, verify.Fail},
		{"no plan", func(t *testing.T, d rundir.Dir) { spoil(t, in(d, "run.json"), cut(0.5)) },
			[]string{"run.json: it is damaged"}, verify.Fail},
		{"plan gone", remove("run.json"), []string{"run.json is missing"}, verify.Fail},
		{"no verdict in it", func(t *testing.T, d rundir.Dir) {
			spoil(t, in(d, "verdict.json"), func([]byte) []byte { return []byte("{}") })
		},
			[]string{`verdict.json: it is damaged or not ours: "" is no verdict`, "made from what there is"}, ""},
		{"verdict damaged", func(t *testing.T, d rundir.Dir) { spoil(t, in(d, "verdict.json"), cut(0.5)) },
			[]string{"verdict.json: it is damaged", "made from what there is"}, ""},
		{"only a verdict", remove("run.json", "journal.ndjson", "latency.hlog", "seal.json"), []string{"run.json is missing", "holds no journal.ndjson"}, verify.Fail},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := copied(t, "testdata/drain-fails")
			c.spoil(t, d)
			run, err := Read(d)
			must(t, err)
			if c.verdict != "" && run.Result.Verdict != c.verdict {
				t.Errorf("verdict %q, want %q", run.Result.Verdict, c.verdict)
			}
			for _, f := range formats() {
				text := strings.Join(strings.Fields(unescaped(render(t, run, f.render))), " ")
				for _, want := range c.want {
					if !strings.Contains(text, want) {
						t.Errorf("%s does not name %q:\n%.1500s", f.name, want, text)
					}
				}
				if f.name != "json" && !strings.Contains(text, "Not a complete run:") {
					t.Errorf("%s does not say that it is no complete run", f.name)
				}
			}
			var document Document
			must(t, json.Unmarshal([]byte(render(t, run, JSON)), &document))
			if document.Complete {
				t.Error("JSON says that the run is complete")
			}
		})
	}
}

// unescaped undoes what formats do to a text of the run.
func unescaped(text string) string {
	return strings.NewReplacer("&#34;", `"`, "&quot;", `"`, "&amp;", "&", "&#39;", "'", `\"`, `"`, `\_`, "_", `\#`, "#", "</strong>", "").Replace(text)
}

// A run that is whole is said to be so.
func TestASealedRunIsComplete(t *testing.T) {
	run, err := Read(copied(t, "testdata/drain-fails"))
	must(t, err)
	if len(run.Problems) > 0 || partial(run) != "" || !strings.Contains(render(t, run, JSON), `"complete": true`) {
		t.Errorf("%q, %q", run.Problems, partial(run))
	}
}

func TestWhatIsNoRunIsRefused(t *testing.T) {
	d := copied(t, "testdata/drain-fails")
	closed := t.TempDir()
	must(t, os.Chmod(closed, 0))
	t.Cleanup(func() { _ = os.Chmod(closed, 0o700) })
	for path, want := range map[string]string{
		t.TempDir(): "not the directory of a run", in(d, "run.json"): "is a file", in(d, "nowhere"): "there is no run", closed: closed,
	} {
		if os.Geteuid() == 0 && path == closed {
			continue // nothing is closed to root
		}
		if _, err := Read(rundir.Dir(path)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// FuzzRead overwrites a piece of a file of a run, or cuts the file there: nothing
// panics, and every format renders.
func FuzzRead(f *testing.F) {
	files := []string{"run.json", "journal.ndjson", "latency.hlog", "verdict.json", "seal.json"}
	for i := range files[:race.Less(len(files), 2)] {
		f.Add(i, uint32(0), []byte("[]"), false)
		f.Add(i, uint32(700), []byte(`null`), false)
		f.Add(i, uint32(1500), []byte(`-9223372036854775808`), false)
		f.Add(i, uint32(5000), []byte("\xff\x00<&>\"\n"), true)
	}
	dir := copied(f, "testdata/drain-fails")
	whole := map[string][]byte{}
	for _, name := range files {
		b, err := os.ReadFile(in(dir, name))
		if err != nil {
			f.Fatal(err)
		}
		whole[name] = b
	}
	f.Fuzz(func(t *testing.T, which int, at uint32, piece []byte, cut bool) {
		name := files[uint(which)%uint(len(files))]
		b := bytes.Clone(whole[name])
		from := int(at) % len(b)
		n := copy(b[from:], piece)
		if cut {
			b = b[:from+n]
		}
		d := rundir.Dir(t.TempDir())
		for _, other := range files {
			must(t, os.WriteFile(in(d, other), whole[other], 0o644))
		}
		must(t, os.WriteFile(in(d, name), b, 0o644))
		run, err := Read(d)
		must(t, err)
		for _, format := range formats() {
			must(t, format.render(io.Discard, run))
		}
	})
}

// A value of run.json or verdict.json, or of a line of the journal, of another kind or
// size than we write: nothing panics, and every format renders.
func TestStrangeValuesAreSurvived(t *testing.T) {
	d := copied(t, "testdata/faults")
	whole := map[string][]byte{}
	for _, name := range []string{"run.json", "verdict.json", "journal.ndjson"} {
		b, err := os.ReadFile(in(d, name))
		must(t, err)
		whole[name] = b
	}
	strange := []any{nil, -1, 1e300, int64(math.MaxInt64), "", "\x00<b>|`", []any{}, []any{nil}, map[string]any{}, true}
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom([]string{"run.json", "run.json", "verdict.json", "journal.ndjson"}).Draw(rt, "file")
		lines := [][]byte{whole[name]}
		if name == "journal.ndjson" {
			lines = bytes.SplitAfter(whole[name], []byte("\n"))
		}
		i := rapid.IntRange(0, len(lines)-1).Draw(rt, "line")
		var value any
		if json.Unmarshal(lines[i], &value) != nil {
			return // the empty one at the end
		}
		value = changed(rt, value, rapid.SampledFrom(strange).Draw(rt, "value"))
		line, err := json.Marshal(value)
		must(t, err)
		spoiled := slices.Clone(lines)
		spoiled[i] = append(line, '\n')
		must(t, os.WriteFile(in(d, name), bytes.Join(spoiled, nil), 0o644))
		defer func() { must(t, os.WriteFile(in(d, name), whole[name], 0o644)) }()
		run, err := Read(d)
		must(t, err)
		for _, format := range formats() {
			must(t, format.render(io.Discard, run))
		}
	})
}

// changed puts a value in the place of one that is drawn, somewhere inside.
func changed(rt *rapid.T, in, value any) any {
	switch v := in.(type) {
	case map[string]any:
		if keys := slices.Sorted(maps.Keys(v)); len(keys) > 0 && rapid.IntRange(0, 8).Draw(rt, "deeper") > 0 {
			key := rapid.SampledFrom(keys).Draw(rt, "key")
			v[key] = changed(rt, v[key], value)
			return v
		}
	case []any:
		if len(v) > 0 && rapid.IntRange(0, 8).Draw(rt, "deeper") > 0 {
			i := rapid.IntRange(0, len(v)-1).Draw(rt, "index")
			v[i] = changed(rt, v[i], value)
			return v
		}
	}
	return value
}

// A run that is given another record is reported by that one, whatever was made of the first.
func TestAnotherRecordIsFoldedAnew(t *testing.T) {
	run, err := Read("testdata/release")
	must(t, err)
	before := len(run.sums())
	run.Record = &journal.Record{}
	if before == 0 || len(run.sums()) != 0 || len(run.groups()) != 0 {
		t.Errorf("%d sums of the first record, %d of an empty one", before, len(run.sums()))
	}
}
