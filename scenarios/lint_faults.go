package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The least time of a fault, and of what follows it, that a view second by second
// shows something of.
const (
	leastFault = Duration(5 * time.Second)
	leastAfter = Duration(3 * time.Second)
)

// lintFaults tells what of faults is allowed and may still not be meant.
func lintFaults(p *Plan) []LintRemark {
	var all []LintRemark
	remark := func(rule, service, level, format string, args ...any) {
		all = append(all, LintRemark{Rule: rule, Service: service, Level: level, Text: fmt.Sprintf(format, args...)})
	}
	for i, f := range p.Faults {
		if lasts := f.End - f.At; lasts > 0 && lasts < leastFault {
			remark("fault-length", f.Services[0], "warning", "fault %s lasts %s in real time: percentiles over so little say little; give it %s at least", f.ID, lasts, leastFault)
		}
		if only := p.onlyInstance(f); only != "" {
			remark("only-instance", only, "info", "fault %s takes the only instance of %s: nobody serves until another is ready", f.ID, only)
		}
		for _, name := range f.Services {
			if f.Spec.Egress != "" && groupOf(f.Kind) == requestKinds && strings.HasSuffix(f.Spec.Egress, ":443") && !p.Services[name].TrustCA {
				remark("trust", name, "warning", "fault %s is about requests to %s, which are encrypted, and %s does not trust the run's authority: it is done to connections as a whole; add trust_ca", f.ID, f.Spec.Egress, name)
			}
		}
		all = append(all, p.lintAfter(f, p.Faults[i+1:])...)
	}
	trusted := slices.ContainsFunc(keys(p.Services), func(name string) bool { return p.Services[name].TrustCA })
	for _, name := range keys(p.ThirdParties) {
		if p.ThirdParties[name].TLS && !trusted {
			remark("trust", name, "warning", "third party %s shows a certificate of the run's own authority, which no service trusts; add trust_ca to those that call it", name)
		}
	}
	return all
}

// onlyInstance is the service with a port of which a fault stops all there is, one
// instance, and nobody scales it.
func (p *Plan) onlyInstance(f PlannedFault) string {
	if groupOf(f.Kind) != lifeCycleKinds {
		return ""
	}
	for _, name := range f.Services {
		s := p.Services[name]
		if s.Replicas == 1 && s.Port != 0 && s.Autoscale == nil && slices.Contains(f.Picked, name+"-1") {
			return name
		}
	}
	return ""
}

// lintAfter tells of checks that have little time to look at what follows a fault,
// before the next begins or the run ends.
func (p *Plan) lintAfter(f PlannedFault, later []PlannedFault) []LintRemark {
	if f.Spec.Permanent {
		return nil
	}
	until, what := p.Duration, "the run ends"
	for _, next := range later {
		if next.At < f.End {
			return nil // they overlap, and the last of them is looked at
		}
		if next.At < until {
			until, what = next.At, "fault "+next.ID+" begins"
		}
	}
	for _, check := range p.Checks {
		c, ok := check.faultCheck(nil)
		if !ok || check.BlastRadius != nil || check.ThirdParty != nil || !slices.Contains(c.faults, f.ID) {
			continue
		}
		if left := until - f.End; left < c.after+leastAfter {
			return []LintRemark{{Rule: "after-fault", Service: f.Services[0], Level: "warning", Text: fmt.Sprintf(
				"fault %s is over at %s, and %s at %s: %s looks for %s after it and wants some seconds more to see that it stays so; leave %s between them",
				f.ID, f.End, what, until, c.kind, c.after, c.after+leastAfter)}}
		}
	}
	return nil
}
