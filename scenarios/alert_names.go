package scenarios

import (
	"fmt"
	"slices"
)

// alertNames are the names of the alerts of all rule files, as far as they are YAML of
// the form that Prometheus reads: what is wrong with them otherwise is its business.
// Nil where nobody knows all of them.
func (c *compiler) alertNames() []string {
	m := c.doc.Scenario.Metrics
	if m == nil || m.Prometheus != nil {
		return nil
	}
	var all []string
	for _, file := range m.Rules {
		text, err := readLimited(c.absolute(file))
		if err != nil {
			return nil
		}
		names, ok := alertsOf(file, text)
		if !ok {
			return nil
		}
		all = append(all, names...)
	}
	return all
}

// alertsOf are the names of alerts of a rule file; false where it is no YAML.
func alertsOf(file string, text []byte) (all []string, ok bool) {
	src := newSource(file, text)
	documents, problem := readYAML(src, text)
	if problem != nil {
		return nil, false
	}
	for _, document := range documents {
		c := newConverter(src)
		root := c.convert(document, "")
		if len(c.problems) > 0 || c.tooMuch {
			return nil, false
		}
		for _, group := range root.list("groups") {
			for _, rule := range group.list("rules") {
				if name := rule.get("alert"); name != nil && name.text != "" {
					all = append(all, name.text)
				}
			}
		}
	}
	return all, true
}

// list are the items of a field, none where it is no list.
func (n *node) list(name string) []*node {
	if l := n.get(name); l != nil && l.kind == listKind {
		return l.items
	}
	return nil
}

// checkAlertNames checks that the alerts that a check names are in the rule files.
func (c *compiler) checkAlertNames(at location, check Check, known []string) {
	if known == nil {
		return
	}
	name := func(at location, alert string) {
		if alert != "" && !slices.Contains(known, alert) && len(c.doc.problems) < mostProblems {
			c.doc.report(at, fmt.Sprintf("the rule files have no alert %q", shorten(alert)), didYouMean(alert, known))
		}
	}
	ignored := func(at location, alerts []string) {
		for i, alert := range alerts {
			name(at.to("ignore", i), alert)
		}
	}
	switch {
	case check.Alert != nil:
		name(at.to("alert", "alert"), check.Alert.Alert)
	case check.AlertCoverage != nil:
		ignored(at.to("alert_coverage"), check.AlertCoverage.Ignore)
	case check.AlertLint != nil:
		ignored(at.to("alert_lint"), check.AlertLint.Ignore)
	}
}
