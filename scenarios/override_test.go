package scenarios

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestSet(t *testing.T) {
	text := read(t, "testdata/valid/plain.yaml")
	tests := []struct {
		set  string
		got  func(Scenario) any
		want any
	}{
		{"seed=9", func(s Scenario) any { return s.Seed }, int64(9)},
		{"tempo=5x", func(s Scenario) any { return s.Tempo }, Factor(5)},
		{"summary=", func(s Scenario) any { return s.Summary }, ""}, // taken away
		{"traffic.phases[1].for=1m", func(s Scenario) any { return s.Traffic.Phases[1].For }, Duration(time.Minute)},
		{"traffic.phases[surge].for=1m", func(s Scenario) any { return s.Traffic.Phases[1].For }, Duration(time.Minute)},
		{"traffic.cohorts[shoppers].arrivals[steady].constant=7/s", func(s Scenario) any { return s.Traffic.Cohorts[0].Arrivals[0].Constant }, Rate(7)},
		{"traffic.cohorts[shoppers].arrivals={constant: 7/s}", func(s Scenario) any { return s.Traffic.Cohorts[0].Arrivals[0].Constant }, Rate(7)},
		{"stack.services.api.ready.period=1s", func(s Scenario) any { return *s.Stack.Services["api"].Ready }, Probe{Path: "/readyz", Period: Duration(time.Second)}},
		{"stack.services[web].port=80", func(s Scenario) any { return s.Stack.Services["web"].Port }, 80},
		{"stack.services.api.drain=", func(s Scenario) any { return s.Stack.Services["api"].Drain == nil }, true},
		{"traffic.journeys.shop[sign-in].json.deep.er=[1, x]", func(s Scenario) any { return s.Traffic.Journeys["shop"][0].JSON.(map[string]any)["deep"] }, map[string]any{"er": []any{uint64(1), "x"}}},
		{"traffic.journeys.shop[0].expect.status=202", func(s Scenario) any { return s.Traffic.Journeys["shop"][0].Expect.Status }, []int{202}},
		{"traffic.journeys.shop[0].extract.token.json=$.t", func(s Scenario) any { return s.Traffic.Journeys["shop"][0].Extract["token"].JSON }, "$.t"},
		{"checks[slo].slo.p99=2s", func(s Scenario) any { return *s.Checks[0].SLO.P99 }, Duration(2 * time.Second)},
		{"actions[0].scale.to=5", func(s Scenario) any { return s.Actions[0].Scale.To }, 5},
		{"name=a=b", func(s Scenario) any { return s.Name }, "a=b"}, // only the first = divides
	}
	for _, tt := range tests {
		d, _ := Parse("s.yaml", text, Options{Set: []string{tt.set}})
		if got := tt.got(d.Scenario); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %v, want %v (%v)", tt.set, got, tt.want, d.problems)
		}
	}
}

