package docs

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/shakedown-dev/shakedown/chaos/engine"
	"github.com/shakedown-dev/shakedown/harness/proof"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var update = flag.Bool("update", false, "write the pages anew")

// The pages are what the code says; go generate makes them.
func TestPagesAreFresh(t *testing.T) {
	made := generate(t)
	for name, want := range made {
		if *update {
			must(t, os.WriteFile(name, []byte(want), 0o644))
		}
		have, err := os.ReadFile(name)
		if err != nil || string(have) != want {
			t.Errorf("%s is not what the code says (%v); run go generate ./scenarios/docs", name, err)
		}
	}
	for _, pattern := range []string{"checks/*.md", "faults/*.md"} {
		files, err := filepath.Glob(pattern)
		must(t, err)
		for _, file := range files {
			if _, ok := made[file]; !ok {
				t.Errorf("%s is about nothing that there is; remove it", file)
			}
		}
	}
}

// Every kind has all that a reader looks for; what the code does not say is a gap here.
func TestPagesSayEverything(t *testing.T) {
	for name, page := range generate(t) {
		wanted := []string{"## Fields", "## Example", "```yaml"}
		switch filepath.Dir(name) {
		case "checks":
			wanted = append(wanted, "## Findings")
		case "faults":
			wanted = append(wanted, "## What it needs", "evidence")
		default:
			continue
		}
		for _, want := range wanted {
			if !strings.Contains(page, want) {
				t.Errorf("%s has no %q", name, want)
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// generate is every page by its file.
func generate(t *testing.T) map[string]string {
	t.Helper()
	var language schema
	must(t, json.Unmarshal(scenarios.Schema(), &language))
	examples := readExamples(t)
	found := readFindings(t)
	made := map[string]string{}
	var checks, faults []string
	for _, kind := range slices.Sorted(maps.Keys(language.Definitions["Check"].Properties)) {
		page := checkPage(language, kind, found[kind], examples["checks"][kind])
		made["checks/"+kind+".md"] = page
		checks = append(checks, fmt.Sprintf("- [%s](checks/%s.md): %s", kind, kind, Summary(page)))
	}
	for _, kind := range engine.Catalogue() {
		page := faultPage(language, kind, examples["faults"][kind.Name])
		made["faults/"+kind.Name+".md"] = page
		faults = append(faults, fmt.Sprintf("- [%s](faults/%s.md): %s", kind.Name, kind.Name, Summary(page)))
	}
	made["README.md"] = "# Reference\n\n" + generated +
		"The keys of a whole scenario: [REFERENCE.md](../REFERENCE.md). In continuous integration: [ci.md](ci.md).\n\n" +
		"## Checks\n\n" + strings.Join(checks, "\n") + "\n\n## Faults\n\n" + strings.Join(faults, "\n") + "\n\n" +
		"### Keys that all faults share\n\n" + strings.Join(sharedFields(language), "\n") + "\n"
	return made
}

const generated = "<!-- Generated from the code by go generate ./scenarios/docs; edit the comments there. -->\n\n"

func checkPage(language schema, kind string, found []finding, example string) string {
	definition := language.named(language.Definitions["Check"].Properties[kind])
	var b strings.Builder
	fmt.Fprintf(&b, "# Check %s\n\n%s\n\n", kind, withoutName(definition.Description))
	b.WriteString("## Fields\n\n" + strings.Join(language.fields(definition, "", nil), "\n") + "\n\n")
	if len(found) > 0 {
		b.WriteString("## Findings\n\nAn id may have the service, the journey or a name in it. Wanted and measured are from runs that the tests of the check judge.\n")
		for _, f := range found {
			fmt.Fprintf(&b, "\n- `%s`: %s", f.id, f.wanted)
			if f.reason != "" {
				fmt.Fprintf(&b, "\n  - seen to fail: %s", f.reason)
			}
			if f.evidence != "" {
				fmt.Fprintf(&b, "\n  - evidence: %s", f.evidence)
			}
		}
		b.WriteString("\n\n")
	}
	if example != "" {
		b.WriteString("## Example\n\n```yaml\nchecks:\n" + example + "```\n\n")
	}
	var defects []string
	for _, row := range proof.Matrix() {
		if row.Meant.Kind == kind {
			defects = append(defects, fmt.Sprintf("- `%s`, in the scenario %s: caught by %s", row.Defect, row.Scenario, row.Meant))
		}
	}
	if len(defects) > 0 {
		b.WriteString("## Defects that it catches\n\n`shakedown defects` breaks the reference stack with each of them and sees this check fail.\n\n" + strings.Join(defects, "\n") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func faultPage(language schema, kind engine.Kind, example string) string {
	fault := language.Definitions["Fault"]
	key := fault.Properties[kind.Name]
	var b strings.Builder
	fmt.Fprintf(&b, "# Fault %s\n\n%s\n\n%s\n\n", kind.Name, sentence(kind.Summary), withoutName(key.Description))
	fields := language.fields(language.named(key), kind.Name+".", nil)
	if len(fields) == 0 {
		fields = []string{"It has none of its own: `" + kind.Name + ": {}`."}
	}
	b.WriteString("## Fields\n\n" + strings.Join(fields, "\n") + "\n\nWhen, for how long and to what: [keys that all faults share](../README.md#keys-that-all-faults-share).\n\n")
	needs := make([]string, len(kind.Needs))
	for i, need := range kind.Needs {
		needs[i] = string(need)
	}
	fmt.Fprintf(&b, "## What it needs\n\n- group: %s\n- needs: %s\n- done by, best first: %s\n- taken back by: %s\n- evidence that it took effect: %s\n\n", kind.Group,
		orNone(needs), strings.Join(kind.Backends, ", "), kind.Revert, kind.Evidence)
	b.WriteString("`shakedown faults " + kind.Name + "` tells what of it this machine can do.\n\n")
	if example != "" {
		b.WriteString("## Example\n\n```yaml\nfaults:\n" + example + "```\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// sharedFields are the keys of a fault that are no kind.
func sharedFields(language schema) []string {
	fault := language.Definitions["Fault"]
	shared := *fault
	shared.Properties = maps.Clone(fault.Properties)
	for _, kind := range engine.Catalogue() {
		delete(shared.Properties, kind.Name)
	}
	return language.fields(&shared, "", nil)
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

// sentence is a text with a capital and a full stop.
func sentence(text string) string {
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}

// withoutName is a comment without the name of what it is about: "DrainCheck asserts
// that ..." becomes "Asserts that ...".
func withoutName(comment string) string {
	_, rest, found := strings.Cut(comment, " ")
	if !found {
		return comment
	}
	return sentence(strings.TrimPrefix(rest, "is "))
}

// A finding is one rule of a check as recorded runs show it.
type finding struct{ id, wanted, reason, evidence string }

var rule = regexp.MustCompile(`^[A-Z][0-9]-`)

// mostNamed is how many findings are shown of a check that names them after what the
// scenario names.
const mostNamed = 6

// readFindings collects what the checks said in the recorded runs of their tests, by kind.
func readFindings(t *testing.T) map[string][]finding {
	files, err := filepath.Glob("../../harness/verify/testdata/*.txtar")
	must(t, err)
	slices.SortStableFunc(files, func(a, b string) int { return strings.Count(a, "control") - strings.Count(b, "control") }) // spoiled runs last
	seen := map[string]map[string]*finding{}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		must(t, err)
		for _, part := range archive.Files {
			if part.Name != "verdict.json" {
				continue
			}
			var result verify.Result
			must(t, json.Unmarshal(part.Data, &result))
			for _, f := range result.Checks {
				note(seen, f)
			}
		}
	}
	found := map[string][]finding{}
	for kind, rules := range seen {
		named := 0
		for _, name := range slices.Sorted(maps.Keys(rules)) {
			if !rule.MatchString(name) {
				if named++; named > mostNamed {
					continue
				}
			}
			found[kind] = append(found[kind], *rules[name])
		}
	}
	return found
}

// note keeps the first finding of a rule, and the first that failed.
func note(seen map[string]map[string]*finding, f verify.Finding) {
	if strings.HasSuffix(f.ID, "/crashed") {
		return
	}
	name, _, _ := strings.Cut(f.ID[strings.LastIndex(f.ID, "/")+1:], "#")
	if seen[f.Kind] == nil {
		seen[f.Kind] = map[string]*finding{}
	}
	of := seen[f.Kind][name]
	if of == nil {
		id, _, _ := strings.Cut(f.ID, "#")
		of = &finding{id: id, wanted: f.Wanted}
		seen[f.Kind][name] = of
	}
	if f.Verdict == verify.Fail && of.reason == "" {
		of.id, _, _ = strings.Cut(f.ID, "#")
		of.wanted, of.reason = f.Wanted, f.Reason
		if len(f.Evidence) > 0 {
			of.evidence, _, _ = strings.Cut(f.Evidence[0].Text, "\n")
		}
	}
}
