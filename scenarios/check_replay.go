package scenarios

import (
	"fmt"
	"net/http"
	"slices"
)

// The members of JSON lines that replay.fields can name.
var replayFields = []string{"time", "method", "path", "url", "query", "host", "headers", "body", "request"}

// checkReplay checks what can be said of a replay without its recording.
func (d *Document) checkReplay(cohort location, c Cohort) {
	at, r := cohort.to("replay"), *c.Replay
	if r.Phase != "" {
		d.checkName(at.to("phase"), "phase", r.Phase, d.phaseNames())
	}
	for i, name := range r.Headers {
		d.checkHeader(at.to("headers", i), name, d.report)
		d.checkOwnHeader(at.to("headers", i), name, d.report)
	}
	for _, name := range keys(r.Fields) {
		if !slices.Contains(replayFields, name) {
			d.reportKey(at.to("fields", name), fmt.Sprintf("%q is no part of a request", shorten(name)), didYouMean(name, replayFields))
		}
	}
	if r.Format != "" && r.Format != "json-lines" {
		d.reportUseless(at, "fields", r.Format+" has none", "leave it out")
	}
	if d.given(cohort, "journey") {
		d.checkReplayOfTimes(at, c)
		return
	}
	d.checkReplayOfRequests(cohort, c)
}

// checkReplayOfTimes checks a replay whose arrivals walk a journey.
func (d *Document) checkReplayOfTimes(at location, c Cohort) {
	const why = "beside a journey only the times of a recording count"
	d.reportUseless(at, "service", why, "leave it out; hosts alone selects what counts")
	d.reportUseless(at, "headers", why, "leave it out")
	if slices.Contains([]string{"vegeta-http", "vegeta-json"}, c.Replay.Format) {
		d.report(at.to("format"), c.Replay.Format+" has no times, and beside a journey only they count", "leave out journey to send its requests, and give the cohort arrivals")
	}
}

// checkReplayOfRequests checks a replay that sends what was recorded.
func (d *Document) checkReplayOfRequests(cohort location, c Cohort) {
	at, r := cohort.to("replay"), *c.Replay
	if _, taken := d.Scenario.Traffic.Journeys[c.Name]; taken {
		d.report(cohort.to("name"), fmt.Sprintf("the requests of the replay are reported as journey %q, and there is a journey of that name", c.Name), "give the cohort another name")
	}
	if r.Service == "" && len(r.Hosts) == 0 && !d.reportedIn(at) {
		d.report(at, "nothing says which service gets the requests", "add service: ..., or hosts with a service for each")
	}
	for _, key := range []string{"tenants", "skew", "hot", "sizes", "cookies"} {
		d.reportUseless(cohort, key, "recorded requests are sent as they are", "leave it out, or give the cohort a journey to walk at the recorded times")
	}
	for i, a := range c.Arrivals {
		if a.Closed != nil {
			d.reportKey(cohort.to("arrivals", i, "closed"), "a closed loop needs a journey, and recorded requests have none", "give the cohort a rate")
		}
	}
	paced := d.givenOf(cohort, "arrivals", "weight")
	if len(paced) > 0 {
		d.reportUseless(at, "speed", paced[0]+" says when requests are sent", "leave it out")
		d.reportUseless(at, "phase", paced[0]+" says when requests are sent", "leave it out")
		return
	}
	switch r.Format {
	case "times":
		d.report(at.to("format"), "a list of times has no requests to send", "give the cohort a journey to walk at these times")
	case "vegeta-http", "vegeta-json":
		d.report(at.to("format"), r.Format+" has no times", "give the cohort arrivals")
	}
}

// ownHeaders are those that the driver sets on every request itself.
var ownHeaders = []string{"Content-Length", "Transfer-Encoding", "Connection", reservedHeader}

// checkOwnHeader reports a header that only the driver may send.
func (d *Document) checkOwnHeader(at location, name string, report func(location, string, string)) {
	if canonical := http.CanonicalHeaderKey(name); slices.Contains(ownHeaders, canonical) {
		report(at, canonical+" is the driver's own", "use another header")
	}
}
