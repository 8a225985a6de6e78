package scenarios

import (
	"fmt"
	"slices"
	"time"
)

// lintPrescale holds the settings of prescaling against who comes and what they do.
func lintPrescale(p *Plan) (all []LintRemark) {
	for _, name := range keys(p.Services) {
		prescale := p.Services[name].Prescale
		if prescale == nil || prescale.Policy == OffPolicy {
			continue
		}
		l := prescaleLinter{plan: p, name: name, spec: *prescale}
		for _, check := range p.Checks {
			if c := check.Prescale; c != nil && c.Service == name {
				l.checked = true
				l.tier(*c)
				l.hold(*c)
			}
		}
		l.unanswered()
		all = append(all, l.remarks...)
	}
	return all
}

// A prescaleLinter looks at one service that is prescaled.
type prescaleLinter struct {
	plan    *Plan
	name    string
	spec    Prescale
	checked bool // by a check of prescaling
	remarks []LintRemark
}

func (l *prescaleLinter) remark(rule, level, format string, args ...any) {
	l.remarks = append(l.remarks, LintRemark{Rule: rule, Service: l.name, Level: level, Text: fmt.Sprintf(format, args...)})
}

// tier tells of heavy work that nobody of the tier does. Of a cohort without a tier
// the application alone knows which its sessions have.
func (l *prescaleLinter) tier(c PrescaleCheck) {
	var tiers []string
	for _, load := range l.plan.Load {
		if load.Journey != c.Journey {
			continue
		}
		if load.Tier == "" || load.Tier == l.spec.Tier {
			return
		}
		if !slices.Contains(tiers, load.Tier) {
			tiers = append(tiers, load.Tier)
		}
	}
	if len(tiers) > 0 {
		l.remark("tier", "warning", "%s is prescaled for tier %s, and whoever walks journey %s is of tier %s: its check will have nothing to judge; give a cohort of that journey tier: %s, or change prescale.tier",
			l.name, l.spec.Tier, c.Journey, enumerate(tiers), l.spec.Tier)
	}
}

// hold tells of claims that end, without another sign of the account, while its heavy
// work goes on: tempo shortens how long they hold, and neither work nor thinking.
func (l *prescaleLinter) hold(c PrescaleCheck) {
	if l.spec.Policy != ProactivePolicy {
		return
	}
	hold := scale(l.spec.Hold, l.plan.Tempo).Std()
	for _, s := range Requests(l.plan.Journeys[c.Journey]) {
		if s.Name != c.Step {
			continue
		}
		think := s.Think.usual().Std()
		if hold >= think+s.Timeout.Std() {
			return
		}
		origin := ""
		if l.plan.Tempo != 1 {
			origin = fmt.Sprintf(" (%s at tempo %s, which divides neither thinking nor work)", l.spec.Hold, Factor(l.plan.Tempo))
		}
		text := fmt.Sprintf("%s is given back %s%s after the last sign of an account, and step %s may take %s, after %s of thinking", l.name, round(hold), origin, c.Step, s.Timeout, round(think))
		if hold <= think {
			l.remark("hold", "warning", "%s: it is gone before the work begins, unless the application tells of the session once more; raise prescale.hold", text)
		} else {
			l.remark("hold", "info", "%s: it may be gone while the work goes on; raise prescale.hold if that is how long it takes", text)
		}
		return
	}
}

// usual is a time that half of the draws, or more, stay below; 0 without any.
func (t *Think) usual() Duration {
	if t == nil {
		return 0
	}
	usual := t.Constant + t.Median // one of them is 0
	if len(t.Values) > 0 {
		usual = slices.Sorted(slices.Values(t.Values))[len(t.Values)/2]
	}
	if t.Max > 0 {
		usual = min(usual, t.Max)
	}
	return usual
}

// unanswered tells of accounts beyond the budget that nobody can tell so: a header
// is seen, and has no answer.
func (l *prescaleLinter) unanswered() {
	if l.spec.Policy != ProactivePolicy || l.spec.Webhook != nil || l.spec.Header == nil {
		return
	}
	accounts := l.accounts()
	if accounts <= l.spec.Budget {
		return
	}
	what := "refused"
	if l.spec.Beyond == QueueBeyond {
		what = "made to wait"
	}
	text := fmt.Sprintf("up to %s of tier %s come to %s, and the budget is %d: whoever is beyond it is %s without a word, because a header can be seen, but not answered",
		plural(accounts, "account"), l.spec.Tier, l.spec.Header.Service, l.spec.Budget, what)
	if !l.checked {
		l.remark("unanswered", "info", "%s; tell of sessions by webhook, or raise prescale.budget", text)
		return
	}
	l.remark("unanswered", "warning", "%s, and so P5 fails when they are there at a time; tell of sessions by webhook, or raise prescale.budget", text)
}

// accounts is how many of the tier may come to the service that is watched for the
// header: tenants, but no more than there are sessions, where those are planned.
func (l *prescaleLinter) accounts() (n int) {
	for _, load := range l.plan.Load {
		calls := slices.ContainsFunc(Requests(l.plan.Journeys[load.Journey]), func(s PlannedStep) bool { return s.Service == l.spec.Header.Service })
		if load.Tier != l.spec.Tier || !calls {
			continue
		}
		tenants := load.Tenants
		if load.Replay == nil && len(load.Closed) == 0 {
			tenants = min(tenants, load.sessions())
		}
		n += tenants
	}
	return n
}

// sessions is how many begin, rounded up: in bursts, and by the mean rate of a segment,
// to which waves add as much as they take.
func (load PlannedLoad) sessions() int {
	sum := 0.0
	for _, s := range load.Segments {
		rate := float64(s.Constant)
		if s.Ramp != nil {
			rate += float64(s.Ramp.From+s.Ramp.To) / 2
		}
		for _, w := range s.Waves {
			rate += float64(w.Amplitude)
		}
		sum += rate * time.Duration(s.End-s.Start).Seconds()
	}
	for _, b := range load.Bursts {
		sum += float64(b.Sessions)
	}
	return int(min(sum+1, 1e9))
}
