package alerts

import (
	"fmt"
	"testing"
)

func TestCheckExpr(t *testing.T) {
	for expr, want := range map[string]string{
		"up":                     "",
		"rate(x[5m]) > 1 and up": "",
		"42":                     "",
		"":                       "1:1: no expression found in input",
		"up ==":                  "1:6: unexpected end of input",
		"sum(x)\n  / summ(y)":    `2:5: unknown function with name "summ"`,
		"rate(x)":                `1:6: expected type range vector in call to function "rate", got instant vector`,
		"x[5m]":                  "1:1: the expression is a range vector, which has no value at a time: take a function such as rate() of it",
		`"x"`:                    "1:1: the expression is a string, which has no value at a time",
		"up == \"ä\" +":          "1:13: unexpected end of input",
	} {
		got := ""
		if err := CheckExpr(expr); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", expr, got, want)
		}
	}
}

func TestWhatAnExpressionLooksAt(t *testing.T) {
	for expr, want := range map[string]string{
		"42":                                    "[] []",
		"rate(b_total[5m]) / rate(a_total[5m])": "[a_total b_total] [5m0s]",
		`{__name__="x", job="y"}`:               "[x] []",
		`{"http.requests"} + {__name__=~"a|b"}`: "[a b http.requests] []",
		`{__name__=~"http_.*"} or {job="x"}`:    "[] []",
		`max_over_time(rate(x[5m])[1h:1m]) > on () avg_over_time(y[6h] offset 1d)`:               "[x y] [6h0m0s 1h0m0s 5m0s]",
		`absent(up{job="api"}) unless on (job) (label_replace(z, "a", "$1", "b", "(.*)") > 1.5)`: "[up z] []",
	} {
		n, err := Names(expr)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Ranges(expr)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(n, " ", r); got != want {
			t.Errorf("%s: got %s, want %s", expr, got, want)
		}
	}
	if _, err := Names("up =="); err == nil || err.Error() != "1:6: unexpected end of input" {
		t.Error(err)
	}
	if _, err := Ranges("up =="); err == nil || err.Error() != "1:6: unexpected end of input" {
		t.Error(err)
	}
}

func TestThresholdOfAnExpression(t *testing.T) {
	for expr, want := range map[string]string{
		"up":                                    "none",
		"up == 0":                               "== 0",
		"m > bool 5":                            "none", // lets everything through
		"a > b":                                 "none",
		"0.5 <= m":                              ">= 0.5",
		"5 > m":                                 "< 5",
		"5 >= m":                                "<= 5",
		"5 < m":                                 "> 5",
		"1 != m":                                "!= 1",
		"((m > -3))":                            "> -3",
		"m > (14.4 * 0.001)":                    "> 0.0144",
		"m > 10 - 2 * 3":                        "> 4",
		"m > 2 ^ 3 % 5 / 2 + 1":                 "> 2.5",
		"m > 1h":                                "> 3600",
		"(a > 1 and b > 2) unless on (job) c":   "> 1",
		"a > 1 or b > 2":                        "none",
		"sum(m > 3)":                            "none",
		"count(m > 3) > 1":                      "> 1",
		"m > scalar(n)":                         "none",
		"rate(a[5m]) / rate(b[5m]) > 0.05 or x": "none",
	} {
		parsed, err := language.ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		if v, op, ok := threshold(parsed); ok {
			got = fmt.Sprint(op, " ", v)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", expr, got, want)
		}
	}
}

// What a record can hold of a threshold: JSON has no infinity.
func TestThresholdsThatARecordCanHold(t *testing.T) {
	if v, compare, err := Threshold("(14.4 * 0.001) < a"); err != nil || v == nil || *v != 0.0144 || compare != ">" {
		t.Error(v, compare, err)
	}
	for _, expr := range []string{"up", "a > 1 / 0", "a > 0 / 0"} {
		if v, compare, err := Threshold(expr); err != nil || v != nil || compare != "" {
			t.Error(expr, v, compare, err)
		}
	}
	if _, _, err := Threshold("up =="); err == nil || err.Error() != "1:6: unexpected end of input" {
		t.Error(err)
	}
}
