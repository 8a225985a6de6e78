package alerts

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// A scaler divides times, and notes what it could not divide.
type scaler struct {
	by      float64
	floor   time.Duration // nothing is made shorter than that
	remarks []string
}

// time divides one time. What is a place for the remark, called what.
func (s *scaler) time(where spot, what string, d time.Duration) time.Duration {
	if s.by == 1 || d == 0 {
		return d
	}
	if d < 0 {
		return -s.time(where, what, -d)
	}
	out := divided(d, s.by)
	if shortest := min(d, s.floor); out < shortest {
		s.remark("%s: %s of %s, divided by %v, would be shorter than a scrape: it is %s",
			where, what, model.Duration(d), s.by, model.Duration(shortest))
		return shortest
	}
	return out
}

// divided rounds up to whole milliseconds, the finest that expressions can say; what is
// above one by the error of floating point numbers alone is not rounded up. A time that
// is too long to be told is the longest.
func divided(d time.Duration, by float64) time.Duration {
	const slack = 1e-6 // milliseconds
	ms := math.Ceil(float64(d)/float64(time.Millisecond)/by - slack)
	if longest := time.Duration(math.MaxInt64).Truncate(time.Millisecond); ms >= float64(longest.Milliseconds()) {
		return longest
	}
	return time.Duration(ms) * time.Millisecond
}

// expr divides the times in an expression, in place.
func (s *scaler) expr(where spot, expr parser.Expr) {
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			n.OriginalOffset = s.time(where, "an offset", n.OriginalOffset)
		case *parser.MatrixSelector:
			n.Range = s.time(where, "a range", n.Range)
		case *parser.SubqueryExpr:
			n.Range = s.time(where, "the range of a subquery", n.Range)
			n.Step = s.time(where, "the step of a subquery", n.Step)
			n.OriginalOffset = s.time(where, "an offset", n.OriginalOffset)
		case *parser.Call:
			s.call(where, n)
		}
		return nil
	})
}

// call divides the one argument of a function that is a time: predict_linear looks
// ahead by it along a slope that is as much steeper as the run is faster.
func (s *scaler) call(where spot, c *parser.Call) {
	switch c.Func.Name {
	case "predict_linear":
		by := &parser.NumberLiteral{Val: s.by}
		if n, ok := c.Args[1].(*parser.NumberLiteral); ok {
			n.Val, n.Duration = n.Val/s.by, false
			return
		}
		c.Args[1] = &parser.BinaryExpr{Op: parser.DIV, LHS: &parser.ParenExpr{Expr: c.Args[1]}, RHS: by}
	case "time", "timestamp":
		s.remark("%s: what is compared with %s() stays in seconds as written", where, c.Func.Name)
	}
}

func (s *scaler) remark(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(s.remarks, text) {
		s.remarks = append(s.remarks, text)
	}
}
