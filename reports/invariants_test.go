package reports

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/race"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// poison is what every text of a hostile run holds.
const poison = "<script>alert(1)</script>\"'`|${x}</style>\x1b[31m\x00\u202e\n| --> ]]> @all"

// poisoned puts poison into every string of a value, keeping what makes a
// verdict or a reference between texts.
func poisoned(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			poisoned(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() && f.Type() != reflect.TypeFor[verify.Verdict]() {
				poisoned(f)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			poisoned(v.Index(i))
		}
	case reflect.String:
		v.SetString(v.String() + poison)
	default:
	}
}

// hostileRun is the failing run with poison in every text.
func hostileRun() Run { return hostile(failingRun()) }

// hostileScalingRun is the same of one in which everything is scaled.
func hostileScalingRun() Run { return hostile(scalingRun()) }

func hostile(run Run) Run {
	for i, e := range run.Record.Events {
		body := reflect.New(reflect.TypeOf(e.Body))
		body.Elem().Set(reflect.ValueOf(e.Body))
		poisoned(body)
		run.Record.Events[i].Body = body.Elem().Interface().(journal.Body)
	}
	poisoned(reflect.ValueOf(&run.Record.Latency))
	poisoned(reflect.ValueOf(&run.Result))
	run.Intent.Plan.Scenario += poison
	run.Intent.Plan.Summary += poison
	run.Intent.Notes = []string{poison}
	run.Intent.Plan.Load = []scenarios.PlannedLoad{{Cohort: poison, Journey: poison, Closed: []scenarios.PlannedClosed{{Phase: poison, Sessions: 5}}}}
	run.Record.Events = append(run.Record.Events, journal.Event{T: second, Body: journal.Generator{For: second, Exhausted: map[string]int{poison: 900}}},
		journal.Event{T: second, Body: journal.Replayed{File: poison, Skipped: map[string]int{poison: 3}}})
	run.Intent.Command = []string{"shakedown", "run", poison}
	run.Intent.Machine.Kernel = poison
	run.Record.Problems = []string{poison}
	run.Dir += poison
	return run
}

// cutOff is a run whose record stops after n events.
func cutOff(run Run, n int) Run {
	record := *run.Record
	record.Events = record.Events[:min(n, len(record.Events))]
	record.Problems = []string{"journal.ndjson:7: the last line is cut off"}
	run.Record = &record
	return run
}

func TestEveryFindingIsInEveryFormat(t *testing.T) {
	run := failingRun()
	for _, f := range formats() {
		text := render(t, run, f.render)
		for _, finding := range run.Result.Checks {
			if !strings.Contains(text, finding.ID) {
				t.Errorf("%s does not name %s", f.name, finding.ID)
			}
			if finding.Verdict == verify.Pass {
				continue
			}
			words := strings.Join(strings.Fields(text), " ")
			if start := strings.Join(strings.Fields(finding.Reason)[:4], " "); !strings.Contains(words, start) {
				t.Errorf("%s does not say why %s: %q", f.name, finding.ID, start)
			}
		}
	}
}

// TestNothingPanics renders runs that have little or nothing to show.
func TestNothingPanics(t *testing.T) {
	runs := map[string]Run{
		"zero":          {},
		"no record":     {Intent: intent(), Result: verify.Result{Verdict: verify.Inconclusive}},
		"empty record":  {Record: &journal.Record{}},
		"only request":  {Record: &journal.Record{Events: []journal.Event{{T: 5, Body: journal.Request{Service: "api", Instance: "api-1", Failure: journal.Reset}}}}},
		"only traffic":  {Record: &journal.Record{Events: []journal.Event{{T: second, Body: journal.Traffic{Step: "a", For: second, OK: 3, P50: 1, P95: 1, P99: 1}}}}},
		"negative time": {Record: &journal.Record{Events: []journal.Event{{T: -5 * second, Body: journal.InstanceStarted{Service: "a", Instance: "a-1"}}}}},
		"unknown event": {Record: &journal.Record{Events: []journal.Event{{T: 1, Body: journal.Unknown{Type: "later"}}}}},
		"no histogram":  {Record: &journal.Record{Latency: []journal.Interval{{Tag: journal.Tag{Step: "a", Measure: journal.Response}}}}},
		"hostile":       hostileRun(),
		"hostile scale": hostileScalingRun(),
	}
	whole := failingRun()
	whole.Record.Latency = whole.Record.Latency[:2]
	scaled, broken := scalingRun(), faultsRun()
	scaled.Record.Latency = scaled.Record.Latency[:2]
	quarters := 5 // of the length before
	if race.On {
		quarters = 9
	}
	for n := 1; n < 600; n = n*quarters/4 + 1 {
		runs[fmt.Sprintf("cut off after %d", n)] = cutOff(whole, n)
		runs[fmt.Sprintf("scaling cut off after %d", n)] = cutOff(scaled, n)
		runs[fmt.Sprintf("faults cut off after %d", n)] = cutOff(broken, n)
	}
	for name, run := range runs {
		for _, f := range formats() {
			if text := render(t, run, f.render); text == "" {
				t.Errorf("%s of %q is empty", f.name, name)
			}
		}
	}
}

