package scenarios

import (
	"fmt"
)

// checkPrescale checks that resources can be raised, and given back, and who asks
// for it.
func (c *compiler) checkPrescale(at location, name string, p Prescale) {
	c.checkLarge(at.to("large"), name, p.Large)
	c.doc.checkPositive(at.to("hold"), p.Hold, "a hold")
	c.doc.checkPositive(at.to("queue_for"), p.QueueFor, "waiting")
	c.doc.checkPositive(at.to("every"), p.Every, "the time between two looks")
	checkAbove(c.doc, at.to("above"), p.Above)
	if w := p.Webhook; w != nil {
		c.checkCall(at.to("webhook", "service"), w.Service, "to call a webhook that its gateway answers", nil)
		if w.Variable != "" && !variableForm.MatchString(w.Variable) {
			c.doc.report(at.to("webhook", "variable"), fmt.Sprintf("%q is not the name of an environment variable", shorten(w.Variable)), "name the variable from which the service takes the address, as PRESCALE_WEBHOOK")
		}
	}
	if h := p.Header; h != nil {
		c.checkCall(at.to("header", "service"), h.Service, "watched for a header", nil)
		for key, header := range map[string]string{"tier": h.Tier, "account": h.Account} {
			if header != "" {
				c.doc.checkHeader(at.to("header", key), header, c.doc.report)
			}
		}
	}
	if (p.Policy == "" || p.Policy == ProactivePolicy) && p.Webhook == nil && p.Header == nil {
		c.doc.report(at, "the policy is proactive, and nobody tells of sessions", "add webhook or header, or set policy: reactive")
	}
}

// checkLarge checks that the larger class is larger than a limit that there is,
// so that it can be restored.
func (c *compiler) checkLarge(at location, name string, large ResourceClass) {
	limits := c.info.Services[name].Limits
	if large.IsZero() && !c.doc.reportedIn(at) && c.doc.given(at[:len(at)-1], "large") {
		c.doc.report(at, "names neither cpus nor memory", "say what is larger: cpus, memory or both")
	}
	if large.CPUs > 0 {
		c.checkLarger(at.to("cpus"), name, "cpus", large.CPUs.String(), limits.CPUs.String(), limits.CPUs > 0, large.CPUs > limits.CPUs)
	}
	if large.Memory > 0 {
		c.checkLarger(at.to("memory"), name, "memory", large.Memory.String(), limits.Memory.String(), limits.Memory > 0, large.Memory > limits.Memory)
	}
}

func (c *compiler) checkLarger(at location, name, key, large, base string, limited, larger bool) {
	switch {
	case !limited:
		c.doc.report(at, fmt.Sprintf("service %q has no limit of %s that could be restored", name, key), fmt.Sprintf("add deploy.resources.limits.%s to it in the compose file", key))
	case !larger:
		c.doc.report(at, fmt.Sprintf("%s is not more than the limit, which is %s in the compose file", large, base), "give a larger value, or leave it out")
	}
}
