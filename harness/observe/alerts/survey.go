package alerts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// The fields that Prometheus knows.
var (
	groupFields = []string{"name", "interval", "query_offset", "limit", "rules", "labels"}
	ruleFields  = []string{"record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
)

// A survey goes over the YAML of one file and notes what is wrong and where. It judges
// rules by Prometheus' own validation, one by one, so that a mistake in one of them
// hides none in the next.
type survey struct {
	file     string
	lines    []string
	groups   map[string]at
	known    map[string]origin // shared with the other files
	problems []Problem
	rules    int
}

// An origin is where a rule stands that another must not repeat.
type origin struct {
	file, group string
	line        int
}

// survey returns what is wrong with a file, and whether there is no rule in it.
func (l *loading) survey(file string, text []byte) ([]Problem, bool) {
	s := &survey{file: file, lines: strings.Split(string(text), "\n"), groups: map[string]at{}, known: l.known}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, true
	} else if err != nil {
		return foreign(file, err), false
	}
	if err := decoder.Decode(&second); err == nil {
		s.add(of(&second), spot{}, "this is a second YAML document, which Prometheus does not read: put its groups into a file of their own")
	}
	s.root(doc.Content[0])
	return s.problems, s.rules == 0
}

func (s *survey) add(place at, where spot, format string, args ...any) {
	s.problems = append(s.problems, Problem{File: s.file, Line: place.line, Column: place.column,
		Group: where.group, Rule: where.rule, Message: fmt.Sprintf(format, args...)})
}

func (s *survey) root(n *yaml.Node) {
	if null(n) {
		return
	}
	if resolved(n).Kind != yaml.MappingNode {
		s.add(of(n), spot{}, "a rule file is a mapping with groups in it")
		return
	}
	s.fields(n, spot{}, "a rule file", []string{"groups"})
	groups := field(n, "groups")
	if !null(groups.value) && groups.value.Kind != yaml.SequenceNode {
		s.add(of(groups.value), spot{}, "groups is a list")
	}
	for _, g := range items(groups.value) {
		s.group(g)
	}
}

// fields finds fields that Prometheus does not know, and fields given twice.
func (s *survey) fields(n *yaml.Node, where spot, what string, known []string) {
	seen := map[string]at{}
	for _, e := range entries(n) {
		name := e.key.Value
		if first, again := seen[name]; again {
			s.add(of(e.key), where, "%s is given twice, first in line %d", name, first.line)
		}
		seen[name] = of(e.key)
		if !slices.Contains(known, name) && e.key.Tag != "!!merge" {
			s.add(of(e.key), where, "%s has no field %q; it has %s", what, name, strings.Join(known, ", "))
		}
	}
}

// A groupNode is the part of a group that its rules do not have a say in.
type groupNode struct {
	Name   string            `yaml:"name"`
	Limit  int               `yaml:"limit"`
	Labels map[string]string `yaml:"labels"`
}

func (s *survey) group(n *yaml.Node) {
	where := spot{file: s.file, group: fmt.Sprintf("in line %d", n.Line)}
	if resolved(n).Kind != yaml.MappingNode {
		s.add(of(n), where, "a group is a mapping with a name and rules")
		return
	}
	if name := field(n, "name").value; name != nil && name.Value != "" {
		where.group = name.Value
	}
	s.fields(n, where, "a group", groupFields)
	s.durations(n, where, "interval", "query_offset")
	var g groupNode
	s.decode(without(n, "rules", "interval", "query_offset"), where, &g)
	switch first, repeated := s.groups[g.Name]; {
	case g.Name == "":
		s.add(of(n), where, "the group has no name")
	case repeated:
		s.add(of(field(n, "name").value), where, "the file has a group of this name in line %d already", first.line)
	default:
		s.groups[g.Name] = of(n)
	}
	s.labelNames(field(n, "labels").value, where)
	list := field(n, "rules")
	if !null(list.value) && list.value.Kind != yaml.SequenceNode {
		s.add(of(list.value), where, "rules is a list")
	}
	for i, r := range items(list.value) {
		s.rule(r, i, where, g.Labels)
	}
}

// rule lets Prometheus validate one rule.
func (s *survey) rule(n *yaml.Node, index int, where spot, inherited map[string]string) {
	s.rules++
	where.rule = fmt.Sprintf("rule %d", index+1)
	if resolved(n).Kind != yaml.MappingNode {
		s.add(of(n), where, "a rule is a mapping with an alert or a record, and expr")
		return
	}
	var r rulefmt.Rule
	var places rulefmt.RuleNode
	clean := without(n, s.durations(n, where, "for", "keep_firing_for")...)
	before := len(s.problems)
	s.decode(clean, where, &r)
	_ = clean.Decode(&places) // what cannot be decoded has been said
	if r.Alert+r.Record != "" {
		where.rule = called(r.Record, r.Alert)
	}
	for i := range s.problems[before:] {
		s.problems[before+i].Rule = where.rule
	}
	s.fields(n, where, "a rule", ruleFields)
	for _, wrong := range r.Validate(places, model.UTF8Validation, language) {
		s.invalid(n, where, r, errors.Unwrap(&wrong))
	}
	s.instant(n, where, r)
	s.once(n, where, r, inherited)
}

