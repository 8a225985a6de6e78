package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// storedFixture is a stored run whose verdict is fail, to be changed at will.
func storedFixture(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../reports/testdata/drain-fails")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func called(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(append([]string{"shakedown"}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

func TestOutputs(t *testing.T) {
	for _, c := range []struct {
		formats []string
		single  string
		want    []output
		wrong   string
	}{
		{nil, "", nil, ""},
		{[]string{"json"}, "", []output{{"json", ""}}, ""},
		{[]string{"html"}, "page.html", []output{{"html", "page.html"}}, ""},
		{[]string{"text=-", "html=a=b.html", "junit=x.xml"}, "", []output{{"text", ""}, {"html", "a=b.html"}, {"junit", "x.xml"}}, ""},
		{[]string{"text", "json=-"}, "", nil, "standard output has the text already"},
		{[]string{"html=x", "junit=x"}, "", nil, "another format goes to x"},
		{[]string{"html=x", "junit=./x"}, "", nil, "another format goes to ./x"},
		{[]string{"html="}, "", nil, "no file behind the ="},
		{[]string{"pdf"}, "", nil, `no report format "pdf"`},
		{nil, "x", nil, "--output wants a --format"},
		{[]string{"html", "text"}, "x", nil, "--output is the file of one --format"},
		{[]string{"html=y"}, "x", nil, "--output is the file of one --format"},
	} {
		have, err := outputsOf(c.formats, c.single)
		var usage usageError
		switch {
		case c.wrong == "" && (err != nil || !slices.Equal(have, c.want)):
			t.Errorf("%q: %v, %v", c.formats, have, err)
		case c.wrong != "" && (!errors.As(err, &usage) || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%q: %v, want %q", c.formats, err, c.wrong)
		}
	}
}

func TestReportWritesSeveralFormatsAtOnce(t *testing.T) {
	dir := storedFixture(t)
	page, junit := filepath.Join(t.TempDir(), "page.html"), filepath.Join(t.TempDir(), "x.xml")
	code, stdout, stderr := called(t, "report", dir, "--format", "json", "--format", "html="+page, "--format", "junit="+junit)
	if code != 0 || !json.Valid([]byte(stdout)) {
		t.Fatalf("%d, %.200s\n%s", code, stdout, stderr)
	}
	for file, want := range map[string]string{page: "<html", junit: "<testsuites"} {
		if b, err := os.ReadFile(file); err != nil || !bytes.Contains(b, []byte(want)) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "report.html")); err == nil {
		t.Error("the run directory was written to, which nobody asked for")
	}
	if code, _, stderr := called(t, "report", dir, "--format", "html="+filepath.Join(dir, "no", "page.html")); code != 1 || !strings.Contains(stderr, "write the report as html") {
		t.Errorf("a file that cannot be written: %d, %s", code, stderr)
	}
}

// What --fail-on lets through is an inconclusive verdict, and nothing else.
func TestFailOn(t *testing.T) {
	failing, cut := storedFixture(t), storedFixture(t)
	b, err := os.ReadFile(filepath.Join(cut, "journal.ndjson"))
	if err == nil {
		err = os.WriteFile(filepath.Join(cut, "journal.ndjson"), b[:len(b)/2], 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir, failOn string
		code        int
		told        string
	}{
		{failing, "", 99, ""}, {failing, "fail", 99, ""}, {failing, "inconclusive", 99, ""},
		{cut, "", 3, ""}, {cut, "inconclusive", 3, ""}, {cut, "fail", 0, "INCONCLUSIVE"},
		{cut, "never", 2, "choose fail or inconclusive"},
		{filepath.Join(cut, "nowhere"), "fail", 1, "there is no run"},
	} {
		args := []string{"check", c.dir}
		if c.failOn != "" {
			args = append(args, "--fail-on", c.failOn)
		}
		if code, _, stderr := called(t, args...); code != c.code || !strings.Contains(stderr, c.told) {
			t.Errorf("%q: exit code %d, want %d with %q\n%s", args, code, c.code, c.told, stderr)
		}
	}
	if code := exitCode(errors.Join(toleratedError{}, errors.New("the disk is full"))); code == 0 {
		t.Error("an error beside a tolerated verdict was let through")
	}
}

// A stored run that was changed since is judged, and is no pass.
func TestCheckNamesChangedFiles(t *testing.T) {
	dir := storedFixture(t)
	seal := `{"format":1,"files":{"journal.ndjson":{"bytes":1,"sha256":"00"}}}`
	if err := os.WriteFile(filepath.Join(dir, "seal.json"), []byte(seal), 0o644); err != nil {
		t.Fatal(err)
	}
	_, stdout, stderr := called(t, "check", dir)
	if text := strings.Join(strings.Fields(stdout), " "); !strings.Contains(text, "run/files") || !strings.Contains(text, "journal.ndjson is not as the run left it") {
		t.Errorf("%s\n%s", stdout, stderr)
	}
}

// A step summary grows, never beyond what is shown, and never fails anything.
func TestStepSummary(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary.md")
	give := func(text string) func(int) ([]byte, error) {
		return func(room int) ([]byte, error) { return []byte(text)[:min(room, len(text))], nil }
	}
	for _, text := range []string{"first", "second"} {
		if err := appendSummary(file, give(text)); err != nil {
			t.Fatal(err)
		}
	}
	if b, _ := os.ReadFile(file); string(b) != "first\nsecond" {
		t.Errorf("%q", b)
	}
	if err := appendSummary(file, give(strings.Repeat("x", 2*stepSummaryLimit))); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() > stepSummaryLimit || info.Size() < stepSummaryLimit-1 {
		t.Errorf("%v, %v", info.Size(), err)
	}
	if err := appendSummary(file, give("more")); err == nil || !strings.Contains(err.Error(), "the most that is shown") {
		t.Errorf("a full summary: %v", err)
	}
	if err := appendSummary(t.TempDir(), give("x")); err == nil {
		t.Error("a directory was written to")
	}
}

func TestReferenceCommands(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"checks"}, 0, "drain"},
		{[]string{"checks", "drain"}, 0, "D1-in-flight"},
		{[]string{"checks", "drain", "--json"}, 0, `"kind": "drain"`},
		{[]string{"checks", "wishes"}, 2, `no kind of check "wishes"`},
		{[]string{"checks", "../faults/kill"}, 2, "no kind of check"},
		{[]string{"schema", "--report"}, 0, `"shakedown report"`},
		{[]string{"schema", "--compare"}, 0, `"shakedown comparison"`},
		{[]string{"schema", "--compare", "--report"}, 2, "choose one"},
		{[]string{"run", "x", "--deadline", "-1s"}, 2, "--deadline -1s"},
		{[]string{"run", "x", "--fail-on", "sometimes"}, 2, "choose fail or inconclusive"},
		{[]string{"plan", "scale-under-load"}, 0, "is ended, with a report"},
	} {
		code, stdout, stderr := called(t, c.args...)
		if code != c.code || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%q: exit code %d, want %d with %q\n%.400s\n%s", c.args, code, c.code, c.want, stdout, stderr)
		}
	}
}

