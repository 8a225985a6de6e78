package alerts

import (
	"math"
	"strconv"

	"github.com/prometheus/prometheus/promql/parser"
)

// Threshold is the number that an expression is compared with at its top, and how: the
// operator as it reads with the number on the right; nil where there is none. The error
// is that of CheckExpr.
func Threshold(expr string) (value *float64, compare string, err error) {
	parsed, err := language.ParseExpr(expr)
	if err != nil {
		return nil, "", plain(err)
	}
	value, compare = limit(parsed)
	return value, compare, nil
}

// limit is the threshold that a record can hold.
func limit(expr parser.Expr) (value *float64, compare string) {
	v, op, ok := threshold(expr)
	if !ok || math.IsNaN(v) || math.IsInf(v, 0) { // JSON has neither
		return nil, ""
	}
	return &v, op
}

// threshold is the number that an expression is compared with at its top, and how: the
// operator as it reads with the number on the right. What is beside an "and" or an
// "unless" only narrows, so that their left side is looked at; a comparison that gives
// 0 or 1 (bool) lets everything through and is none.
func threshold(expr parser.Expr) (float64, string, bool) {
	switch n := expr.(type) {
	case *parser.ParenExpr:
		return threshold(n.Expr)
	case *parser.BinaryExpr:
		if n.Op == parser.LAND || n.Op == parser.LUNLESS {
			return threshold(n.LHS)
		}
		if !n.Op.IsComparisonOperator() || n.ReturnBool {
			return 0, "", false
		}
		if v, ok := constant(n.RHS); ok {
			return v, n.Op.String(), true
		}
		if v, ok := constant(n.LHS); ok {
			return v, mirrored(n.Op), true
		}
	}
	return 0, "", false
}

// mirrored is a comparison read from right to left.
func mirrored(op parser.ItemType) string {
	switch op {
	case parser.GTR:
		op = parser.LSS
	case parser.LSS:
		op = parser.GTR
	case parser.GTE:
		op = parser.LTE
	case parser.LTE:
		op = parser.GTE
	}
	return op.String()
}

// constant is the value of an expression of numbers alone, such as (14.4 * 0.001).
func constant(expr parser.Expr) (float64, bool) {
	switch n := expr.(type) {
	case *parser.NumberLiteral:
		return n.Val, true
	case *parser.ParenExpr:
		return constant(n.Expr)
	case *parser.UnaryExpr:
		v, ok := constant(n.Expr)
		if n.Op == parser.SUB {
			v = -v
		}
		return v, ok
	case *parser.BinaryExpr:
		a, first := constant(n.LHS)
		b, second := constant(n.RHS)
		if first && second {
			v, ok := computed(n.Op, a, b)
			return tidy(v), ok
		}
	}
	return 0, false
}

// tidy is a number without the last digits of a computation: 14.4 * 0.001 is 0.0144.
func tidy(v float64) float64 {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 15, 64), 64)
	return v
}

func computed(op parser.ItemType, a, b float64) (float64, bool) {
	switch op {
	case parser.ADD:
		return a + b, true
	case parser.SUB:
		return a - b, true
	case parser.MUL:
		return a * b, true
	case parser.DIV:
		return a / b, true
	case parser.MOD:
		return math.Mod(a, b), true
	case parser.POW:
		return math.Pow(a, b), true
	}
	return 0, false
}
