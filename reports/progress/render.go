package progress

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A Line is one of a frame: text without control characters, and how it is shown. No
// meaning is in the style alone.
type Line struct {
	Text  string
	Style Style
}

// Style is how a line is emphasized.
type Style int

// The styles.
const (
	Normal Style = iota
	Bold
	Faint
	Alarm
)

// narrow is the number of columns below which only the figures are shown.
const narrow = 40

// kept is how many lines above a frame stay in sight where there is room for both.
const kept = 5

// A section is a part of a frame. What is more than fits is left out from the end of
// the sections with the highest rank first, down to least lines.
type section struct {
	lines []Line
	least int
	rank  int
	more  string // what is left out, in words: "services"
}

// Render draws the model as it is at a moment of the run, on at most height-1 lines (the
// cursor stands below) of less than width columns. It is a pure function.
func Render(m *Model, now time.Duration, width, height int) []Line {
	room := height - 1
	if height > 2*kept+2 {
		room -= kept
	}
	var sections []section
	if width < narrow {
		sections = m.figures(now)
	} else {
		sections = m.sections(now, width)
	}
	lines := fit(sections, max(1, room))
	for i := range lines {
		lines[i].Text = cut(lines[i].Text, max(1, width-1)) // the last column wraps
	}
	return lines
}

// sections are those of the run's stage.
func (m *Model) sections(now time.Duration, width int) []section {
	all := []section{{lines: []Line{m.header(now, width)}, rank: 2}}
	switch m.stage {
	case comingUp, goingDown:
		return append(all, m.instanceLines(now))
	case driven, settling:
		return append(all,
			section{lines: []Line{m.phaseLine(now, width)}, least: 1, rank: 1},
			section{lines: m.loadLines(now, width), least: 1, rank: 1},
			m.replicaLines(),
			section{lines: m.faultLines(now), rank: 3, more: "faults"},
			section{lines: m.alertLines(), rank: 3, more: "alerts"},
		)
	}
	return all
}

// figures are for a terminal that is too narrow for more.
func (m *Model) figures(now time.Duration) []section {
	if m.stage == comingUp || m.stage == goingDown {
		return []section{{lines: []Line{{Text: m.standing(now), Style: Bold}}, least: 1}}
	}
	intended, answered, _, p99 := m.rates(now)
	lines := []Line{
		{Text: m.left(now), Style: Bold},
		{Text: fmt.Sprintf("%s of %s/s p99 %s", number(answered), number(intended), brief(p99))},
		{Text: fmt.Sprintf("%d wrong", m.wrong), Style: alarmIf(m.lastWrong(now) > 0)},
	}
	for _, name := range m.names() {
		s := m.services[name]
		lines = append(lines, Line{Text: fmt.Sprintf("%s %d/%d/%d", name, s.ready, s.started, max(0, s.wanted))})
	}
	for _, f := range m.faults {
		lines = append(lines, Line{Text: "fault " + f.name, Style: Bold})
	}
	for _, a := range m.alerts {
		lines = append(lines, Line{Text: "alert " + a.words, Style: Alarm})
	}
	return []section{{lines: lines, least: 1}}
}

func alarmIf(is bool) Style {
	if is {
		return Alarm
	}
	return Normal
}

// header names the run; the time since its start stands on the right.
func (m *Model) header(now time.Duration, width int) Line {
	text := fmt.Sprintf("%s · %s · seed %d", printable(m.scenario), cmp.Or(m.platform, "starting"), m.seed)
	if m.multiple != 1 {
		text += fmt.Sprintf(" · load by hand %gx", m.multiple)
	}
	clock := brief(now.Truncate(time.Second))
	left := cut(text, width-2-columns(clock))
	return Line{Text: pad(left, width-1-columns(clock)) + clock, Style: Bold}
}

// label is the width of the words on the left.
const label = 9

// beside puts a text beside the word that says what it is.
func beside(name, text string) string { return pad(name, label) + text }

// The bar has this many columns where there is room for it: it stands in front, so that
// nothing moves when the words behind it change.
const barColumns = 20

// phaseLine is the phase with its bar.
func (m *Model) phaseLine(now time.Duration, width int) Line {
	if m.stage == settling || len(m.plan.Phases) == 0 {
		return Line{Text: beside("phase", m.left(now))}
	}
	index, start, end := m.phase(now)
	text := fmt.Sprintf("%s · %d of %d · %s of traffic left", m.left(now), index+1, len(m.plan.Phases), brief(upward(m.plan.Duration.Std()-(now-m.origin))))
	if width > 2*narrow-5 {
		text = bar(now-m.origin-start, end-start, barColumns) + " " + text
	}
	return Line{Text: beside("phase", text)}
}

