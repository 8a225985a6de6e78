package alerts_test

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// runbook is where every alert sends whoever it wakes.
const runbook = "https://github.com/shakedown-dev/shakedown/blob/main/compose/alerts/RUNBOOK.md#"

// Whoever is woken learns how bad it is, what it is, and what to do about it.
func TestEveryAlertSaysWhatToDo(t *testing.T) {
	book, err := os.ReadFile("RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rulesOf(t, files(t)...) {
		if rule.Alert == "" {
			continue
		}
		if severity := rule.Labels["severity"]; severity != "page" && severity != "ticket" {
			t.Errorf("%s has the severity %q", rule.Alert, severity)
		}
		for _, annotation := range []string{"summary", "description"} {
			if rule.Annotations[annotation] == "" {
				t.Errorf("%s has no %s", rule.Alert, annotation)
			}
		}
		if rule.Annotations["runbook_url"] != runbook+strings.ToLower(rule.Alert) {
			t.Errorf("%s sends people to %q", rule.Alert, rule.Annotations["runbook_url"])
		}
		if !strings.Contains(string(book), "\n## "+rule.Alert+"\n") {
			t.Errorf("the runbook says nothing of %s", rule.Alert)
		}
	}
}

// A run divides the times of rules by its tempo, and reads metrics once a second
// whatever the tempo is. At 60x, a minute is a second: shorter ranges than five
// minutes would hold fewer than four readings.
func TestRangesBearARehearsal(t *testing.T) {
	for _, rule := range rulesOf(t, files(t)...) {
		expression, err := parser.NewParser(parser.Options{}).ParseExpr(rule.Expr)
		if err != nil {
			t.Fatal(err)
		}
		parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
			if m, ok := node.(*parser.MatrixSelector); ok && m.Range < 5*time.Minute {
				t.Errorf("%s%s looks back over %s", rule.Alert, rule.Record, m.Range)
			}
			return nil
		})
	}
}

// Each defect is a rule file with the one thing wrong that its name says.
func TestDefectsAreOneThingWrong(t *testing.T) {
	for _, d := range []struct {
		defect, of, alert string
		spoil             func(*rulefmt.Rule) // nil: the alert is not there
	}{
		{"alert-missing", "payments.yaml", "PaymentSuccessLow", nil},
		{"alert-threshold-wrong", "latency.yaml", "LatencyP95High", func(r *rulefmt.Rule) { r.Expr += "000" }},
		{"alert-for-too-long", "latency.yaml", "LatencyP95High", func(r *rulefmt.Rule) { r.For = model.Duration(time.Hour) }},
	} {
		t.Run(d.defect, func(t *testing.T) {
			want := rulesOf(t, d.of)
			at := slices.IndexFunc(want, func(r rulefmt.Rule) bool { return r.Alert == d.alert })
			if d.spoil == nil {
				want = slices.Delete(want, at, at+1)
			} else {
				d.spoil(&want[at])
			}
			if got := rulesOf(t, "defects/"+d.defect+".yaml"); !reflect.DeepEqual(got, want) {
				t.Errorf("rules\n%+v\nwant\n%+v", got, want)
			}
		})
	}
}
