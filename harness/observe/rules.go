package observe

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/alerts"
)

// CheckRules is what is wrong with rule files; nil if Prometheus would load them.
func CheckRules(files []string, scale float64) []alerts.Problem {
	if len(files) == 0 {
		return nil
	}
	_, problems := alerts.Load(files, scale)
	return problems
}

// CheckExpr is what is wrong with an expression, with its position in it.
func CheckExpr(expr string) error { return alerts.CheckExpr(expr) }

// Describe is what rule files hold, evaluated every so often where they do not say; none
// where they cannot be loaded.
func Describe(files []string, scale float64, every time.Duration) journal.RulesLoaded {
	rules, problems := alerts.Load(files, scale, alerts.Every(every))
	if len(problems) > 0 {
		return journal.RulesLoaded{}
	}
	return rules.Describe()
}
