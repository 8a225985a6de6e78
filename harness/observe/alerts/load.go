package alerts

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
)

// loading is what files are loaded with, and what has come of them so far.
type loading struct {
	every    time.Duration
	scaler   *scaler
	rules    *Rules
	known    map[string]origin // what each rule so far is, to where it stands
	problems []Problem
}

// Load reads rule files as Prometheus does and divides every time in them by scale: for,
// keep_firing_for, query_offset, the intervals of groups, and in expressions ranges,
// offsets, steps of subqueries and the horizon of predict_linear. Thresholds stay what
// they are. Divided times are rounded up to whole milliseconds, and none becomes shorter
// than a scrape interval (see Every); Describe names those that were kept at it.
//
// Every problem of every file is reported at once, in the order of files and lines;
// there are rules only when there is none.
func Load(files []string, scale float64, options ...Option) (*Rules, []Problem) {
	l := &loading{every: time.Second, known: map[string]origin{}}
	for _, o := range options {
		o(l)
	}
	if !(scale > 0) || math.IsInf(scale, 0) {
		return nil, []Problem{{Message: fmt.Sprintf("the times of rules cannot be divided by %v: give a number above 0", scale)}}
	}
	if l.every <= 0 {
		return nil, []Problem{{Message: fmt.Sprintf("rules cannot be evaluated once in %v: give a time above 0", l.every)}}
	}
	l.scaler = &scaler{by: scale, floor: l.every}
	l.rules = &Rules{files: files, scale: scale, every: l.every}
	seen := map[string]bool{}
	for _, file := range files {
		if clean := filepath.Clean(file); seen[clean] {
			l.problems = append(l.problems, Problem{File: file, Message: "is listed twice: leave one out"})
		} else {
			seen[clean] = true
			l.file(file)
		}
	}
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	l.rules.remarks = l.scaler.remarks
	return l.rules, nil
}

// file adds what is in a file. Prometheus' own reader decides whether it is right; the
// survey, which knows where everything stands, explains.
func (l *loading) file(file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		l.problems = append(l.problems, Problem{File: file, Message: unreadable(err)})
		return
	}
	found, empty := l.survey(file, text)
	groups, errs := parse(text)
	if len(errs) > 0 && len(found) == 0 {
		for _, err := range errs {
			found = append(found, foreign(file, err)...)
		}
	}
	if len(errs) == 0 && empty {
		found = append(found, Problem{File: file, Message: "holds no rule: it needs groups, with rules in them"})
	}
	l.problems = append(l.problems, sorted(found)...)
	if len(l.problems) > 0 {
		return
	}
	for _, g := range groups.Groups {
		l.rules.groups = append(l.rules.groups, l.group(file, g))
	}
}

// parse is Prometheus' reader of rule files.
func parse(text []byte) (*rulefmt.RuleGroups, []error) {
	return rulefmt.Parse(text, false, model.UTF8Validation, language, slog.New(slog.DiscardHandler))
}

func unreadable(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "there is no such file"
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Sprintf("cannot be read: %v", err)
}

// A spot is the place of a rule in messages.
type spot struct{ file, group, rule string }

func (s spot) String() string {
	return strings.TrimSuffix(Problem{File: s.file, Group: s.group, Rule: s.rule}.Error(), ": ")
}

// group is a group with its times divided.
func (l *loading) group(file string, g rulefmt.RuleGroup) group {
	where := spot{file: file, group: g.Name}
	out := group{file: file, name: g.Name, limit: g.Limit, interval: l.every}
	if g.Interval != 0 {
		out.interval = l.scaler.time(where, "interval", time.Duration(g.Interval))
	}
	if g.QueryOffset != nil {
		offset := l.scaler.time(where, "query_offset", time.Duration(*g.QueryOffset))
		out.offset = &offset
	}
	for _, r := range g.Rules {
		where.rule = called(r.Record, r.Alert)
		out.rules = append(out.rules, l.rule(where, g, r))
	}
	return out
}

func (l *loading) rule(where spot, g rulefmt.RuleGroup, r rulefmt.Rule) rule {
	expr, text := l.expr(where, r.Expr)
	return rule{
		record: r.Record, alert: r.Alert, expr: expr, text: text,
		hold:   l.scaler.time(where, "for", time.Duration(r.For)),
		keep:   l.scaler.time(where, "keep_firing_for", time.Duration(r.KeepFiringFor)),
		labels: rules.FromMaps(g.Labels, r.Labels), annotations: labels.FromMap(r.Annotations),
	}
}

// expr is an expression with its times divided. What was divided is printed and read
// again: the engine evaluates the text of an expression, not its tree.
func (l *loading) expr(where spot, text string) (parser.Expr, string) {
	expr, err := language.ParseExpr(text)
	if err == nil && l.scaler.by != 1 {
		l.scaler.expr(where, expr)
		text = expr.String()
		expr, err = language.ParseExpr(text)
	}
	if err != nil { // of one that Prometheus' reader has taken
		l.problems = append(l.problems, Problem{File: where.file, Group: where.group, Rule: where.rule,
			Message: fmt.Sprintf("the expression cannot be read once its times are divided by %v: %s: %v", l.scaler.by, text, err)})
	}
	return expr, strings.TrimSpace(text)
}

// called is what messages call a rule that has a name.
func called(record, alert string) string {
	if alert != "" {
		return "alert " + alert
	}
	return "record " + record
}
