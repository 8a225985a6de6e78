package scenarios

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
)

// journeys are those of the scenario, and one for each replay of requests.
func (c *compiler) journeys() map[string][]PlannedStep {
	t := c.doc.Scenario.Traffic
	planned := map[string][]PlannedStep{}
	for name, journey := range t.Journeys {
		planned[name] = c.steps(journey)
	}
	for _, cohort := range t.Cohorts {
		if cohort.replays() {
			planned[cohort.Name] = []PlannedStep{{Name: replayStep, Timeout: cmp.Or(t.Timeout, defaultRequest)}}
		}
	}
	return planned
}

func (c *compiler) steps(steps Journey) []PlannedStep {
	var planned []PlannedStep
	for _, s := range steps {
		planned = append(planned, c.step(s))
	}
	return planned
}

// step takes a step apart.
func (c *compiler) step(s JourneyStep) PlannedStep {
	switch {
	case s.Choose != nil:
		var options []PlannedOption
		for _, o := range s.Choose {
			options = append(options, PlannedOption{Weight: o.Weight, Steps: c.steps(o.Steps)})
		}
		return PlannedStep{Choose: options}
	case s.Repeat != nil:
		return PlannedStep{Repeat: &PlannedRepeat{Times: s.Repeat.Times, Steps: c.steps(s.Repeat.Steps)}}
	}
	line, _ := parseRequest(s.Request) // checked before
	step := PlannedStep{
		Name: s.Name, Service: line.Service, Method: line.Method, Path: line.Path,
		Headers: maps.Clone(s.Headers),
		Body:    s.Body,
		Payload: s.Payload,
		Gzip:    s.Gzip,
		Chunked: s.Chunked,
		Think:   s.Think,
		Timeout: cmp.Or(s.Timeout, c.doc.Scenario.Traffic.Timeout, defaultRequest),
		Extract: s.Extract,
		Poll:    planPoll(s.Poll),
	}
	if s.BodyFile != "" {
		step.BodyFile = c.absolute(s.BodyFile)
	}
	if s.Expect != nil {
		step.Expect = *s.Expect
	}
	if s.JSON != nil {
		step.Body = renderJSON(s.JSON)
		step.Headers = withContentType(step.Headers)
	}
	return step
}

// withContentType adds that a body is JSON, unless the headers say what it is.
func withContentType(headers map[string]string) map[string]string {
	if hasHeader(headers, "Content-Type") {
		return headers
	}
	if headers == nil {
		headers = map[string]string{}
	}
	headers["Content-Type"] = "application/json"
	return headers
}

// hasHeader tells whether a header is among some, however it is written.
func hasHeader(headers map[string]string, name string) bool {
	for written := range headers {
		if http.CanonicalHeaderKey(written) == name {
			return true
		}
	}
	return false
}

// planPoll fills in how often and how long.
func planPoll(poll *Poll) *Poll {
	if poll == nil {
		return nil
	}
	p := *poll
	p.Every = cmp.Or(p.Every, defaultEvery)
	p.Within = cmp.Or(p.Within, defaultWithin)
	return &p
}

// renderJSON writes a body with its templates as they stand. Values from YAML
// always can be written.
func renderJSON(value any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return ""
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}
