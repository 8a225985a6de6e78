package scenarios

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// sections are types that stand in several places, or inside of themselves:
// the reference explains them once, under a path of their own.
var sections = map[reflect.Type]string{
	reflect.TypeFor[Arrival]():     "arrivals[]",
	reflect.TypeFor[JourneyStep](): "step",
	reflect.TypeFor[Expect]():      "expect",
	reflect.TypeFor[Size]():        "size",
	reflect.TypeFor[Think]():       "think",

	reflect.TypeFor[LatencyFault]():   "latency",
	reflect.TypeFor[RateLimitFault](): "rate_limit",
	reflect.TypeFor[DatabaseAccess](): "access",
	reflect.TypeFor[Objectives]():     "objectives",
}

// paths lists the path of every key below a type, as the reference writes it,
// but for those of sections.
func paths(t reflect.Type, path string) []string {
	switch {
	case isQuantity(t), sections[t] != "" && sections[t] != path:
		return nil
	case t.Kind() == reflect.Pointer:
		return paths(t.Elem(), path)
	case t.Kind() == reflect.Slice:
		return paths(t.Elem(), path+"[]")
	case t.Kind() == reflect.Map:
		return paths(t.Elem(), path+".<name>")
	case t.Kind() != reflect.Struct:
		return nil
	}
	var all []string
	names, fields := yamlFields(t)
	for i, name := range names {
		here := strings.TrimPrefix(path+"."+name, ".")
		all = append(all, here)
		all = append(all, paths(fields[i].Type, here)...)
	}
	return all
}

// The reference explains every key of the language, and no other.
func TestReferenceIsComplete(t *testing.T) {
	text := string(read(t, "REFERENCE.md"))
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z][^` ]*)` \\|").FindAllStringSubmatch(text, -1) {
		documented[m[1]] = true
	}
	known := paths(reflect.TypeFor[Scenario](), "")
	for t, path := range sections {
		known = append(known, paths(t, path)...)
	}
	for _, path := range known {
		if !documented[path] {
			t.Errorf("REFERENCE.md has no row for `%s`", path)
		}
		delete(documented, path)
	}
	for path := range documented {
		t.Errorf("REFERENCE.md explains `%s`, which is no key", path)
	}
}

// The defaults that the reference names are those of the plan.
func TestReferenceNamesTheDefaults(t *testing.T) {
	text := string(read(t, "REFERENCE.md"))
	for key, want := range map[string]any{
		"ready.period": defaultPeriod, "ready.timeout": defaultTimeout, "ready.success": defaultSuccess, "ready.failure": defaultFailure,
		"drain.grace": defaultGrace, "traffic.timeout": defaultRequest, "exit_within": defaultExitWithin, "time_to_ready": defaultTimeToReady,
		"`seed": defaultSeed, "connections.max": defaultConnections, "poll.every": defaultEvery, "poll.within": defaultWithin, "replay.malformed": defaultMalformed,
		"max_surge": defaultSurge, "max_unavailable": defaultSurge, "rolling_release.deadline": defaultDeadline, "blue_green.deadline": defaultDeadline,
		"replace_all.deadline": defaultDeadline, "job.within": defaultJob, "integrity.read.within": defaultTruth, "work.read.within": defaultTruth,
		"interrupt.notice": defaultNotice, "autoscale.min": defaultMin, "autoscale.max": defaultMax, "autoscale.every": defaultLook, "autoscale.resolution": defaultLook,
		"target_tracking.cooldown": defaultCooldown, "step.cooldown": defaultCooldown, "queue.cooldown": defaultCooldown, "step.periods": defaultPeriods,
		"metrics.<name>.every": defaultMeasure, "exposition.path": defaultPage, "exposition.combine": defaultCombine, "prescale.policy": ProactivePolicy,
		"prescale.hold": defaultHold, "prescale.budget": defaultBudget, "prescale.beyond": defaultBeyond, "prescale.queue_for": defaultQueueFor,
		"prescale.above": defaultAbove, "prescale.every": defaultLook, "prescale.instances": defaultInstances, "scaling.reversals": defaultReversals,
		"prescale.completed": defaultCompleted, "returned_within": defaultReturned, "queue.work.read.within": defaultTruth,
		"rolling_release.version": "v2", "restart.instance": oldestInstance, "stop.instance": oldestInstance, "integrity.want": wantOnce,
		"crash_loop.every": defaultLife, "dns.delay": defaultSlow, "rate_limit.retry_after": defaultRetryAfter, "http_errors.statuses": defaultError,
		"slow_queries.concurrency": defaultQueries, "reclaim.notice": defaultNotice, "zone_loss.as": zoneKill, "partition.direction": BothWays, "brownout.peak": Factor(1),
		"`stop[].for": defaultStopFor, "steady_state.settle": defaultSettle, "stampede.settle": defaultStampede, "backoff.jitter": defaultJitter,
		"`metrics.every": defaultScrape, "scrape.<name>.path": defaultPage, "metrics.max_series": defaultMaxSeries, "metrics.rule_tempo": writtenTempo,
		"slos[].window": defaultBudgetWindow, "alert.within": defaultAlertWithin, "alert_coverage.within": defaultAlertWithin, "alert_coverage.for": defaultBreach,
		"alert.silent": baselinePhase, "threshold.for": defaultThresholdFor, "threshold.fail_on": failOnCritical, "promql.step": defaultQueryStep,
		"error_budget.spend": defaultSpend, "error_budget.burn": defaultBurn,
		"key_header": DefaultKeyHeader, "routes[].status": defaultStatus, "routes[].effect_of": defaultEffectOf,
	} {
		value := strings.Trim(strings.Join(strings.Fields(toText(want)), ""), `"`)
		row := regexp.MustCompile("(?m)^\\| .*" + regexp.QuoteMeta(key) + "` \\|[^|]*\\|[^|]*`" + regexp.QuoteMeta(value) + "`")
		if !row.MatchString(text) {
			t.Errorf("REFERENCE.md does not say that %s is %s by default", key, value)
		}
	}
}

