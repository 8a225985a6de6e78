package slofile

import (
	"fmt"
	"slices"
	"strings"
)

// OpenSLOVersion is the apiVersion of files of OpenSLO that are read.
const OpenSLOVersion = "openslo/v1"

// The kinds of objects of OpenSLO.
var kinds = []string{"AlertCondition", "AlertNotificationTarget", "AlertPolicy", "DataSource", "SLI", "SLO", "Service"}

// OpenSLO reads the SLOs of a file, given by its documents. Its SLIs are read for
// those that refer to them; objects of other kinds do not matter. Either there are
// problems, all that were found, in the order of documents, or each SLO is right.
func OpenSLO(documents []any) ([]SLO, []Problem) {
	o := &openSLO{indicators: map[string]*indicator{}}
	readers := make([]*reader, len(documents))
	kindOf := make([]string, len(documents))
	for i, document := range documents { // SLIs may stand behind those who refer to them
		readers[i] = &reader{doc: i}
		kindOf[i] = readers[i].kind(document)
		if kindOf[i] == "SLI" {
			o.define(readers[i], document)
		}
	}
	var all []SLO
	for i, document := range documents {
		if kindOf[i] == "SLO" {
			all = append(all, o.slos(readers[i], document)...)
		}
	}
	var problems []Problem
	for _, r := range readers {
		problems = append(problems, r.problems...)
	}
	if len(all) == 0 && len(problems) == 0 {
		problems = append(problems, Problem{Message: "the file has no object of kind SLO", Suggestion: "name the file of an SLO of OpenSLO"})
	}
	return all, problems
}

// openSLO is what objects of a file know of one another.
type openSLO struct{ indicators map[string]*indicator }

// kind checks what a document is, "" where nobody knows.
func (r *reader) kind(document any) string {
	f := r.object(document, nil)
	version, kind := f.wanted("apiVersion", OpenSLOVersion), f.wanted("kind", "SLO")
	switch {
	case version == "" || kind == "":
		return ""
	case version != OpenSLOVersion:
		r.report(Path{"apiVersion"}, fmt.Sprintf("%q is not %s", shorten(version), OpenSLOVersion), "write apiVersion: "+OpenSLOVersion+", after a look at what has changed since")
		return ""
	case !slices.Contains(kinds, kind):
		r.report(Path{"kind"}, fmt.Sprintf("%q is no kind of OpenSLO", shorten(kind)), "there are "+strings.Join(kinds, ", "))
		return ""
	}
	return kind
}

// begin reads what every object has, and returns its name and its spec, nil where
// there is none.
func (r *reader) begin(value any, at Path, nested bool) (name string, spec *fields) {
	f := r.object(value, at)
	defer f.end()
	if !nested {
		f.pass("apiVersion", "kind")
	}
	metadata := f.object("metadata")
	switch {
	case metadata != nil:
		metadata.pass("displayName", "labels", "annotations")
		name = metadata.wanted("name", "checkout-availability")
		metadata.end()
	case !nested:
		f.missing("metadata", "{name: ...}")
	}
	if spec = f.object("spec"); spec == nil {
		f.missing("spec", "...")
	}
	return name, spec
}

// define reads an SLI that SLOs may refer to.
func (o *openSLO) define(r *reader, document any) {
	name, spec := r.begin(document, nil, false)
	if spec == nil {
		return
	}
	if _, second := o.indicators[name]; second {
		r.report(Path{"metadata", "name"}, fmt.Sprintf("a second SLI has the name %q", shorten(name)), "give each a name of its own")
	}
	o.indicators[name] = spec.indicator()
}

// slos reads an SLO: as many as it has objectives.
func (o *openSLO) slos(r *reader, document any) []SLO {
	name, spec := r.begin(document, nil, false)
	if spec == nil {
		return nil
	}
	defer spec.end()
	spec.pass("description", "service", "alertPolicies")
	method := spec.wanted("budgetingMethod", "Occurrences")
	if method != "" && !slices.Contains(methods, method) {
		r.report(spec.at.to("budgetingMethod"), fmt.Sprintf("%q is no budgeting method", shorten(method)), "there are "+strings.Join(methods, ", "))
	}
	of := o.indicatorOf(spec)
	window := spec.window()
	objectives := spec.list("objectives")
	if len(objectives) == 0 {
		spec.missing("objectives", "[{target: 0.999}]")
	}
	var all []SLO
	for i, value := range objectives {
		s := SLO{Name: name, Doc: r.doc, Path: spec.at.to("objectives", i), Window: window}
		if i > 0 {
			s.Name = fmt.Sprintf("%s-%d", name, i+1)
		}
		r.object(value, s.Path).objective(&s, method, of != nil && of.threshold)
		if of != nil {
			s.Good, s.Bad, s.Total, s.Means = of.good, of.bad, of.total, of.means
		}
		all = append(all, s)
	}
	return all
}

// The budgeting methods.
const (
	occurrences     = "Occurrences"
	timeslices      = "Timeslices"
	ratioTimeslices = "RatioTimeslices"
)

var methods = []string{occurrences, timeslices, ratioTimeslices}

// objective reads one objective; threshold tells that it is of a thresholdMetric.
func (f *fields) objective(s *SLO, method string, threshold bool) {
	defer f.end()
	f.pass("displayName")
	for _, name := range []string{"op", "value"} {
		if _, given := f.get(name); given && !threshold {
			f.r.report(f.at.to(name), "has no effect: it is about a thresholdMetric, and the indicator is a ratio", "leave it out")
		}
	}
	for _, name := range []string{"indicator", "indicatorRef", "compositeWeight"} {
		if _, given := f.get(name); given {
			f.r.report(f.at.to(name), "composite SLOs are not read", "write an SLO for each indicator")
		}
	}
	s.Objective = f.target()
	if method != timeslices && method != ratioTimeslices {
		for _, name := range []string{"timeSliceTarget", "timeSliceWindow"} {
			if _, given := f.get(name); given {
				f.r.report(f.at.to(name), "has no effect: the budgeting method counts events", "write budgetingMethod: Timeslices, or leave it out")
			}
		}
		return
	}
	s.Slice = f.slice()
	share, given := f.within("timeSliceTarget", 0, 1)
	switch {
	case method == timeslices && f.values["timeSliceTarget"] == nil:
		f.missing("timeSliceTarget", "0.95")
	case method == timeslices && given:
		s.SliceTarget = percent(share)
	case given:
		f.r.report(f.at.to("timeSliceTarget"), "has no effect: a slice counts by the share of it that is good", "write budgetingMethod: Timeslices, or leave it out")
	}
}

// target is the objective in percent, of either form.
func (f *fields) target() float64 {
	share, isShare := f.number("target")
	hundredth, isPercent := f.number("targetPercent")
	value, name := percent(share), "target"
	if isPercent {
		value, name = hundredth, "targetPercent"
	}
	switch {
	case isShare && isPercent:
		f.r.report(f.at.to("targetPercent"), "target and targetPercent exclude one another", "keep one of the two")
	case f.values["target"] == nil && f.values["targetPercent"] == nil:
		f.missing("target", "0.999")
	case (isShare || isPercent) && !(value > 0 && value < 100):
		most := map[string]string{"target": "1", "targetPercent": "100"}[name]
		f.r.report(f.at.to(name), fmt.Sprintf("%s leaves no error budget, or everything", describe(f.values[name])), "give a number above 0 and below "+most)
	}
	return value
}

// percent is a share in percent, without the dust of 0.9995 * 100.
func percent(share float64) float64 { return float64(int64(share*1e11+0.5)) / 1e9 }
