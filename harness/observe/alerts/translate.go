package alerts

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

var (
	yamlLine   = regexp.MustCompile(`^(?:yaml: )?line (\d+): (?s)(.*)$`)
	lineColumn = regexp.MustCompile(`^(\d+):(\d+): (?s)(.*)$`)
	ofWhich    = regexp.MustCompile(`^(label|annotation) "(.*?)": `)
	badName    = regexp.MustCompile(`^invalid (label|annotation) name: (.*)$`)
	wrongType  = regexp.MustCompile("^cannot unmarshal !!(\\w+)(?: `.*`)? into (?:rulefmt\\.)?(.*)$")
	badValue   = regexp.MustCompile(`^invalid label value: (.*)$`)
	notOf      = regexp.MustCompile(`^invalid field '(\w+)' `)
)

// foreign is what an error of the YAML reader says, with the line that it names.
func foreign(file string, err error) []Problem {
	if err == nil {
		return nil
	}
	messages := []string{err.Error()}
	var types *yaml.TypeError
	if errors.As(err, &types) {
		messages = types.Errors
	}
	var out []Problem
	for _, m := range messages {
		p := Problem{File: file, Message: strings.TrimPrefix(m, "yaml: ")}
		if part := yamlLine.FindStringSubmatch(m); part != nil {
			p.Line, _ = strconv.Atoi(part[1])
			p.Message = part[2]
		} else if part := lineColumn.FindStringSubmatch(m); part != nil {
			p.Line, _ = strconv.Atoi(part[1])
			p.Column, _ = strconv.Atoi(part[2])
			p.Message = part[3]
		}
		if part := wrongType.FindStringSubmatch(p.Message); part != nil {
			p.Message = fmt.Sprintf("it is %s, where %s is wanted", inWords(part[1]), inWords(part[2]))
		}
		out = append(out, p)
	}
	return out
}

// inWords is a type of YAML or of Go.
func inWords(t string) string {
	switch t {
	case "seq":
		return "a list"
	case "map", "map[string]string":
		return "a mapping"
	case "str", "string":
		return "text"
	case "int", "float":
		return "a number"
	}
	return t
}

// invalid notes what Prometheus has against a rule, at the field that it is about.
func (s *survey) invalid(n *yaml.Node, where spot, r rulefmt.Rule, err error) {
	message := err.Error()
	if strings.HasPrefix(message, "could not parse expression") {
		s.expression(field(n, "expr").value, where, err)
		return
	}
	place := n
	if part := ofWhich.FindStringSubmatch(message); part != nil {
		place = or(field(field(n, part[1]+"s").value, part[2]).value, place)
		message = strings.Replace(message, part[0], part[0]+"the template cannot be read: ", 1)
	} else if part := badName.FindStringSubmatch(message); part != nil {
		place = or(field(field(n, part[1]+"s").value, part[2]).key, place)
	} else if part := badValue.FindStringSubmatch(message); part != nil {
		place = or(field(n, "labels").value, place)
	} else if part := notOf.FindStringSubmatch(message); part != nil {
		place = or(field(n, part[1]).key, place)
	}
	s.add(of(place), where, "%s", withoutPreamble(message, r.Alert))
}

// withoutPreamble drops the names and columns that are not the user's: Prometheus puts
// definitions of its own in front of each template.
func withoutPreamble(message, alert string) string {
	name := "__alert_" + alert
	before, rest, ok := strings.Cut(message, "template: "+name+":")
	if !ok {
		return message
	}
	if _, text, ok := strings.Cut(rest, ": "); ok {
		rest = strings.TrimPrefix(text, "executing "+strconv.Quote(name)+" ")
	}
	return strings.TrimSuffix(before, "error executing template "+name+": ") + rest
}

// expression notes a mistake in an expression at its own place, or, where that is not
// known, at the beginning of the expression.
func (s *survey) expression(n *yaml.Node, where spot, err error) {
	var parsed parser.ParseErrors
	if !errors.As(err, &parsed) || len(parsed) == 0 || n == nil {
		s.add(of(n), where, "%v", err)
		return
	}
	first := parsed[0]
	if place, ok := inside(s.lines, n, int(first.PositionRange.Start)); ok {
		s.add(place, where, "the expression cannot be read: %v", first.Err)
		return
	}
	s.add(of(n), where, "the expression cannot be read at %s: %v", position(first), first.Err)
}

// position is that of a mistake in its expression: line and column.
func position(e parser.ParseErr) string {
	if e.Query == "" {
		return "1:1"
	}
	return e.PositionRange.StartPosInput(e.Query, 0)
}

func or(n, otherwise *yaml.Node) *yaml.Node {
	if n != nil {
		return n
	}
	return otherwise
}

// CheckExpr tells what is wrong with a PromQL expression that is to have a value at each
// time, and where: "1:8: unexpected end of input". Line and column count from 1.
func CheckExpr(expr string) error {
	parsed, err := language.ParseExpr(expr)
	if err != nil {
		return plain(err)
	}
	if !evaluable(parsed) {
		return fmt.Errorf("1:1: %s", notEvaluable(parsed))
	}
	return nil
}

// plain is an error of the parser with its place in front.
func plain(err error) error {
	var parsed parser.ParseErrors
	if errors.As(err, &parsed) && len(parsed) > 0 {
		return fmt.Errorf("%s: %w", position(parsed[0]), parsed[0].Err)
	}
	return err
}
