package slofile

import (
	"fmt"
	"regexp"
)

// SlothVersion is the version of files of Sloth that are read.
const SlothVersion = "prometheus/v1"

// Sloth reads the SLOs of a file, given by its documents, of which there is one. The
// window of their budgets is 30 days, as Sloth has it by default. Either there are
// problems, all that were found, or each SLO is right.
func Sloth(documents []any) ([]SLO, []Problem) {
	r := &reader{}
	if len(documents) != 1 {
		r.doc = min(1, len(documents))
		r.report(nil, fmt.Sprintf("the file has %d documents, and one of Sloth has one", len(documents)), "remove the --- and what follows it")
		return nil, r.problems
	}
	f := r.object(documents[0], nil)
	f.pass("labels")
	if version := f.wanted("version", SlothVersion); version != "" && version != SlothVersion {
		r.report(Path{"version"}, fmt.Sprintf("%q is not %s", shorten(version), SlothVersion), "write version: "+SlothVersion)
	}
	f.wanted("service", "checkout")
	list := f.list("slos")
	if len(list) == 0 {
		f.missing("slos", "[...]")
	}
	var all []SLO
	for i, value := range list {
		all = append(all, r.sloth(value, Path{"slos", i}))
	}
	f.end()
	return all, r.problems
}

// sloth reads one SLO.
func (r *reader) sloth(value any, at Path) SLO {
	f := r.object(value, at)
	defer f.end()
	f.pass("description", "labels", "alerting")
	s := SLO{Name: f.wanted("name", "requests-availability"), Path: at, Window: defaultWindow}
	objective, given := f.number("objective")
	switch {
	case f.values != nil && f.values["objective"] == nil:
		f.missing("objective", "99.9")
	case given && !(objective > 0 && objective < 100):
		r.report(at.to("objective"), fmt.Sprintf("%g leaves no error budget, or everything", objective), "give a number above 0 and below 100")
	}
	s.Objective = objective
	sli := f.object("sli")
	if sli == nil {
		f.missing("sli", "{events: {error_query: ..., total_query: ...}}")
		return s
	}
	sli.sloth(&s)
	return s
}

// sloth reads what an SLO measures.
func (f *fields) sloth(s *SLO) {
	defer f.end()
	if _, given := f.get("plugin"); given {
		f.r.report(f.at.to("plugin"), "a plugin is a program that makes the queries, and is not run", "write the queries that it makes under events")
		f.pass("events", "raw")
		return
	}
	events, raw := f.object("events"), f.object("raw")
	switch {
	case events != nil && raw != nil:
		f.r.report(f.at.to("raw"), "events and raw exclude one another", "keep one of the two")
	case events == nil && raw == nil:
		f.missing("events", "{error_query: ..., total_query: ...}")
	}
	if events != nil {
		s.Means = Windows
		s.Bad = events.query("error_query", `sum(rate(http_requests_total{code=~"5.."}[{{.window}}]))`)
		s.Total = events.query("total_query", "sum(rate(http_requests_total[{{.window}}]))")
		events.end()
	}
	if raw != nil {
		s.Means = Share
		s.Bad = raw.query("error_ratio_query", "...")
		raw.end()
	}
}

var (
	windowVariable = regexp.MustCompile(`\{\{-?\s*\.window\s*-?\}\}`)
	anyVariable    = regexp.MustCompile(`\{\{.*?\}\}`)
)

// windowed tells that a query has the variable for a range.
func windowed(query string) bool { return windowVariable.MatchString(query) }

// Windowed is how often the variable {{.window}} stands in a query.
func Windowed(query string) int { return len(windowVariable.FindAllString(query, -1)) }

// WithWindow is the query with a range in place of the variable {{.window}}.
func WithWindow(query, window string) string {
	return windowVariable.ReplaceAllLiteralString(query, window)
}

// query is a query with the variable for its range.
func (f *fields) query(name, example string) string {
	query := f.wanted(name, example)
	if query == "" {
		return ""
	}
	if !windowed(query) {
		f.r.report(f.at.to(name), "has no {{.window}}", "write it in place of the range, as in rate(http_requests_total[{{.window}}]); Sloth wants it too")
	}
	for _, variable := range anyVariable.FindAllString(query, -1) {
		if !windowed(variable) {
			f.r.report(f.at.to(name), fmt.Sprintf("%s is not known", shorten(variable)), "the only variable is {{.window}}")
		}
	}
	return query
}