func TestSetGoesThroughAShapeWithoutList(t *testing.T) {
	text := read(t, "testdata/valid/least.yaml")
	for _, path := range []string{"traffic.cohorts[users].arrivals.constant", "traffic.cohorts[0].arrivals[0].constant"} {
		d, problems := Parse("s.yaml", text, Options{Set: []string{path + "=9/s"}})
		if len(problems) > 0 || d.Scenario.Traffic.Cohorts[0].Arrivals[0].Constant != 9 {
			t.Errorf("%s: got %v, %v", path, d.Scenario.Traffic.Cohorts[0].Arrivals, problems)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	text := read(t, "testdata/valid/plain.yaml")
	tests := []struct{ set, message, suggestion string }{
		{"seed", "there is no =", "--set path=value"},
		{"=1", "there is no path", "--set path=value"},
		{"a..b=1", "empty part", "--set path=value"},
		{"a[0=1", "not closed", "--set path=value"},
		{"sead=1", `unknown field "sead"`, `did you mean "seed"?`},
		{"traffic.fases[0].for=1s", `unknown field "fases"`, `did you mean "phases"?`},
		{"traffic.phases[sturdy].for=1s", `has no item "sturdy"`, `did you mean "steady"?`},
		{"traffic.phases[2].for=1s", `has no item "2"`, "steady and surge"},
		{"traffic.phases[0]=", "cannot be taken out", "whole list"},
		{"seed.more=1", "has nothing inside", ""},
		{"seed=abc", `"abc" is not a whole number`, ""},
		{"traffic.phases[0].for=10", "10 has no unit", "write 10s"},
		{"stack.services.api.replicas=-1", "-1 is out of range", ""},
		{"name=", `"name" is missing`, ""},
		{"seed=[1", "not valid YAML", "quote"},
		{"seed=*x", "no anchor", ""},
		{"checks={}", "a mapping is not a list", ""},
	}
	for _, tt := range tests {
		_, problems := Parse("s.yaml", text, Options{Set: []string{tt.set}})
		if len(problems) != 1 {
			t.Errorf("%s: got %d problems:\n%v", tt.set, len(problems), problems)
			continue
		}
		p := problems[0]
		if !strings.Contains(p.Message, tt.message) || !strings.Contains(p.Suggestion, tt.suggestion) {
			t.Errorf("%s: got %s", tt.set, p)
		}
		if tt.set != "name=" && (p.File != "--set "+tt.set || p.Line != 0) {
			t.Errorf("%s: points to %s:%d", tt.set, p.File, p.Line)
		}
	}
}

// A value that is right by itself and wrong in its place is blamed on the flag.
func TestCrossChecksBlameTheFlag(t *testing.T) {
	set := "actions[0].scale.service=apo"
	_, problems := all("s.yaml", read(t, "testdata/valid/plain.yaml"), Options{Set: []string{set}})
	if len(problems) != 1 || problems[0].File != "--set "+set || problems[0].Suggestion != `did you mean "api"?` {
		t.Errorf("got %v", problems)
	}
}

// The source after overrides is a scenario that says the same.
func TestSourceAfterOverridesReadsTheSame(t *testing.T) {
	for _, file := range append(files(t, "testdata/valid/*.yaml"), files(t, "library/*.yaml")...) {
		d, problems := Parse(file, read(t, file), Options{Set: []string{"seed=99"}})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		again, problems := Parse(file, d.Source, Options{})
		if len(problems) > 0 {
			t.Fatalf("%v\n%s", problems, d.Source)
		}
		if !reflect.DeepEqual(d.Scenario, again.Scenario) {
			t.Errorf("%s: got %+v\nwant %+v", file, again.Scenario, d.Scenario)
		}
	}
}

// Text survives overrides to the last line break.
func TestSourceAfterOverridesKeepsText(t *testing.T) {
	for _, text := range []string{"\n", "\n\n", "a\n", "\na", "a\n\nb\n\n", " a\n b", "a\r\nb", "\t\n", "# a\n", "<b>&\n\x7f\u2028ä", "'\"\\\n"} {
		set := "traffic.journeys.ping[ping].body=" + toText(text)
		d, problems := Parse("s.yaml", read(t, "testdata/valid/least.yaml"), Options{Set: []string{set}})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		again, problems := Parse("s.yaml", d.Source, Options{})
		if len(problems) > 0 || d.Scenario.Traffic.Journeys["ping"][0].Body != text || again.Scenario.Traffic.Journeys["ping"][0].Body != text {
			t.Errorf("%q became %q, %v\n%s", text, again.Scenario.Traffic.Journeys["ping"][0].Body, problems, d.Source)
		}
	}
}

// Overriding one place of an anchored value leaves the other as it was.
func TestSetLeavesAliasesAlone(t *testing.T) {
	d, problems := Parse("s.yaml", read(t, "testdata/valid/anchors.yaml"), Options{Set: []string{
		"traffic.cohorts[b].arrivals.constant=9/s", "stack.services.web.ready.period=3s",
	}})
	s := d.Scenario
	if len(problems) > 0 || s.Traffic.Cohorts[0].Arrivals[0].Constant != 5 || s.Traffic.Cohorts[1].Arrivals[0].Constant != 9 ||
		s.Stack.Services["api"].Ready.Period != Duration(time.Second) || s.Stack.Services["web"].Ready.Period != Duration(3*time.Second) {
		t.Errorf("got %+v, %v", s, problems)
	}
}
