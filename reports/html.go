package reports

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// The page's parts. Style and script go into the page as they are; the
// template escapes everything else by its context.
var (
	//go:embed report.html.tmpl
	pageSource string
	//go:embed report.css
	pageStyle string
	//go:embed report.js
	pageScript string

	pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
		"count": count, "span": span, "moment": moment, "clean": clean,
	}).Parse(pageSource))
)

// contentPolicy forbids the page every request and every script but its own,
// whatever a text of the run may hold.
var contentPolicy = func() string {
	sum := sha256.Sum256([]byte(pageScript))
	return "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; script-src 'sha256-" +
		base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// HTML writes the run as one page that needs nothing else: no network, no
// other file, no script (a small one adds a reading line and zoom to the charts). It
// stays below 500 KB for a short run and 2 MB for one of an hour, because
// series are thinned and tables are cut with a remark.
func HTML(w io.Writer, run Run) error {
	out := bufio.NewWriter(w)
	if err := pageTemplate.Execute(out, newPage(run)); err != nil {
		return fmt.Errorf("render the page: %w", err)
	}
	return out.Flush()
}

// page is what the template shows.
type page struct {
	Policy     string
	Style      template.CSS
	Script     template.JS
	Title      string
	Summary    string
	Subtitle   string
	Started    string
	Verdict    badge
	Conclusion string
	Trouble    string
	Spoiled    string
	Tiles      []tile
	Checks     []pageCheck
	Timeline   *pageTimeline
	Blames     []pageBlame
	Suppressed string
	Scaling    *pageScaling
	Faults     *pageFaults
	Alerts     *pageAlerts
	Gameday    *pageGameday
	Slow       [][]string
	Ledgers    []pageLedger
	Parts      []pagePart
	Generator  *pageGenerator
	Sections   []pageSection
	Groups     []pageGroup
	RestGroups string
	Entries    []pageChapter
	MoreEvents int
	Remarks    []pageRemark
	Lint       []pageRemark // of the plan
	Command    string
	Facts      []pageFact
}

// A badge is a verdict as symbol, word and style class.
type badge struct{ Symbol, Word, Class string }

func badgeOf(v verify.Verdict) badge {
	class := "open"
	switch v {
	case verify.Pass:
		class = "pass"
	case verify.Fail:
		class = "fail"
	}
	return badge{symbol(v), word(v), class}
}

type tile struct{ Name, Value, Note string }

type pageCheck struct {
	Badge                        badge
	ID, Wanted, Measured, Reason string
	Open                         bool
	Evidence                     []pageEvidence
	Rest                         []pageEvidence // behind a fold
	More                         int            // not on the page

	// From and To hold all of its evidence, in seconds on the charts' axis;
	// they mean nothing unless HasWindow.
	From, To  float64
	HasWindow bool
	Zoom      template.URL // to that window in the charts; "" without one
	Window    string       // the window in words
}

// Quote is the log that the evidence quotes.
type pageEvidence struct{ Text, When, Anchor, Quote string }

type (
	pageBlame struct {
		Who, When, How                 string
		Failed, Reused, Fresh, Unknown int
	}
	pageLedger struct {
		ID, Wanted, Acknowledged, Found, Missing, Repeated, Read, Remark string
		Grave                                                            bool
	}
	pageSection struct {
		Title string
		Rows  []pageRow
	}
	pageRow struct {
		Journey, Step       string
		Total               bool
		Requests            int
		OK, Failed, Unknown int
		P50, P95, P99, Max  string
		Share               string
	}
	pageGroup struct {
		Count                                 int
		Outcome, Where, Message, When, Sample string
	}
	pageEntry struct {
		At, Kind, Subject, Text string
		Grave                   bool
	}
	// pageChapter is a part of the events; Title "" stands open.
	pageChapter struct {
		Title   string
		Entries []pageEntry
	}
	pageRemark struct {
		Warning bool
		Text    string
	}
	pageFact struct{ Name, Value string }
)

func newPage(run Run) page {
	events := run.events()
	w := windowOf(events)
	sums := run.sums()
	merged := timesOf(sums)
	totals := totalsOf(run, w, merged)
	p := page{
		Policy: contentPolicy, Style: template.CSS(pageStyle), Script: template.JS(pageScript), //nolint:gosec // our own files
		Title: clean(scenarioName(run)), Subtitle: subtitle(run, w), Verdict: badgeOf(run.Result.Verdict),
		Conclusion: conclusion(run.Result), Trouble: clean(trouble(run)), Tiles: tilesOf(totals),
		Command: reproduce(run), Timeline: timelineOf(run, w), Spoiled: spoiled(run), Ledgers: pageLedgers(run),
		Scaling: pageScalingOf(scalingOf(run, w)), Faults: pageFaultsOf(faultsOf(run)), Alerts: pageAlertsOf(alertsOf(run)), Gameday: pageGamedayOf(run), Slow: pageSlowOf(slowOf(run)),
	}
	if run.Intent.Plan != nil {
		p.Summary = clean(run.Intent.Plan.Summary)
	}
	if !run.Intent.Started.IsZero() {
		p.Started = run.Intent.Started.Format("2 January 2006, 15:04 MST")
	}
	p.Checks = pageChecks(run.Result.Checks, p.Timeline)
	p.blames(run)
	p.Parts = pageParts(breakdownsOf(run, sums))
	p.Generator = pageGeneratorOf(run, w, generatorOf(run, sums, merged))
	p.Sections = pageSections(run, merged)
	p.groups(run)
	p.chronicle(run, w)
	for _, r := range run.remarked() {
		p.Lint = append(p.Lint, pageRemark{r.Level == "warning", clean(fmt.Sprintf("%s, %s: %s", r.Service, r.Rule, r.Text))})
	}
	for _, r := range remarksOf(run) {
		p.Remarks = append(p.Remarks, pageRemark{r.warning, r.text})
	}
	for _, f := range factsOf(run) {
		p.Facts = append(p.Facts, pageFact{f.name, f.value})
	}
	return p
}

func tilesOf(t Totals) []tile {
	if t.Requests == 0 {
		return nil
	}
	tiles := []tile{
		{"Requests", count(t.Requests), plural(t.Sessions, "session")},
		{"Succeeded", percent(t.OK, t.Requests), fmt.Sprintf("%s failed, %s unknown", count(t.Failed), count(t.Unknown))},
		{"Rate achieved", rate(t.AchievedRate), "of " + rate(t.IntendedRate) + " intended"},
	}
	if t.Max > 0 {
		tiles = append(tiles, tile{"Response p99", span(t.P99), "p50 " + span(t.P50) + ", p95 " + span(t.P95)})
	}
	if t.LagP99 > 0 {
		tiles = append(tiles, tile{"Generator lag p99", span(t.LagP99), "its own delay"})
	}
	return tiles
}

// maxEvidence bounds the evidence of one check on the page, openEvidence what
// of it is in sight at once.
const (
	maxEvidence  = 50
	openEvidence = 5
)

// pageChecks lists the findings, what failed first, and gives evidence with a
// time a link to that stretch of the timeline.
func pageChecks(findings []verify.Finding, timeline *pageTimeline) []pageCheck {
	var checks []pageCheck
	for _, f := range bySeverity(findings) {
		c := pageCheck{
			Badge: badgeOf(f.Verdict), ID: clean(f.ID), Wanted: clean(f.Wanted), Measured: clean(f.Measured),
			Reason: clean(f.Reason), Open: f.Verdict != verify.Pass,
		}
		if timeline != nil {
			c.From, c.To, c.HasWindow = evidenceWindow(f.Evidence, timeline.window)
		}
		if c.HasWindow {
			c.Zoom, c.Window = timeline.zoomLink(c.From, c.To), betweenMoments(c.From, c.To)
		}
		for i, e := range f.Evidence {
			if i == maxEvidence {
				c.More = len(f.Evidence) - maxEvidence
				break
			}
			when := period(e)
			e.From, e.To = min(e.From, e.To), max(e.From, e.To)
			bare := e
			bare.From, bare.To = 0, 0
			lines := evidenceLines(bare)
			c.Evidence = append(c.Evidence, pageEvidence{lines[0], when, timeline.anchor(e, when), strings.Join(lines[1:], "\n")})
		}
		if len(c.Evidence) > openEvidence+1 {
			c.Evidence, c.Rest = c.Evidence[:openEvidence], c.Evidence[openEvidence:]
		}
		checks = append(checks, c)
	}
	return checks
}

func (p *page) blames(run Run) {
	blames, suppressed := blamesOf(run.events())
	for _, b := range blames {
		p.Blames = append(p.Blames, pageBlame{
			Who: clean(b.who()), When: b.window(), How: b.how(),
			Failed: b.failed, Reused: b.reused, Fresh: b.fresh, Unknown: b.gone,
		})
	}
	if suppressed > 0 {
		p.Suppressed = suppressedText(suppressed)
	}
}

func pageLedgers(run Run) []pageLedger {
	var list []pageLedger
	for _, l := range ledgersOf(run) {
		list = append(list, pageLedger{l.ID, l.wants(), l.acknowledged(), l.found(), l.missing(), l.repeated(), l.reading(), l.remark(), l.grave()})
	}
	return list
}

func pageSections(run Run, merged times) []pageSection {
	var sections []pageSection
	for _, s := range sectionsOf(run, merged) {
		section := pageSection{Title: "Phase " + clean(s.phase)}
		if s.phase == "" {
			section.Title = "Whole run"
		}
		for _, r := range s.rows {
			section.Rows = append(section.Rows, pageRow{
				Journey: clean(r.journey), Step: clean(r.step), Total: r.step == "",
				Requests: r.requests(), OK: r.ok, Failed: r.failed, Unknown: r.unknown,
				P50: span(r.p50), P95: span(r.p95), P99: span(r.p99), Max: span(r.most), Share: percent(r.ok, r.requests()),
			})
		}
		sections = append(sections, section)
	}
	return sections
}

// maxSample bounds the sample of an error group on the page, in characters.
const maxSample = 2000

func (p *page) groups(run Run) {
	groups, rest, restCount := groupsOf(run.groups())
	for _, g := range groups {
		p.Groups = append(p.Groups, pageGroup{
			Count: g.Count, Outcome: clean(g.Outcome), Where: clean(g.Journey + " / " + g.Step), Message: clean(cut(g.Message, 500)),
			When: moment(g.First) + " to " + moment(g.Last), Sample: cleanLines(cut(g.Sample, maxSample)),
		})
	}
	if rest > 0 {
		p.RestGroups = plural(restCount, "more error") + " in " + plural(rest, "more group")
	}
}

// cleanLines is clean for a text whose lines are to stay.
func cleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = clean(l)
	}
	return strings.Join(lines, "\n")
}

// chronicle lists the events; bringing the stack up and taking it down are
// folded away.
func (p *page) chronicle(run Run, w window) {
	entries, more := chronicleOf(run.events())
	var before, during, after []pageEntry
	for _, e := range entries {
		n := pageEntry{At: moment(e.at), Kind: e.kind, Subject: clean(e.subject), Text: clean(e.text), Grave: e.grave}
		switch {
		case e.at < w.traffic:
			before = append(before, n)
		case e.at > w.to:
			after = append(after, n)
		default:
			during = append(during, n)
		}
	}
	p.chapter(plural(len(before), "event")+" before traffic", before)
	p.chapter("", during)
	p.chapter(plural(len(after), "event")+" afterwards", after)
	p.MoreEvents = more
}

func (p *page) chapter(title string, entries []pageEntry) {
	if len(entries) > 0 {
		p.Entries = append(p.Entries, pageChapter{title, entries})
	}
}
