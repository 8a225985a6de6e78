package alerts

import (
	"os"
	"path/filepath"
	"testing"
)

// Load reports a problem of any text, or has rules that can be described and read again.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/mistakes/*.yaml", "testdata/valid/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text), 10.0)
		}
	}
	f.Add("groups: &a [*a]", 1.0)
	f.Add("groups: [&a {name: *a, rules: [&b {alert: *b, labels: *b}]}]", 2.0)
	f.Add("groups: [{name: g, rules: [{<<: {alert: A}, expr: up}]}]", 0.1)
	f.Add("groups: [{name: g, rules: [{alert: A, expr: \"x[1y] offset -1y @ end()\"}]}]", 1e-9)
	file := filepath.Join(f.TempDir(), "rules.yaml")
	f.Fuzz(func(t *testing.T, text string, scale float64) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		rules, problems := Load([]string{file}, scale)
		if (rules == nil) != (len(problems) > 0) {
			t.Fatal(rules, problems)
		}
		for _, p := range problems {
			if p.Message == "" || p.Line < 0 || p.Column < 0 {
				t.Fatalf("%+v", p)
			}
		}
		if _, errs := parse([]byte(text)); len(errs) > 0 && rules != nil {
			t.Fatalf("Prometheus refuses it: %v", errs)
		}
		if rules != nil {
			for _, r := range rules.Describe().Rules {
				if err := CheckExpr(r.Expr); err != nil {
					t.Fatal(r.Expr, err)
				}
			}
		}
	})
}

func FuzzCheckExpr(f *testing.F) {
	for _, expr := range []string{"up", "rate(x[5m])", "x[1h:1m] offset -2m", `{__name__=~"a|b"}`, "1 > ", "predict_linear(x[1h], 4*3600) < 0", "\"\\xff", "x @ end()"} {
		f.Add(expr)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		checked := CheckExpr(expr)
		_, named := Names(expr)
		_, ranged := Ranges(expr)
		if checked == nil && (named != nil || ranged != nil) {
			t.Fatal(named, ranged)
		}
		if checked == nil {
			parsed, err := language.ParseExpr(expr)
			if err != nil {
				t.Fatal(err)
			}
			threshold(parsed)
		}
	})
}
