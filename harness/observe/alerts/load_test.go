package alerts

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what is found to testdata as what is wanted")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%swant\n%s", file, got, want)
	}
}

// told is every problem in a line of its own, without the folder of the files.
func told(problems []Problem) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(strings.ReplaceAll(p.Error(), filepath.Join("testdata", "mistakes")+"/", "") + "\n")
	}
	return b.String()
}

// Every file in testdata/mistakes is named after what is wrong with it, and has beside
// it what the user is told.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/mistakes/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			rules, problems := Load([]string{file}, 1)
			if rules != nil || len(problems) == 0 {
				t.Fatalf("no problem was found")
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", told(problems))
			for _, p := range problems {
				if p.File != file || p.Message == "" {
					t.Errorf("incomplete problem: %+v", p)
				}
			}
		})
	}
}

func TestEveryFileIsReadBeforeProblemsAreReported(t *testing.T) {
	twice := write(t, "groups: [{name: g, rules: [{alert: Down, expr: up == 0}]}]")
	again := write(t, "groups: [{name: g, rules: [{alert: Down, expr: up < 1}]}]")
	broken := write(t, "groups: [{name: g, rules: [{alert: Down, expr: up <}]}]")
	dir := t.TempDir()
	_, problems := Load([]string{"none.yaml", twice, again, twice, dir, broken}, 1)
	got := strings.NewReplacer(twice, "twice", again, "again", broken, "broken", dir, "dir").Replace(told(problems))
	want := `none.yaml: there is no such file
again:1:28: group g, alert Down: the same name with the same labels is in twice:1 (group g) already
twice: is listed twice: leave one out
dir: cannot be read: is a directory
broken:1:28: group g, alert Down: the same name with the same labels is in twice:1 (group g) already
broken:1:52: group g, alert Down: the expression cannot be read: unexpected end of input
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestOneNameForGroupsOfDifferentFilesIsAllowed(t *testing.T) {
	rules := loadFiles(t, []string{
		write(t, "groups: [{name: g, rules: [{alert: Down, expr: up == 0}]}]"),
		write(t, "groups: [{name: g, rules: [{alert: Up, expr: up == 1}]}]"),
	}, 1)
	if n := len(rules.Describe().Rules); n != 2 {
		t.Errorf("%d rules, want 2", n)
	}
}

func TestNoFilesAreNoRules(t *testing.T) {
	if d := loadFiles(t, nil, 1).Describe(); len(d.Rules) != 0 || d.Source != "embedded" || d.Scale != 1 {
		t.Errorf("%+v", d)
	}
}

func TestTimesCannotBeDividedByAnything(t *testing.T) {
	for _, scale := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if rules, problems := Load(nil, scale); rules != nil || len(problems) != 1 {
			t.Errorf("%v: %v", scale, problems)
		}
	}
	if _, problems := Load(nil, 1, Every(0)); len(problems) != 1 {
		t.Error(problems)
	}
}

// What the checks and reports read of rules, as written and in a run that is ten and
// sixty times as fast.
func TestDescribe(t *testing.T) {
	for name, scale := range map[string]float64{"written": 1, "tempo-10": 10, "tempo-60": 60} {
		got, err := json.MarshalIndent(loadFiles(t, []string{"testdata/valid/shop.yaml"}, scale).Describe(), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/valid/shop."+name+".json", string(got)+"\n")
	}
}

func TestDividedTimes(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		by   float64
		want time.Duration
	}{
		{5 * time.Minute, 60, 5 * time.Second},
		{time.Second, 3, 334 * time.Millisecond}, // up, to milliseconds
		{time.Millisecond, 10, time.Millisecond},
		{2300 * time.Millisecond, 2.3, time.Second}, // 1000.0000000000001 ms in floating point
		{time.Minute, 0.5, 2 * time.Minute},         // a run that is slower than life
		{math.MaxInt64, 0.1, time.Duration(math.MaxInt64).Truncate(time.Millisecond)},
	} {
		if got := divided(c.d, c.by); got != c.want {
			t.Errorf("%v / %v is %v, want %v", c.d, c.by, got, c.want)
		}
	}
}

func TestNothingBecomesShorterThanAScrape(t *testing.T) {
	s := &scaler{by: 10, floor: 2 * time.Second}
	for d, want := range map[time.Duration]time.Duration{
		0:                0,                // stays none
		time.Minute:      6 * time.Second,  // divided
		20 * time.Second: 2 * time.Second,  // divided
		10 * time.Second: 2 * time.Second,  // kept at a scrape
		time.Second:      time.Second,      // was shorter anyway
		-time.Minute:     -6 * time.Second, // an offset into the future
		-5 * time.Second: -2 * time.Second,
	} {
		if got := s.time(spot{file: "f", group: "g", rule: "alert A"}, "for", d); got != want {
			t.Errorf("%v is %v, want %v", d, got, want)
		}
	}
	slices.Sort(s.remarks)
	want := []string{
		"f: group g, alert A: for of 10s, divided by 10, would be shorter than a scrape: it is 2s",
		"f: group g, alert A: for of 1s, divided by 10, would be shorter than a scrape: it is 1s",
		"f: group g, alert A: for of 5s, divided by 10, would be shorter than a scrape: it is 2s",
	}
	if !slices.Equal(s.remarks, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(s.remarks, "\n"), strings.Join(want, "\n"))
	}
}

// Whatever Prometheus accepts is accepted unless it is named here; what it refuses is
// refused.
func TestOurReaderAgreesWithPrometheus(t *testing.T) {
	stricter := map[string]bool{"empty": true, "no-groups": true, "no-rules": true, "two-documents": true}
	files, err := filepath.Glob("testdata/mistakes/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, errs := parse(text)
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if (len(errs) == 0) != stricter[name] {
			t.Errorf("%s: Prometheus has %d problems with it: %v", name, len(errs), errs)
		}
	}
}
