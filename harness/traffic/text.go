package traffic

import "github.com/shakedown-dev/shakedown/scenarios/template"

// A text is a template that knows whether there is anything to expand: one
// that has no variables is expanded once, so that requests made of such texts
// allocate nothing.
type text struct {
	template template.Template
	constant string
	fixed    bool
}

func compileText(source string) (text, error) {
	t, err := template.Parse(source)
	if err != nil || len(t.Names()) > 0 {
		return text{template: t}, err
	}
	constant, err := t.Expand(nil) // nothing is looked up
	return text{template: t, constant: constant, fixed: true}, err
}

// plain is the text with values as they are.
func (t *text) plain(v *variables) (string, error) {
	if t.fixed {
		return t.constant, nil
	}
	return v.expand(t.template)
}

// in is the text as it stands in a body; in JSON, values are escaped.
func (t *text) in(json bool, v *variables) (string, error) {
	switch {
	case t.fixed:
		return t.constant, nil
	case json:
		return v.expandJSON(t.template)
	}
	return v.expand(t.template)
}