func toText(value any) string { return renderJSON(value) }

// Every example of the reference that is a whole scenario is right, and the
// parts are when they are put together.
func TestReferenceExamples(t *testing.T) {
	text := read(t, "REFERENCE.md")
	var parts []byte
	whole := 0
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1) {
		switch {
		case bytes.HasPrefix(m[1], []byte("name:")):
			whole++
			if _, problems := all("REFERENCE.md", m[1], Options{}); len(problems) > 0 {
				t.Error(problems)
			}
		case !bytes.HasPrefix(m[1], []byte("#")):
			parts = append(parts, m[1]...)
		}
	}
	if whole == 0 {
		t.Error("there is no whole scenario in it")
	}
	if _, problems := all("REFERENCE.md", append([]byte("name: parts\n"), parts...), Options{}); len(problems) > 0 {
		t.Error(problems)
	}
	mistake, err := os.ReadFile(filepath.Join("testdata", "mistakes", "three-mistakes.txt"))
	first, _, _ := bytes.Cut(mistake, []byte("\n\n"))
	if err != nil || !bytes.Contains(text, first) {
		t.Errorf("the report in it is not what the code says (%v):\n%s", err, first)
	}
}

// Examples that show a part have only keys that it can have, in the right form.
func TestReferenceParts(t *testing.T) {
	types := map[string]reflect.Type{
		"arrivals": reflect.TypeFor[Arrivals](), "cohorts": reflect.TypeFor[[]Cohort](),
		"journeys": reflect.TypeFor[map[string]Journey](), "traffic": reflect.TypeFor[Traffic](),
		"actions": reflect.TypeFor[[]Action](), "checks": reflect.TypeFor[[]Check](),
		"metrics": reflect.TypeFor[Metrics](), "slos": reflect.TypeFor[[]SLO](), "stop": reflect.TypeFor[[]StopCondition](),
		"faults": reflect.TypeFor[[]Fault](), "stack": reflect.TypeFor[Stack](), "variants": reflect.TypeFor[map[string]Variant](),
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile("(?s)```yaml\n(#.*?)```").FindAllSubmatch(read(t, "REFERENCE.md"), -1) {
		src := newSource("REFERENCE.md", m[1])
		documents, problem := readYAML(src, m[1])
		if problem != nil {
			if problem.Message != "the file is empty" { // the modeline is only a comment
				t.Error(problem)
			}
			continue
		}
		c := newConverter(src)
		for _, f := range c.convert(documents[0], "").fields {
			seen[f.name] = true
			d := &decoder{src: src, problems: c.problems}
			d.decode(f.value, reflect.New(types[f.name]).Elem(), f.name, rules{})
			for _, p := range d.problems {
				if p.Path != "traffic" || !strings.HasSuffix(p.Message, "is missing") {
					t.Error(p)
				}
			}
		}
	}
	if len(seen) != len(types) {
		t.Errorf("examples of %v", seen)
	}
}