func TestCutOffRunSaysSo(t *testing.T) {
	run := cutOff(failingRun(), 40)
	for _, f := range formats() {
		text := strings.Join(strings.Fields(render(t, run, f.render)), " ")
		if !strings.Contains(text, "record stops before the end of the run") {
			t.Errorf("%s does not say that the record was cut off", f.name)
		}
	}
}

func TestRenderingIsDeterministic(t *testing.T) {
	for _, f := range formats() {
		run := failingRun()
		first := render(t, run, f.render)
		for range 2 {
			if render(t, failingRun(), f.render) != first {
				t.Fatalf("%s differs between two renderings", f.name)
			}
		}
	}
}

func TestJUnitIsWellFormed(t *testing.T) {
	for name, run := range map[string]Run{"failing": failingRun(), "hostile": hostileRun(), "hostile scaling": hostileScalingRun(), "zero": {}} {
		text := render(t, run, JUnit)
		d := xml.NewDecoder(strings.NewReader(text))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for _, r := range text {
			if unicode.IsControl(r) && r != '\n' {
				t.Fatalf("%s: control character %U", name, r)
			}
		}
	}
}

func TestJUnitTurnsRed(t *testing.T) {
	complete := failingRun().Record
	finding := func(v verify.Verdict) []verify.Finding {
		return []verify.Finding{{ID: "slo/a", Verdict: v, Reason: "because"}}
	}
	cut := &journal.Record{Events: complete.Events[:20]}
	tests := []struct {
		name             string
		record           *journal.Record
		checks           []verify.Finding
		tests, fail, err int
	}{
		{"pass", complete, finding(verify.Pass), 1, 0, 0},
		{"fail", complete, finding(verify.Fail), 1, 1, 0},
		{"inconclusive", complete, finding(verify.Inconclusive), 1, 0, 1},
		{"a verdict of a later version", complete, finding("maybe"), 1, 0, 1},
		{"nothing judged", complete, nil, 1, 0, 1},
		{"passed but cut off", cut, finding(verify.Pass), 2, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := render(t, Run{Record: tt.record, Result: verify.Result{Checks: tt.checks}}, JUnit)
			var got junitSuites
			must(t, xml.Unmarshal([]byte(text), &got))
			if got.Tests != tt.tests || got.Failures != tt.fail || got.Errors != tt.err {
				t.Errorf("tests %d, failures %d, errors %d; want %d, %d, %d\n%s", got.Tests, got.Failures, got.Errors, tt.tests, tt.fail, tt.err, text)
			}
			for _, c := range got.Suites[0].Cases {
				for _, p := range []*junitProblem{c.Failure, c.Error} {
					if p != nil && (p.Message == "" || !strings.Contains(p.Body, p.Message)) {
						t.Errorf("message %q is not in the body %q", p.Message, p.Body)
					}
				}
			}
		})
	}
}

func TestJSONContract(t *testing.T) {
	var got map[string]json.RawMessage
	must(t, json.Unmarshal([]byte(render(t, failingRun(), JSON)), &got))
	for _, name := range []string{"version", "run", "scenario", "platform", "seed", "verdict", "ended", "checks", "totals", "caveats", "dir"} {
		if got[name] == nil {
			t.Errorf("no member %q", name)
		}
	}
	if string(got["version"]) != "1" {
		t.Errorf("version %s", got["version"])
	}
	empty := render(t, Run{}, JSON)
	if !strings.Contains(empty, `"checks": []`) {
		t.Errorf("no checks must be an empty list, not null: %s", empty)
	}
}