// A plan that cannot be read is made up for by a scenario, and no check passes for that.
func TestCheckWithoutAPlan(t *testing.T) {
	dir := storedFixture(t)
	if err := os.WriteFile(filepath.Join(dir, "run.json"), []byte(`{"run":`), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := called(t, "check", dir); code != 1 || !strings.Contains(stderr, "--scenario") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	code, stdout, stderr := called(t, "check", dir, "--scenario", "scale-under-load")
	if code == 0 || code == 1 || !strings.Contains(strings.Join(strings.Fields(stdout), " "), "run/files") {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
}

func TestCompareAddsToTheStepSummary(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary.md")
	t.Setenv(stepSummaryEnv, file)
	dir := storedFixture(t)
	if code, _, stderr := called(t, "compare", dir, storedFixture(t), "--json"); code != 0 && code != 3 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if b, err := os.ReadFile(file); err != nil || !strings.Contains(string(b), "|") {
		t.Errorf("%v: %q", err, b)
	}
	t.Setenv(stepSummaryEnv, t.TempDir())
	if code, _, stderr := called(t, "compare", dir, storedFixture(t), "--json"); code != 0 && code != 3 || !strings.Contains(stderr, "nothing was added to the step summary") {
		t.Errorf("a summary that cannot be written: exit code %d\n%s", code, stderr)
	}
}
