package scenarios

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios/replay"
)

// readRecordings reads the recordings of all replays.
func (c *compiler) readRecordings() {
	c.replays = map[int]*replay.Recording{}
	for i, cohort := range c.doc.Scenario.Traffic.Cohorts {
		at := location{"traffic", "cohorts", i, "replay"}
		if r := cohort.Replay; r == nil || r.File == "" || c.doc.reportedIn(at) || !c.regular(at.to("file"), r.File) {
			continue
		}
		c.readRecording(i, at.to("file"), cohort)
	}
}

// readRecording reads one recording and checks that it can be replayed.
func (c *compiler) readRecording(i int, at location, cohort Cohort) {
	r, path := cohort.Replay, c.absolute(cohort.Replay.File)
	recording, err := replay.Read(path, replay.Options{
		Format: r.Format, Service: r.Service, Hosts: r.Hosts, Headers: r.Headers, Fields: r.Fields, TimesOnly: !cohort.replays(),
	})
	if err != nil {
		c.doc.report(at, fmt.Sprintf("recording %q: %s", shorten(r.File), strings.TrimPrefix(err.Error(), path+": ")), "name its format if it is another")
		return
	}
	limit := defaultMalformed
	if r.Malformed != nil {
		limit = *r.Malformed
	}
	paced := len(cohort.Arrivals)+len(cohort.Weight) > 0
	switch share := 100 * float64(recording.Malformed) / float64(recording.Lines); {
	case share > float64(limit):
		c.doc.report(at, malformed(recording, share), fmt.Sprintf("more than %s of the lines are refused; name the format, mend the file, or raise malformed", limit))
	case recording.Format == replay.Times && cohort.replays():
		c.doc.report(at, "a list of times has no requests to send", "give the cohort a journey to walk at these times")
	case len(recording.Requests) == 0:
		c.doc.report(at, "the recording has nothing to replay"+leftOut(recording), "name the service that gets the requests, or the format if it is another")
	case !recording.HasTimes && !cohort.replays():
		c.doc.report(at, "the recording has no times, and beside a journey only they count", "leave out journey to send its requests, and give the cohort arrivals")
	case !recording.HasTimes && !paced:
		c.doc.report(at, "the recording has no times", "give the cohort arrivals")
	default:
		c.replays[i] = recording
	}
}

// malformed says how much of a recording cannot be read.
func malformed(r *replay.Recording, share float64) string {
	text := fmt.Sprintf("%d of %d lines, %.3g%%, cannot be read", r.Malformed, r.Lines, share)
	if len(r.Samples) > 0 {
		text += "; " + r.Samples[0]
	}
	return text
}

// leftOut says why a recording has no requests.
func leftOut(r *replay.Recording) string {
	var reasons []string
	for _, why := range keys(r.Skipped) {
		reasons = append(reasons, fmt.Sprintf("%d: %s", r.Skipped[why], why))
	}
	if len(reasons) == 0 {
		return ""
	}
	return " (" + strings.Join(reasons, "; ") + ")"
}

// replay puts a recording on the time of the run. Tempo does not change it:
// that would change its rates. A recording that goes on after the last phase is
// a problem: nothing of it is left out in silence.
func (c *compiler) replay(i int, cohort Cohort, phases []PlannedPhase) *PlannedReplay {
	r, recording := cohort.Replay, c.replays[i]
	p := &PlannedReplay{
		File: c.absolute(r.File), Format: recording.Format, Digest: recording.Digest,
		Requests: len(recording.Requests), Span: Duration(recording.Span), Lines: recording.Lines,
		Malformed: recording.Malformed, Samples: recording.Samples, Skipped: recording.Skipped,
		Phase: phases[0].Name, Speed: cmp.Or(float64(r.Speed), 1),
		Paced: len(cohort.Arrivals)+len(cohort.Weight) > 0, Times: !cohort.replays(),
		Service: r.Service, Hosts: r.Hosts, Headers: r.Headers, Fields: r.Fields,
	}
	for _, phase := range phases {
		if phase.Name == r.Phase {
			p.Phase, p.Start = phase.Name, phase.Start
		}
	}
	left := phases[len(phases)-1].End - p.Start
	if !p.Paced && float64(p.Span)/p.Speed >= float64(left) {
		c.reportTooLong(location{"traffic", "cohorts", i, "replay"}, p, left)
	}
	return p
}

// reportTooLong says how fast a recording would have to be to fit.
func (c *compiler) reportTooLong(at location, p *PlannedReplay, left Duration) {
	lasts := Duration(float64(p.Span) / p.Speed)
	message := fmt.Sprintf("the recording lasts %s at speed %s, and from the start of phase %q the run lasts %s", lasts, Factor(p.Speed), p.Phase, left)
	suggestion := "let the phases last longer"
	if fits := fitting(p.Span, left); fits <= 1e6 {
		suggestion += fmt.Sprintf(", or write speed: %s", fits)
	}
	where := at.to("speed")
	if c.doc.node(where) == nil {
		where = at.to("file")
	}
	c.doc.report(where, message, suggestion)
}

// fitting is a speed at which a recording ends before its time does, rounded
// up to three digits.
func fitting(span, left Duration) Factor {
	exact := float64(span) / float64(left)
	unit := math.Pow(10, math.Floor(math.Log10(exact))-2)
	return Factor(math.Round((math.Floor(exact/unit)+1)*unit*1e6) / 1e6)
}