// upward is what is left in whole seconds, of which the last counts until it is over.
func upward(d time.Duration) time.Duration {
	return (max(0, d) + time.Second - 1).Truncate(time.Second)
}

// phase is the one of a moment, with its limits as offsets from the start of traffic.
func (m *Model) phase(now time.Duration) (index int, start, end time.Duration) {
	for i, p := range m.plan.Phases {
		index, start, end = i, p.Start.Std(), p.End.Std()
		if now-m.origin < end {
			break
		}
	}
	return index, start, end
}

// left says which phase it is and how long it goes on.
func (m *Model) left(now time.Duration) string {
	if m.stage == settling || len(m.plan.Phases) == 0 {
		return "traffic is over; reading what came of it"
	}
	index, _, end := m.phase(now)
	return fmt.Sprintf("%s, %s left", printable(m.plan.Phases[index].Name), brief(upward(end-(now-m.origin))))
}

// bar shows a part of a whole on so many columns.
func bar(part, whole time.Duration, room int) string {
	full := room
	if whole > 0 {
		full = int(float64(room) * min(1, max(0, float64(part)/float64(whole))))
	}
	return strings.Repeat("█", full) + strings.Repeat("░", room-full)
}

// loadLines are what is sent and what comes back.
func (m *Model) loadLines(now time.Duration, width int) []Line {
	intended, answered, p50, p99 := m.rates(now)
	load := fmt.Sprintf("%s of %s req/s · p50 %s, p99 %s", number(answered), number(intended), brief(p50), brief(p99))
	switch {
	case intended+answered == 0:
		load = fmt.Sprintf("nothing was sent or answered in the last %d s", recent)
	case width > 2*narrow-5:
		load += fmt.Sprintf(" of the slowest step · last %d s", recent)
	}
	last := m.lastWrong(now)
	share := ""
	if m.wrong > 0 {
		share = fmt.Sprintf(" (%.2g %%)", 100*float64(m.wrong)/float64(m.answered))
	}
	return []Line{
		{Text: beside("load", load)},
		{Text: beside("errors", fmt.Sprintf("%d in the last second · %d of %d in all%s", last, m.wrong, m.answered, share)), Style: alarmIf(last > 0)},
	}
}

// fresh are the seconds that are not older than the window, at least the last one while
// it is not stale.
func (m *Model) fresh(now time.Duration) []second {
	i := slices.IndexFunc(m.seconds, func(s second) bool { return now-s.at < (recent+1)*time.Second })
	if i < 0 {
		return nil
	}
	return m.seconds[i:]
}

// rates are those of the last seconds: requests a second, and the slowest times.
func (m *Model) rates(now time.Duration) (intended, answered float64, p50, p99 time.Duration) {
	var over time.Duration
	for _, s := range m.fresh(now) {
		over += s.over
		intended, answered = intended+float64(s.intended), answered+float64(s.answered)
		p50, p99 = max(p50, s.p50), max(p99, s.p99)
	}
	if over <= 0 {
		return 0, 0, p50, p99
	}
	return intended / over.Seconds(), answered / over.Seconds(), p50, p99
}

// lastWrong is how many requests went wrong in the last second.
func (m *Model) lastWrong(now time.Duration) int {
	if n := len(m.seconds); n > 0 && now-m.seconds[n-1].at < 2*time.Second {
		return m.seconds[n-1].wrong
	}
	return 0
}

// replicaLines are a line a service.
func (m *Model) replicaLines() section {
	names := m.names()
	longest := 0
	for _, name := range names {
		longest = max(longest, columns(name))
	}
	var lines []Line
	for i, name := range names {
		s := m.services[name]
		text := fmt.Sprintf("%d started", s.started)
		if s.wanted >= 0 {
			text = fmt.Sprintf("%d wanted · %s", s.wanted, text)
		}
		if m.plan.Services[name].Port != 0 {
			text += fmt.Sprintf(" · %d ready", s.ready)
		}
		head := ""
		if i == 0 {
			head = "replicas"
		}
		lines = append(lines, Line{Text: beside(head, pad(printable(name), longest)+"  "+text), Style: Normal})
	}
	return section{lines: lines, rank: 4, more: "services"}
}