// instant wants an expression that has one value for a time; Prometheus would only find
// out each time that it evaluates it.
func (s *survey) instant(n *yaml.Node, where spot, r rulefmt.Rule) {
	expr, err := language.ParseExpr(r.Expr)
	if err == nil && !evaluable(expr) {
		s.add(of(field(n, "expr").value), where, "%s", notEvaluable(expr))
	}
}

// once wants rules to differ in name or labels, within a file and across files.
func (s *survey) once(n *yaml.Node, where spot, r rulefmt.Rule, inherited map[string]string) {
	if r.Alert+r.Record == "" {
		return
	}
	all := make([]string, 0, len(inherited)+len(r.Labels))
	for k, v := range inherited {
		if _, own := r.Labels[k]; !own {
			all = append(all, strconv.Quote(k)+strconv.Quote(v))
		}
	}
	for k, v := range r.Labels {
		all = append(all, strconv.Quote(k)+strconv.Quote(v))
	}
	slices.Sort(all)
	key := where.rule + "\x00" + strings.Join(all, ",")
	if first, repeated := s.known[key]; repeated {
		s.add(of(n), where, "the same name with the same labels is in %s:%d (group %s) already", first.file, first.line, first.group)
		return
	}
	s.known[key] = origin{s.file, where.group, n.Line}
}

// durations checks fields that are times, and returns the names of those that are none.
func (s *survey) durations(n *yaml.Node, where spot, names ...string) (wrong []string) {
	for _, name := range names {
		v := field(n, name).value
		if v == nil || null(v) && name != "query_offset" {
			continue
		}
		if _, err := model.ParseDuration(v.Value); err != nil || v.Kind != yaml.ScalarNode {
			if where.rule != "" {
				where.rule = ruleName(n, where.rule)
			}
			s.add(of(v), where, "%s: %q is not a time; write it like 30s, 5m or 1h30m", name, v.Value)
			wrong = append(wrong, name)
		}
	}
	return wrong
}

// ruleName is what a rule calls itself.
func ruleName(n *yaml.Node, otherwise string) string {
	for _, name := range []string{"alert", "record"} {
		if v := field(n, name).value; v != nil && v.Kind == yaml.ScalarNode && v.Value != "" {
			return name + " " + v.Value
		}
	}
	return otherwise
}

// labelNames checks the names of a group's labels as Prometheus does.
func (s *survey) labelNames(n *yaml.Node, where spot) {
	for _, e := range entries(n) {
		if name := e.key.Value; name == model.MetricNameLabel || !model.UTF8Validation.IsValidLabelName(name) {
			s.add(of(e.key), where, "invalid label name: %s", name)
		}
	}
}

// decode fills a value from a node, as far as the node's types are right.
func (s *survey) decode(n *yaml.Node, where spot, into any) {
	for _, p := range foreign(s.file, n.Decode(into)) {
		p.Group, p.Rule = where.group, where.rule
		if e := inLine(n, p.Line, 2); e.key != nil {
			p.Column, p.Message = e.value.Column, e.key.Value+": "+p.Message
		}
		s.problems = append(s.problems, p)
	}
}

// inLine is the innermost field whose value begins in a line, some levels deep: an alias
// may lead back to where it is.
func inLine(n *yaml.Node, line, levels int) (found entry) {
	if levels == 0 {
		return entry{}
	}
	for _, e := range entries(n) {
		if e.value.Line == line {
			found = e
		}
		if deeper := inLine(e.value, line, levels-1); deeper.key != nil {
			found = deeper
		}
	}
	return found
}

// without is a mapping without some of its fields, and without what repeats one.
func without(n *yaml.Node, names ...string) *yaml.Node {
	n = resolved(n)
	out := *n
	out.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !slices.Contains(names, n.Content[i].Value) {
			names = append(slices.Clip(names), n.Content[i].Value)
			out.Content = append(out.Content, n.Content[i], n.Content[i+1])
		}
	}
	return &out
}

// evaluable tells an expression with one value, or one for each series, at a time.
func evaluable(expr parser.Expr) bool {
	t := expr.Type()
	return t == parser.ValueTypeVector || t == parser.ValueTypeScalar
}

func notEvaluable(expr parser.Expr) string {
	advice := ""
	if expr.Type() == parser.ValueTypeMatrix {
		advice = ": take a function such as rate() of it"
	}
	return fmt.Sprintf("the expression is a %s, which has no value at a time%s", parser.DocumentedType(expr.Type()), advice)
}