func TestTextStaysWithinItsWidth(t *testing.T) {
	runs := map[string]Run{"failing": failingRun(), "hostile": hostileRun(), "healthy": healthyRun(), "scaling": scalingRun(), "hostile scaling": hostileScalingRun(), "faults": faultsRun(), "hostile faults": hostile(faultsRun())}
	for name, run := range runs {
		for _, columns := range []int{40, 120, 80, 100, 200}[:race.Less(5, 2)] {
			for n, line := range strings.Split(render(t, run, atWidth(TextOptions{Width: columns, Color: true})), "\n") {
				if got := width(plain(line)); got > columns {
					t.Errorf("%s at %d: line %d is %d wide: %q", name, columns, n+1, got, line)
				}
			}
		}
	}
}

func TestTextHasNoForeignControls(t *testing.T) {
	for _, color := range []bool{false, true} {
		text := render(t, hostileRun(), atWidth(TextOptions{Color: color})) + render(t, hostileScalingRun(), atWidth(TextOptions{Color: color}))
		if color {
			text = plain(text)
		}
		for _, r := range text {
			if (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) && r != '\n' {
				t.Fatalf("color %v: control character %U in %q", color, r, text)
			}
		}
	}
}

func TestColorChangesNoText(t *testing.T) {
	run := failingRun()
	colored := render(t, run, atWidth(TextOptions{Color: true}))
	if !strings.Contains(colored, red) || plain(colored) != render(t, run, atWidth(TextOptions{})) {
		t.Error("colour must only add escape sequences")
	}
}

func TestMarkdownStaysBelowItsLimit(t *testing.T) {
	run := failingRun()
	for i := range 3000 {
		f := run.Result.Checks[3]
		f.ID = fmt.Sprintf("drain/api/D2-%d", i)
		f.Reason = strings.Repeat("a | long & `reason` ", 30)
		run.Result.Checks = append(run.Result.Checks, f)
	}
	text := render(t, run, Markdown)
	if len(text) > 1<<20 {
		t.Errorf("%d bytes", len(text))
	}
	if !strings.Contains(text, "This summary was cut") {
		t.Error("does not say that it was cut")
	}
	if opened, closed := strings.Count(text, "<details>"), strings.Count(text, "</details>"); opened != closed || opened == 0 {
		t.Errorf("%d folds opened, %d closed", opened, closed)
	}
}

