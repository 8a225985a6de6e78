package scenarios

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// prescalePlan is an importer that is larger for accounts of tier gold, of which
// twelve import something, after a minute's thought, in a check of it.
func prescalePlan(change func(*Plan, *Prescale)) *Plan {
	spec := Prescale{Policy: ProactivePolicy, Tier: "gold", Webhook: &PrescaleWebhook{Service: "api", Variable: "HOOK"}, Hold: Duration(10 * time.Minute), Budget: 10, Beyond: QueueBeyond}
	p := &Plan{
		Tempo: 1, Duration: Duration(time.Hour),
		Journeys: map[string][]PlannedStep{
			"import": {
				{Name: "open", Service: "api", Timeout: Duration(time.Second)},
				{Name: "upload", Service: "importer", Timeout: Duration(10 * time.Second), Think: &Think{Constant: Duration(time.Minute)}},
			},
			"look": {{Name: "look", Service: "web"}},
		},
		Load: []PlannedLoad{
			{Cohort: "makers", Tier: "gold", Journey: "import", Tenants: 12, Bursts: []PlannedBurst{{End: Duration(time.Minute), Sessions: 100}}},
			{Cohort: "lookers", Tier: "gold", Journey: "look", Tenants: 99, Bursts: []PlannedBurst{{End: Duration(time.Minute), Sessions: 100}}},
		},
		Checks: []Check{{Prescale: &PrescaleCheck{Service: "importer", Journey: "import", Step: "upload", Done: "upload"}}},
	}
	change(p, &spec)
	p.Services = map[string]PlannedService{"importer": {Prescale: &spec}, "api": {}, "web": {}}
	return p
}

func TestLintOfPrescaling(t *testing.T) {
	byHeader := func(s *Prescale) {
		s.Webhook, s.Header = nil, &PrescaleHeader{Service: "api", Tier: "X-Tier", Account: "X-Account"}
	}
	for name, c := range map[string]struct {
		change func(*Plan, *Prescale)
		want   string // "": no remark
	}{
		"all is well": {func(*Plan, *Prescale) {}, ""},
		"a tier that nobody has": {func(p *Plan, _ *Prescale) { p.Load[0].Tier = "silver" },
			"warning tier: importer is prescaled for tier gold, and whoever walks journey import is of tier silver: its check will have nothing to judge; give a cohort of that journey tier: gold, or change prescale.tier"},
		"somebody of another tier, too": {func(p *Plan, _ *Prescale) {
			p.Load = append(p.Load, PlannedLoad{Tier: "silver", Journey: "import", Tenants: 1})
		}, ""},
		"a tier that the application knows": {func(p *Plan, _ *Prescale) { p.Load[0].Tier = "" }, ""},
		"nobody checks it":                  {func(p *Plan, _ *Prescale) { p.Load[0].Tier, p.Checks = "silver", nil }, ""},
		"a hold that tempo makes shorter than the thought": {func(p *Plan, _ *Prescale) { p.Tempo = 10 },
			"warning hold: importer is given back 1m0s (10m0s at tempo 10x, which divides neither thinking nor work) after the last sign of an account, and step upload may take 10s, after 1m0s of thinking: it is gone before the work begins"},
		"a hold that may not last": {func(_ *Plan, s *Prescale) { s.Hold = Duration(65 * time.Second) },
			"info hold: importer is given back 1m5s after the last sign of an account, and step upload may take 10s, after 1m0s of thinking: it may be gone while the work goes on"},
		"a hold that just lasts": {func(_ *Plan, s *Prescale) { s.Hold = Duration(70 * time.Second) }, ""},
		"thinking that is drawn": {func(p *Plan, s *Prescale) {
			p.Journeys["import"][1].Think, s.Hold = &Think{Values: []Duration{1, Duration(5 * time.Minute), Duration(4 * time.Minute)}}, Duration(4*time.Minute)
		}, "warning hold: importer is given back 4m0s"},
		"thinking that is cut off": {func(p *Plan, s *Prescale) {
			p.Journeys["import"][1].Think, s.Hold = &Think{Median: Duration(time.Hour), Max: Duration(time.Second)}, Duration(11*time.Second)
		}, ""},
		"no thinking":                    {func(p *Plan, s *Prescale) { p.Journeys["import"][1].Think, s.Hold = nil, Duration(10*time.Second) }, ""},
		"use says when it is given back": {func(p *Plan, s *Prescale) { p.Tempo, s.Policy = 10, ReactivePolicy }, ""},
		"switched off":                   {func(p *Plan, s *Prescale) { p.Tempo, p.Load[0].Tier, s.Policy = 10, "silver", OffPolicy }, ""},
		"more accounts than a header can tell to wait": {func(_ *Plan, s *Prescale) { byHeader(s) },
			"warning unanswered: up to 12 accounts of tier gold come to api, and the budget is 10: whoever is beyond it is made to wait without a word, because a header can be seen, but not answered, and so P5 fails when they are there at a time; tell of sessions by webhook"},
		"or can refuse":                {func(_ *Plan, s *Prescale) { byHeader(s); s.Beyond = RejectBeyond }, "warning unanswered: up to 12 accounts of tier gold come to api, and the budget is 10: whoever is beyond it is refused without a word"},
		"and nobody checks":            {func(p *Plan, s *Prescale) { byHeader(s); p.Checks = nil }, "info unanswered: up to 12 accounts"},
		"a budget for all":             {func(_ *Plan, s *Prescale) { byHeader(s); s.Budget = 12 }, ""},
		"fewer sessions than accounts": {func(p *Plan, s *Prescale) { byHeader(s); p.Load[0].Bursts[0].Sessions = 5 }, ""},
		"sessions at a rate": {func(p *Plan, s *Prescale) {
			byHeader(s)
			p.Load[0].Bursts, p.Load[0].Segments = nil, []PlannedSegment{{End: Duration(10 * time.Second), Ramp: &Ramp{From: 0, To: 4}}}
		}, "warning unanswered"},
		"a closed loop has as many as it likes": {func(p *Plan, s *Prescale) {
			byHeader(s)
			p.Load[0].Bursts, p.Load[0].Closed = nil, []PlannedClosed{{End: Duration(time.Minute), Sessions: 3}}
		}, "warning unanswered"},
		"a webhook answers": {func(_ *Plan, s *Prescale) { hook := s.Webhook; byHeader(s); s.Webhook = hook }, ""},
	} {
		remarks := Lint(prescalePlan(c.change))
		got := strings.Join(names(remarks, func(r LintRemark) string { return r.Level + " " + r.Rule + ": " + r.Text }), "\n")
		if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) || slices.ContainsFunc(remarks, func(r LintRemark) bool { return r.Service != "importer" }) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
