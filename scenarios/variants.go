package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// fixed are the keys that a variant leaves alone: variants are compared, and so
// they have the name, the seed and the traffic of the scenario. Tempo would change
// the traffic.
var fixed = []string{"name", "seed", "tempo", "traffic", "variants"}

// aboutVariants tells whether a --set flag changes variants.
func aboutVariants(flag string) bool {
	steps, err := splitPath(strings.TrimSpace(strings.SplitN(flag, "=", 2)[0]))
	return err == nil && steps[0] == "variants"
}

// overrideByVariant applies the overrides of the variant that was asked for. What
// they bring in stands where they do.
func (d *Document) overrideByVariant() {
	if d.Variant == "" {
		return
	}
	variants := d.root.get("variants")
	variant := variants.get(d.Variant)
	if variant == nil {
		d.problems = append(d.problems, d.noVariant(variants))
		return
	}
	set := variant.get("set")
	if set == nil {
		return // reported when it is decoded
	}
	for _, f := range set.fields {
		o := &overrider{d.src, f.at, "write a path and a value, as in stack.services.api.replicas: 3"}
		if problem := o.vary(d.root, f.name, f.value); problem != nil {
			d.problems = append(d.problems, *problem)
		}
	}
}

// noVariant is the problem of a variant that the scenario does not have.
func (d *Document) noVariant(variants *node) Problem {
	suggestion := "the scenario has no variants"
	if variants != nil && len(variants.fields) > 0 {
		suggestion = didYouMean(d.Variant, names(variants.fields, func(f field) string { return f.name }))
	}
	return Problem{File: "--variant " + shorten(d.Variant), Message: fmt.Sprintf("there is no variant %q", shorten(d.Variant)), Suggestion: suggestion}
}

// vary applies one override of a variant.
func (o *overrider) vary(root *node, path string, value *node) *Problem {
	if steps, err := splitPath(strings.TrimSpace(path)); err == nil && contains(fixed, steps[0]) {
		return o.problem("", fmt.Sprintf("a variant cannot change %q: it is compared with the others on the same traffic", steps[0]),
			"change what the traffic meets: stack, actions or checks")
	}
	if value.kind == nullKind {
		return nil // reported when it is decoded
	}
	return o.override(root, path, asText(value).text)
}

// checkVariants checks the names of variants.
func (d *Document) checkVariants() {
	for _, name := range keys(d.Scenario.Variants) {
		if !nameForm.MatchString(name) {
			message, suggestion := badName(name)
			d.reportKey(location{"variants", name}, message, suggestion)
		}
	}
}

// variant compiles one variant of the scenario, and returns what is wrong with it
// and not with the scenario itself. Traffic is the same: if its files were all
// read, they are not read again.
func (c *compiler) variant(name string, known Problems, read bool) Problems {
	doc, problems := Parse(c.doc.File, c.doc.text, Options{Set: c.doc.set, Variant: name, Dir: c.doc.Dir})
	if doc != nil {
		doc.Scenario.Seed, doc.Multiple = c.doc.Scenario.Seed, c.doc.Multiple
		inner := newCompiler(doc, c.info)
		if read {
			inner.days, inner.replays = c.days, c.replays
		}
		_, problems = inner.compile()
	}
	var own Problems
	for _, p := range problems {
		if !slices.Contains(known, p) {
			own = append(own, c.ofVariant(name, p))
		}
	}
	return own
}

// ofVariant puts a problem of a variant where the variant stands, if it is not
// there already.
func (c *compiler) ofVariant(name string, p Problem) Problem {
	at := location{"variants", name}
	if set := c.doc.node(at.to("set")); set != nil {
		for _, f := range set.fields {
			if p.File == c.doc.File && p.Line == f.at.line && p.Column == f.at.column {
				return p
			}
		}
	}
	where := p.Path
	if p.File != c.doc.File {
		where = strings.TrimSpace(p.File + " " + p.Path)
	}
	_, path := c.doc.find(at)
	place := c.doc.node(location{"variants"}).field(name).at
	return c.doc.src.problem(place, path, fmt.Sprintf("with it, %s: %s", where, p.Message), p.Suggestion)
}
