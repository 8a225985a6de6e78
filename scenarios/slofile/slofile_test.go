package slofile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// documents are those of a file of JSON, one after another, with numbers as YAML has
// them.
func documents(text []byte) ([]any, error) {
	var all []any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for {
		var value any
		switch err := d.Decode(&value); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("document %d: %w", len(all), err)
		}
		all = append(all, plain(value))
	}
}

func plain(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		n, _ := v.Float64()
		return n
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return value
}

// read reads one of testdata, of the form that its name begins with.
func read(t *testing.T, file string) ([]SLO, []Problem) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	values, err := documents(text)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(filepath.Base(file), "sloth") {
		return Sloth(values)
	}
	return OpenSLO(values)
}

const month = 30 * 24 * time.Hour

func TestSLOsOfFiles(t *testing.T) {
	for file, want := range map[string][]SLO{
		"openslo-ratio": {
			{Name: "good", Objective: 99.95, Window: 28 * 24 * time.Hour, Good: "sum(ok_total)", Total: "sum(all_total)"},
			{Name: "bad", Objective: 99.9, Window: 90 * 24 * time.Hour, Bad: "sum(bad_total)", Total: "sum(all_total)"},
		},
		"openslo-forms": {
			{Name: "gauges", Objective: 99, Window: month, Bad: "rate(bad_total[1m])", Total: "rate(all_total[1m])", Means: Gauges},
			{Name: "windows", Objective: 99, Window: month, Good: "rate(ok_total[{{.window}}])", Total: "rate(all_total[{{.window}}])", Means: Windows},
			{Name: "success", Objective: 99, Window: month, Good: "ratio_ok", Means: Share},
			{Name: "failure", Objective: 99, Window: month, Bad: "ratio_bad", Means: Share},
		},
		"openslo-slices": {
			{Name: "slices", Objective: 99.5, Window: 7 * 24 * time.Hour, Good: "ok_total", Total: "all_total", Slice: 5 * time.Minute, SliceTarget: 95},
			{Name: "slices-2", Objective: 98, Window: 7 * 24 * time.Hour, Good: "ok_total", Total: "all_total", Slice: time.Minute, SliceTarget: 100},
			{Name: "shares", Objective: 99, Window: month, Good: "ok_total", Total: "all_total", Slice: time.Minute},
		},
		"sloth": {
			{Name: "availability", Objective: 99.9, Window: month, Bad: "rate(bad[{{.window}}])", Total: "rate(all[{{- .window -}}])", Means: Windows},
			{Name: "latency", Objective: 99, Window: month, Bad: "ratio[{{ .window }}]", Means: Share},
		},
	} {
		t.Run(file, func(t *testing.T) {
			got, problems := read(t, filepath.Join("testdata", file+".json"))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			for i := range got {
				if len(got[i].Path) == 0 {
					t.Errorf("%s has no place", got[i].Name)
				}
				got[i].Doc, got[i].Path = 0, nil
			}
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
				t.Errorf("%+v\nwant %+v", got, want)
			}
		})
	}
}

// slo is a right document of OpenSLO with something in the place of its parts.
func slo(spec string) string {
	return `{"apiVersion": "openslo/v1", "kind": "SLO", "metadata": {"name": "a"}, "spec": {` + spec + `}}`
}

const (
	ratio      = `"indicator": {"spec": {"ratioMetric": {"good": {"metricSource": {"spec": {"query": "g"}}}, "total": {"metricSource": {"spec": {"query": "t"}}}}}}`
	method     = `, "budgetingMethod": "Occurrences"`
	objectives = `, "objectives": [{"target": 0.9}]`
)

func metric(fields string) string {
	return `"indicator": {"spec": {"ratioMetric": {` + fields + `}}}` + method + objectives
}

func source(query string) string { return `{"metricSource": {"spec": {"query": "` + query + `"}}}` }

func TestOpenSLORefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, path, message string }{
		"another version":        {`{"apiVersion": "openslo/v2alpha", "kind": "SLO"}`, "[apiVersion]", `"openslo/v2alpha" is not openslo/v1`},
		"another kind":           {`{"apiVersion": "openslo/v1", "kind": "Thing"}`, "[kind]", `"Thing" is no kind of OpenSLO`},
		"no mapping":             {`[1]`, "[]", "a list is not a mapping"},
		"no SLO":                 {`{"apiVersion": "openslo/v1", "kind": "Service", "metadata": {"name": "s"}}`, "[]", "the file has no object of kind SLO"},
		"no name":                {`{"apiVersion": "openslo/v1", "kind": "SLO", "metadata": {}, "spec": {` + ratio + method + objectives + `}}`, "[metadata]", `"name" is missing`},
		"no indicator":           {slo(`"budgetingMethod": "Occurrences"` + objectives), "[spec]", `"indicatorRef" is missing`},
		"no such indicator":      {slo(`"indicatorRef": "x"` + method + objectives), "[spec indicatorRef]", `this file has no SLI "x"`},
		"two indicators":         {slo(ratio + `, "indicatorRef": "x"` + method + objectives), "[spec indicatorRef]", "exclude one another"},
		"no method":              {slo(ratio + objectives), "[spec]", `"budgetingMethod" is missing`},
		"no objective":           {slo(ratio + method), "[spec]", `"objectives" is missing`},
		"two targets":            {slo(ratio + method + `, "objectives": [{"target": 0.9, "targetPercent": 90}]`), "[spec objectives 0 targetPercent]", "exclude one another"},
		"a target of all":        {slo(ratio + method + `, "objectives": [{"target": 1}]`), "[spec objectives 0 target]", "1 leaves no error budget"},
		"a target of nothing":    {slo(ratio + method + `, "objectives": [{"targetPercent": 0}]`), "[spec objectives 0 targetPercent]", "0 leaves no error budget"},
		"a target in percent":    {slo(ratio + method + `, "objectives": [{"target": 99.9}]`), "[spec objectives 0 target]", "99.9 leaves no error budget"},
		"a composite":            {slo(ratio + method + `, "objectives": [{"target": 0.9, "compositeWeight": 2}]`), "[spec objectives 0 compositeWeight]", "composite SLOs are not read"},
		"a slice of occurrences": {slo(ratio + method + `, "objectives": [{"target": 0.9, "timeSliceWindow": "1m"}]`), "[spec objectives 0 timeSliceWindow]", "has no effect"},
		"a slice target of all":  {slo(ratio + `, "budgetingMethod": "Timeslices", "objectives": [{"target": 0.9, "timeSliceWindow": "1m", "timeSliceTarget": 95}]`), "[spec objectives 0 timeSliceTarget]", "95 is out of range"},
		"a slice of no length":   {slo(ratio + `, "budgetingMethod": "Timeslices", "objectives": [{"target": 0.9, "timeSliceWindow": 0.5, "timeSliceTarget": 0.95}]`), "[spec objectives 0 timeSliceWindow]", "0.5 is not a duration"},
		"two windows":            {slo(ratio + method + objectives + `, "timeWindow": [{"duration": "1d"}, {"duration": "2d"}]`), "[spec timeWindow 1]", "a second time window"},
		"a window of years":      {slo(ratio + method + objectives + `, "timeWindow": [{"duration": "2Y"}]`), "[spec timeWindow 0 duration]", `"2Y" is not a duration`},
		"a rolling calendar":     {slo(ratio + method + objectives + `, "timeWindow": [{"duration": "1d", "isRolling": true, "calendar": {"startTime": "x", "timeZone": "y"}}]`), "[spec timeWindow 0 calendar]", "a rolling window has no calendar"},
		"a threshold":            {slo(`"indicator": {"spec": {"thresholdMetric": {}}}` + method + `, "objectives": [{"op": "lt", "value": 2, "target": 0.9}]`), "[spec indicator spec thresholdMetric]", "of the events behind it nothing is known"},
		"no ratio":               {slo(`"indicator": {"spec": {}}` + method + objectives), "[spec indicator spec]", `"ratioMetric" is missing`},
		"no total":               {slo(metric(`"good": ` + source("g"))), "[spec indicator spec ratioMetric]", `"total" is missing`},
		"neither good nor bad":   {slo(metric(`"total": ` + source("t"))), "[spec indicator spec ratioMetric]", `"good" is missing`},
		"good and bad":           {slo(metric(`"good": ` + source("g") + `, "bad": ` + source("b") + `, "total": ` + source("t"))), "[spec indicator spec ratioMetric bad]", "exclude one another"},
		"raw and total":          {slo(metric(`"raw": ` + source("r") + `, "rawType": "success", "total": ` + source("t"))), "[spec indicator spec ratioMetric raw]", "raw is the ratio itself"},
		"raw of no type":         {slo(metric(`"raw": ` + source("r"))), "[spec indicator spec ratioMetric]", `"rawType" is missing`},
		"a type of no raw":       {slo(metric(`"good": ` + source("g") + `, "rawType": "success", "total": ` + source("t"))), "[spec indicator spec ratioMetric rawType]", "has no effect without raw"},
		"a rate as a counter":    {slo(metric(`"counter": true, "good": ` + source("sum(rate (g[5m]))") + `, "total": ` + source("t"))), "[spec indicator spec ratioMetric good metricSource spec query]", "rate is no counter"},
		"another database":       {slo(metric(`"good": {"metricSource": {"type": "Datadog", "spec": {}}}, "total": ` + source("t"))), "[spec indicator spec ratioMetric good metricSource type]", `"Datadog" cannot be asked`},
		"an unknown field":       {slo(ratio + method + objectives + `, "budget": 1`), "[spec budget]", `unknown field "budget"`},
	} {
		t.Run(name, func(t *testing.T) { refused(t, OpenSLO, c.text, c.path, c.message) })
	}
}