// cells counts the columns of a table row as GitHub does.
func rowCells(line string) int { return strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") }

func TestMarkdownOfAHostileRun(t *testing.T) {
	text := render(t, hostileRun(), Markdown) + render(t, hostileScalingRun(), Markdown)
	for _, bad := range []string{"<script", "</style", "@all", "\x1b", "\x00"} {
		if strings.Contains(text, bad) {
			t.Errorf("holds %q", bad)
		}
	}
	columns := 0
	for line := range strings.Lines(text) {
		switch {
		case !strings.HasPrefix(line, "|"):
			columns = 0
		case columns == 0:
			columns = rowCells(line)
		case rowCells(line) != columns:
			t.Errorf("a row of %d cells in a table of %d: %s", rowCells(line), columns, line)
		}
	}
}

// void are the elements without an end tag.
var void = []string{"meta", "br", "hr", "img", "input", "link"}

var tagPattern = regexp.MustCompile(`<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[^\s=>/]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?)*)\s*(/?)>`)

// balanced checks that every element is closed in order and returns how many
// there are of each.
func balanced(t *testing.T, page string) map[string]int {
	t.Helper()
	for _, raw := range []string{"style", "script"} { // their content is no markup
		page = regexp.MustCompile(`(?s)(<`+raw+`[^>]*>).*?(</`+raw+`>)`).ReplaceAllString(page, "$1$2")
	}
	var stack []string
	seen := map[string]int{}
	rest := tagPattern.ReplaceAllStringFunc(page, func(tag string) string {
		m := tagPattern.FindStringSubmatch(tag)
		name := m[2]
		switch {
		case m[1] == "" && m[4] == "" && !slices.Contains(void, name):
			stack = append(stack, name)
			seen[name]++
		case m[1] == "":
			seen[name]++
		case len(stack) == 0 || stack[len(stack)-1] != name:
			t.Fatalf("</%s> closes %v", name, stack)
		default:
			stack = stack[:len(stack)-1]
		}
		return ""
	})
	if len(stack) > 0 {
		t.Fatalf("not closed: %v", stack)
	}
	if i := strings.IndexByte(strings.TrimPrefix(rest, "<!doctype html>"), '<'); i >= 0 {
		t.Errorf("a bare <: …%s", cut(rest[i:], 80))
	}
	return seen
}

func TestHTMLIsBalancedAndSelfContained(t *testing.T) {
	runs := map[string]Run{"failing": failingRun(), "healthy": healthyRun(), "hostile": hostileRun(), "zero": {}, "cut off": cutOff(failingRun(), 50),
		"scaling": scalingRun(), "hostile scaling": hostileScalingRun(), "faults": faultsRun(), "hostile faults": hostile(faultsRun())}
	if !race.On {
		runs["hour"] = hour()
	}
	for name, run := range runs {
		t.Run(name, func(t *testing.T) {
			page := render(t, run, HTML)
			balanced(t, page)
			for _, bad := range []string{"http:", "https:", "src=", "@import", "<link", "<img", "<iframe", "ZgotmplZ", "NaN"} {
				if strings.Contains(page, bad) {
					t.Errorf("holds %q", bad)
				}
			}
			for _, m := range regexp.MustCompile(`(?:href="|url\()([^"#)][^")]*)`).FindAllStringSubmatch(page, -1) {
				t.Errorf("refers to %q outside of the page", m[1])
			}
			if limit := map[bool]int{true: 2 << 20, false: 500 << 10}[name == "hour"]; len(page) > limit {
				t.Errorf("%d bytes, more than %d", len(page), limit)
			}
		})
	}
}

func TestHTMLOfAHostileRun(t *testing.T) {
	plain := balanced(t, render(t, failingRun(), HTML))
	for name, run := range map[string]Run{"failing": hostileRun(), "scaling": hostileScalingRun()} {
		hostile := render(t, run, HTML)
		if strings.Contains(strings.ToLower(hostile), "<script>alert") {
			t.Errorf("%s: a script of the run got into the page", name)
		}
		if got := balanced(t, hostile); got["script"] != plain["script"] || got["style"] != plain["style"] {
			t.Errorf("%s: %d scripts and %d styles, want %d and %d", name, got["script"], got["style"], plain["script"], plain["style"])
		}
	}
}

func TestHTMLLinksHaveTargets(t *testing.T) {
	for name, run := range map[string]Run{"failing": failingRun(), "hostile scaling": hostileScalingRun()} {
		t.Run(name, func(t *testing.T) { linksHaveTargets(t, render(t, run, HTML)) })
	}
}

func linksHaveTargets(t *testing.T, page string) {
	links := regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(links) < 10 {
		t.Fatalf("only %d links", len(links))
	}
	for _, m := range links {
		if !strings.Contains(page, ` id="`+m[1]+`"`) {
			t.Errorf("nothing has the id %s", m[1])
		}
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]] {
			t.Errorf("two elements have the id %s", m[1])
		}
		ids[m[1]] = true
	}
}

func TestHTMLPicturesHaveWords(t *testing.T) {
	page := render(t, failingRun(), HTML)
	pictures := regexp.MustCompile(`<svg [^>]*>`).FindAllString(page, -1)
	named := 0
	for _, p := range pictures {
		if strings.Contains(p, `aria-hidden="true"`) {
			continue
		}
		named++
		if !strings.Contains(p, `role="img"`) || !strings.Contains(p, "aria-labelledby=") {
			t.Errorf("a picture without words: %s", p)
		}
	}
	if named != 11 {
		t.Errorf("%d charts, want phases, load, response time, heat map, errors, instances of api, instances and the axis; lag, CPU and the axis of the generator", named)
	}
	for _, want := range []string{"SIGTERM at 27.00 s", "exit 137 at 33.04 s", "terminating, still in the list from 27.00 s to 27.70 s"} {
		if !strings.Contains(page, want) {
			t.Errorf("the words of the instances do not hold %q", want)
		}
	}
}

func TestReadAndWriteAll(t *testing.T) {
	run := storedRuns["drain"].read(t)
	run.Dir = t.TempDir()
	must(t, WriteAll(run))
	if _, err := Read(rundir.Dir(t.TempDir())); err == nil {
		t.Error("an empty directory was read as a run")
	}
}
