package alerts

import (
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Names are the names of the series that an expression selects, in order. A selector
// that names none, or by an open pattern such as {__name__=~"http_.*"}, adds none. The
// error is that of CheckExpr.
func Names(expr string) ([]string, error) {
	parsed, err := language.ParseExpr(expr)
	if err != nil {
		return nil, plain(err)
	}
	return names(parsed), nil
}

// Ranges are the ranges that an expression looks back over, subqueries among them, the
// longest first. The error is that of CheckExpr.
func Ranges(expr string) ([]time.Duration, error) {
	parsed, err := language.ParseExpr(expr)
	if err != nil {
		return nil, plain(err)
	}
	return ranges(parsed), nil
}

func names(expr parser.Expr) []string {
	var out []string
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if n, ok := node.(*parser.VectorSelector); ok {
			out = append(out, selected(n.LabelMatchers)...)
		}
		return nil
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// selected are the names that matchers allow: one, or those of a closed list such as
// {__name__=~"a|b"}.
func selected(matchers []*labels.Matcher) []string {
	for _, m := range matchers {
		if m.Name != model.MetricNameLabel {
			continue
		}
		switch {
		case m.Type == labels.MatchEqual && m.Value != "":
			return []string{m.Value}
		case m.Type == labels.MatchRegexp:
			return m.SetMatches()
		}
	}
	return nil
}

func ranges(expr parser.Expr) []time.Duration {
	var out []time.Duration
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.MatrixSelector:
			out = append(out, n.Range)
		case *parser.SubqueryExpr:
			out = append(out, n.Range)
		}
		return nil
	})
	slices.Sort(out)
	out = slices.Compact(out)
	slices.Reverse(out)
	return out
}