func TestSlothRefuses(t *testing.T) {
	file := func(slo string) string {
		return `{"version": "prometheus/v1", "service": "s", "slos": [` + slo + `]}`
	}
	const events = `"sli": {"events": {"error_query": "e[{{.window}}]", "total_query": "t[{{.window}}]"}}`
	for name, c := range map[string]struct{ text, path, message string }{
		"another version":  {strings.Replace(file(`{"name": "a", "objective": 99, `+events+`}`), "prometheus/v1", "sloth/v1", 1), "[version]", `"sloth/v1" is not prometheus/v1`},
		"two documents":    {`{} {}`, "[]", "the file has 2 documents"},
		"no document":      {``, "[]", "the file has 0 documents"},
		"no SLO":           {file(""), "[]", `"slos" is missing`},
		"no objective":     {file(`{"name": "a", ` + events + `}`), "[slos 0]", `"objective" is missing`},
		"all":              {file(`{"name": "a", "objective": 100, ` + events + `}`), "[slos 0 objective]", "100 leaves no error budget"},
		"a text":           {file(`{"name": "a", "objective": "99", ` + events + `}`), "[slos 0 objective]", `"99" is not a number`},
		"no indicator":     {file(`{"name": "a", "objective": 99}`), "[slos 0]", `"sli" is missing`},
		"an empty one":     {file(`{"name": "a", "objective": 99, "sli": {}}`), "[slos 0 sli]", `"events" is missing`},
		"a plugin":         {file(`{"name": "a", "objective": 99, "sli": {"plugin": {"id": "x"}}}`), "[slos 0 sli plugin]", "a plugin is a program"},
		"two indicators":   {file(`{"name": "a", "objective": 99, "sli": {"events": {"error_query": "e[{{.window}}]", "total_query": "t[{{.window}}]"}, "raw": {"error_ratio_query": "r[{{.window}}]"}}}`), "[slos 0 sli raw]", "exclude one another"},
		"a fixed range":    {file(`{"name": "a", "objective": 99, "sli": {"raw": {"error_ratio_query": "r[5m]"}}}`), "[slos 0 sli raw error_ratio_query]", "has no {{.window}}"},
		"another variable": {file(`{"name": "a", "objective": 99, "sli": {"raw": {"error_ratio_query": "r{x=\"{{.x}}\"}[{{.window}}]"}}}`), "[slos 0 sli raw error_ratio_query]", "{{.x}} is not known"},
		"an empty name":    {file(`{"name": "", "objective": 99, ` + events + `}`), "[slos 0 name]", "is empty"},
		"an unknown field": {file(`{"name": "a", "objective": 99, "window": "30d", ` + events + `}`), "[slos 0 window]", `unknown field "window"`},
	} {
		t.Run(name, func(t *testing.T) { refused(t, Sloth, c.text, c.path, c.message) })
	}
}

// refused wants exactly one problem.
func refused(t *testing.T, read func([]any) ([]SLO, []Problem), text, path, message string) {
	t.Helper()
	values, err := documents([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	_, problems := read(values)
	found := slices.ContainsFunc(problems, func(p Problem) bool {
		return fmt.Sprint([]any(p.Path)) == path && strings.Contains(p.Message, message)
	})
	if !found || len(problems) > 1 {
		t.Errorf("%+v\nwant %s: %s", problems, path, message)
	}
}

// What is said of one document is placed in it.
func TestProblemsKnowTheirDocument(t *testing.T) {
	values, err := documents([]byte(slo(ratio+method+objectives) + slo(ratio+method+objectives+`, "budget": 1`)))
	if err != nil {
		t.Fatal(err)
	}
	slos, problems := OpenSLO(values)
	if len(problems) != 1 || problems[0].Doc != 1 || !problems[0].Key || !slices.Contains(problems[0].Known, "budgetingMethod") {
		t.Errorf("%+v", problems)
	}
	if len(slos) != 2 || slos[0].Doc != 0 || slos[1].Doc != 1 {
		t.Errorf("%+v", slos)
	}
}

func TestWindowsOfQueries(t *testing.T) {
	query := "rate(a[{{.window}}]) / rate(b[{{ .window }}])"
	if got := WithWindow(query, "$5s"); got != "rate(a[$5s]) / rate(b[$5s])" || Windowed(query) != 2 {
		t.Errorf("%s, %d windows", got, Windowed(query))
	}
}

// fuzz wants that whatever stands in a file, it is refused or comes to SLOs that can
// be judged.
func fuzz(f *testing.F, form string, read func([]any) ([]SLO, []Problem)) {
	files, err := filepath.Glob(filepath.Join("testdata", form+"*.json"))
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := documents(text)
		if err != nil {
			t.Skip()
		}
		slos, problems := read(values)
		for _, p := range problems {
			if p.Message == "" || p.Doc < 0 || p.Doc > len(values) {
				t.Errorf("%+v", p)
			}
		}
		if len(problems) > 0 {
			return
		}
		if len(slos) == 0 {
			t.Error("neither an SLO nor a problem")
		}
		for _, s := range slos {
			one := (s.Good == "") != (s.Bad == "") && (s.Total == "") == (s.Means == Share)
			if !one || s.Name == "" || !(s.Objective > 0 && s.Objective < 100) || s.Window <= 0 || s.Slice < 0 || s.SliceTarget < 0 || s.SliceTarget > 100 || math.IsNaN(s.SliceTarget) {
				t.Errorf("%+v", s)
			}
		}
	})
}