// names are the services that have an instance or want one: those with a gateway
// first, then by name.
func (m *Model) names() []string {
	var names []string
	for name, s := range m.services {
		if s.wanted > 0 || s.started > 0 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(min(1, m.plan.Services[b].Port), min(1, m.plan.Services[a].Port)), strings.Compare(a, b))
	})
	return names
}

func (m *Model) faultLines(now time.Duration) (lines []Line) {
	for _, f := range m.faults {
		rest := "until it is reverted"
		if f.until > 0 {
			rest = brief(upward(f.until-now)) + " left"
		}
		lines = append(lines, Line{Text: beside("fault", fmt.Sprintf("%s, %s: %s", f.name, rest, f.detail)), Style: Bold})
	}
	return lines
}

func (m *Model) alertLines() (lines []Line) {
	for _, a := range m.alerts {
		lines = append(lines, Line{Text: beside("alert", a.words), Style: Alarm})
	}
	return lines
}

// standing says in a few words how far the stack is.
func (m *Model) standing(now time.Duration) string {
	up, all := 0, 0
	for _, i := range m.instances {
		all++
		if (m.stage == goingDown) == (i.state == "exited") && i.state != "starting" {
			up++
		}
	}
	if m.stage == goingDown {
		return fmt.Sprintf("taking the stack down: %d of %d gone · %s", up, all, timer(now-m.since))
	}
	return fmt.Sprintf("bringing the stack up: %d of %d ready · %s", up, all, timer(now-m.since))
}

// instanceLines are for the time before and after traffic: a line an instance.
func (m *Model) instanceLines(now time.Duration) section {
	lines := []Line{{Text: m.standing(now)}}
	longest := 0
	for _, i := range m.instances {
		longest = max(longest, columns(i.name))
	}
	for _, i := range m.instances {
		lines = append(lines, i.line(m.stage, now, m.since, longest))
	}
	if m.done > 0 {
		lines = append(lines, Line{Text: "  " + operation(m.last, m.done), Style: Faint})
	}
	return section{lines: lines, least: 1, rank: 1, more: "instances"}
}

// line is an instance with its state and timer.
func (i *instance) line(s stage, now, since time.Duration, longest int) Line {
	mark, state, took, style := "…", i.state, now-i.since, Normal
	switch {
	case s == goingDown && i.state == "exited":
		mark, state, took, style = "✔", "gone", max(0, i.since-since), Faint
	case s == goingDown:
		mark, state, took = "…", "going", now-since
	case i.state == "ready" || i.state == "running":
		mark, took = "✔", i.took
	}
	return Line{Text: fmt.Sprintf("  %s %s  %s %s", mark, pad(printable(i.name), longest), pad(state, 8), timer(took)), Style: style}
}

// operation is the last thing that the platform was asked to do.
func operation(last journal.Operation, n int) string {
	return printable(fmt.Sprintf("operation %d: %s %s %s", n, last.Op, last.Subject, timer(last.Took)))
}

// fit puts sections below each other on so many lines.
func fit(sections []section, room int) []Line {
	total := 0
	for _, s := range sections {
		total += len(s.lines)
	}
	order := make([]int, len(sections))
	for i := range order {
		order[i] = len(order) - 1 - i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sections[b].rank, sections[a].rank) })
	for _, i := range order {
		s := &sections[i]
		over := total - room
		if over <= 0 {
			break
		}
		before := len(s.lines)
		s.lines = s.shorten(max(s.least, before-over))
		total -= before - len(s.lines)
	}
	var lines []Line
	for _, s := range sections {
		lines = append(lines, s.lines...)
	}
	return lines[:min(room, len(lines))]
}

// shorten keeps so many lines; the last of them says what is missing.
func (s section) shorten(to int) []Line {
	if to >= len(s.lines) {
		return s.lines
	}
	if to < 2 || s.more == "" {
		return s.lines[:to]
	}
	rest := fmt.Sprintf("%s%d more %s", strings.Repeat(" ", label), len(s.lines)-to+1, s.more)
	return append(slices.Clone(s.lines[:to-1]), Line{Text: rest, Style: Faint})
}

// number is a rate without needless digits.
func number(n float64) string {
	if n > 0 && n < 10 {
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.0f", n)
}

// timer is a time that grows while one looks at it: always as wide, so that nothing jumps.
func timer(d time.Duration) string {
	if d = max(0, d); d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	}
	return brief(d)
}

// brief is a time as people say it: "12s", "1m05s", "340ms", "2.1s".
func brief(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d >= time.Second && d%time.Second != 0:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d >= time.Second || d == 0:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	}
	return fmt.Sprintf("%dms", max(1, d.Milliseconds()))
}
