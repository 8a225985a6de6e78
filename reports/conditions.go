package reports

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A ClosedLoop is a load that did not arrive on its own but waited for
// answers.
type ClosedLoop struct {
	Cohort   string `json:"cohort"`
	Journey  string `json:"journey"`
	Phase    string `json:"phase"`
	Sessions int    `json:"sessions"`
}

// closedLoops are those of the plan.
func closedLoops(run Run) []ClosedLoop {
	loops := []ClosedLoop{}
	if run.Intent.Plan == nil {
		return loops
	}
	for _, load := range run.Intent.Plan.Load {
		for _, c := range load.Closed {
			loops = append(loops, ClosedLoop{clean(load.Cohort), clean(load.Journey), clean(c.Phase), c.Sessions})
		}
	}
	return loops
}

// remark says what a closed loop hides.
func (c ClosedLoop) remark() string {
	return fmt.Sprintf("Closed loop: %s of cohort %s in %s each waited for their answers before they went on, so that load slowed down with the system. Latencies of journey %s are lower than people who arrive on their own would have seen.",
		plural(c.Sessions, "session"), c.Cohort, c.Phase, c.Journey)
}

// multiple is what every arrival was multiplied with: "3x load", "" for 1.
func multiple(run Run) string {
	if p := run.Intent.Plan; p != nil && p.Multiple != 0 && p.Multiple != 1 {
		return strconv.FormatFloat(p.Multiple, 'g', -1, 64) + "x load"
	}
	return ""
}

// A Replay is what was read from a recording.
type Replay struct {
	Cohort    string         `json:"cohort"`
	File      string         `json:"file"` // without its directory
	Format    string         `json:"format"`
	Lines     int            `json:"lines"`
	Requests  int            `json:"requests"`
	Malformed int            `json:"malformed"`
	Samples   []string       `json:"samples"` // of malformed lines
	Skipped   map[string]int `json:"skipped"` // by reason
	// Withheld counts headers left out for the credentials in them, by name; the
	// others are requests: without their recorded body, behind a later one, and
	// moved within the second to which their time was known.
	Withheld    map[string]int `json:"withheld"`
	WithoutBody int            `json:"without_body"`
	Reordered   int            `json:"reordered"`
	Spread      int            `json:"spread"`
}

// How much of malformed lines is shown.
const (
	maxSamples   = 3
	sampleLength = 80
)

// replaysOf reads them in order of the record.
func replaysOf(run Run) []Replay {
	replays := []Replay{}
	for _, e := range run.events() {
		b, ok := e.Body.(journal.Replayed)
		if !ok {
			continue
		}
		r := Replay{
			Cohort: clean(b.Cohort), File: clean(filepath.Base(b.File)), Format: clean(b.Format), Lines: b.Lines, Requests: b.Requests,
			Malformed: b.Malformed, Samples: []string{}, Skipped: cleanKeys(b.Skipped), Withheld: cleanKeys(b.Withheld),
			WithoutBody: b.WithoutBody, Reordered: b.Reordered, Spread: b.Spread,
		}
		for _, s := range b.Samples[:min(len(b.Samples), maxSamples)] {
			r.Samples = append(r.Samples, cut(clean(s), sampleLength))
		}
		replays = append(replays, r)
	}
	return replays
}

// unit is what a recording consists of.
func (r Replay) unit() string {
	switch {
	case r.Format == "har":
		return "recorded request"
	case strings.HasPrefix(r.Format, "vegeta-"):
		return "target"
	}
	return "line"
}

// remark says what of a recording was sent and what was not; grave where lines
// could not be read.
func (r Replay) remark() (text string, grave bool) {
	text = fmt.Sprintf("Cohort %s replayed %s (%s): %s, %s to send", r.Cohort, r.File, r.Format, plural(r.Lines, r.unit()), plural(r.Requests, "request"))
	if r.Malformed > 0 {
		text += fmt.Sprintf("; %s could not be read (%s)", plural(r.Malformed, r.unit()), percent(r.Malformed, r.Lines))
		var quoted []string
		for _, s := range r.Samples {
			quoted = append(quoted, strconv.Quote(s))
		}
		text += after("", ", such as ", strings.Join(quoted, " and "))
	}
	var skipped, withheld []string
	for _, why := range slices.Sorted(maps.Keys(r.Skipped)) {
		skipped = append(skipped, count(r.Skipped[why])+" ("+why+")")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Withheld)) {
		withheld = append(withheld, count(r.Withheld[name])+" "+name)
	}
	text += after("", "; left out: ", listed(skipped, 10)) + after("", "; headers with credentials left out: ", listed(withheld, 10))
	for _, part := range []struct {
		n    int
		what string
	}{
		{r.WithoutBody, "sent without a body, which was not recorded"},
		{r.Reordered, "put in order of time"},
		{r.Spread, "spread within their second, beyond which no time was recorded"},
	} {
		if part.n > 0 {
			text += "; " + count(part.n) + " " + part.what
		}
	}
	return text + ".", r.Malformed > 0
}

// cleanKeys are counts by texts of the run.
func cleanKeys(counts map[string]int) map[string]int {
	cleaned := map[string]int{}
	for text, n := range counts {
		cleaned[clean(text)] += n
	}
	return cleaned
}
