package scenarios

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// seedOf is drawn from the plan's seed and the name of what it is for: what
// decides one thing says nothing about another, and does not change with it.
func seedOf(seed int64, words ...string) uint64 {
	text := binary.LittleEndian.AppendUint64(nil, uint64(seed)) // its bits
	sum := sha256.Sum256(append(text, strings.Join(words, "\x00")...))
	return binary.LittleEndian.Uint64(sum[:])
}

// checkParties checks that the names and ports of third parties are free.
func (c *compiler) checkParties() {
	parties := c.doc.Scenario.Stack.ThirdParties
	published, aliases := map[int]string{}, map[string]string{}
	for _, name := range keys(c.services) {
		if port := c.services[name].Publish; port != 0 {
			published[port] = "service"
		}
	}
	for _, name := range keys(parties) {
		at, party := location{"stack", "third_parties", name}, parties[name]
		for _, service := range keys(c.info.Services) {
			if name == "gateway-"+service || name == "proxy-"+service || instanceOf(name, service) || instanceOf(service, name) {
				c.doc.reportKey(at, fmt.Sprintf("service %q takes the name %q, or one like it, with its gateway, its proxy and its instances %s-1, %s-2, ...", service, name, service, service),
					"give the third party another name")
			}
		}
		if what, taken := published[party.Publish]; party.Publish != 0 && taken {
			c.doc.report(at.to("publish"), fmt.Sprintf("port %d is published for another %s already", party.Publish, what), "give each a port of its own, or leave publish out")
		}
		published[party.Publish] = "third party"
		for i, alias := range party.Aliases {
			_, service := c.info.Services[alias]
			other, taken := aliases[strings.ToLower(alias)]
			switch {
			case service:
				c.doc.report(at.to("aliases", i), fmt.Sprintf("the compose project has a service %q", alias), "take the alias out, or name the third party so: then that service is left out")
			case c.third(alias):
				c.doc.report(at.to("aliases", i), fmt.Sprintf("%q is the name of a third party", alias), "take the alias out")
			case taken && other != name:
				c.doc.report(at.to("aliases", i), fmt.Sprintf("third party %q answers to %q already", other, alias), "keep one of the two")
			}
			aliases[strings.ToLower(alias)] = name
		}
	}
}

// planParties fills in third parties.
func (c *compiler) planParties(p *Plan, read map[string]bool) {
	for name, party := range c.doc.Scenario.Stack.ThirdParties {
		if p.ThirdParties == nil {
			p.ThirdParties = map[string]PlannedThirdParty{}
		}
		p.ThirdParties[name] = PlannedThirdParty{
			ThirdParty: planParty(party),
			Seed:       seedOf(p.Seed, "third party", name),
			Driven:     c.driven[name] || read[name],
		}
	}
}

func planParty(t ThirdParty) ThirdParty {
	t.KeyHeader = cmp.Or(t.KeyHeader, DefaultKeyHeader)
	if t.RateLimit != nil {
		t.RateLimit = planRateLimit(*t.RateLimit)
	}
	t.Routes = slices.Clone(t.Routes)
	for i, r := range t.Routes {
		r.Status = cmp.Or(r.Status, defaultStatus)
		r.Headers = maps.Clone(r.Headers)
		if r.Effect != "" {
			r.EffectOf = cmp.Or(r.EffectOf, defaultEffectOf)
		}
		t.Routes[i] = r
	}
	return t
}

func planRateLimit(r RateLimitFault) *RateLimitFault {
	r.Burst = cmp.Or(r.Burst, int(max(1, math.Ceil(float64(r.Rate)))))
	r.RetryAfter = cmp.Or(r.RetryAfter, defaultRetryAfter)
	return &r
}

// Interposer is what tells calls of a service, or of a third party, apart: the
// proxy in front of it. It is nil where there is none.
func (p *Plan) Interposer(name string) *Interposed {
	if party, is := p.ThirdParties[name]; is {
		return &Interposed{Port: party.Port, KeyHeader: party.KeyHeader, Calls: p.judgesCallsOf(name)}
	}
	return p.Services[name].Interposed
}

// judgesCallsOf tells whether a check wants to see the calls of a service.
func (p *Plan) judgesCallsOf(name string) bool {
	return slices.ContainsFunc(p.Checks, func(c Check) bool { return c.ThirdParty != nil && c.ThirdParty.Service == name })
}

// InFront tells that a fault is done under the name of its services, by the
// proxies there, and so to all of each as its callers see it. Others are done to
// instances.
func (p *Plan) InFront(f PlannedFault) bool {
	return proxied(f.Kind) && f.Spec.Egress == "" && len(f.Services) > 0 && p.Interposer(f.Services[0]) != nil
}
