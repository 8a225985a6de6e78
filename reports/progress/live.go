package progress

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// interval is the least time between two frames.
const interval = 250 * time.Millisecond

// Live is the view of a run on a terminal: what happens goes by as lines, and below them
// a frame says how things stand. Close it in any case.
type Live struct {
	screen *Screen

	mu     sync.Mutex // guards what follows
	model  *Model
	teller *Observer
	start  time.Time // of the run's clock, as well as it is known
	began  bool

	stop sync.Once
	quit chan struct{}
	gone chan struct{}
}

// NewLive begins to show a run of the plan on the screen. Redact is applied to everything
// that is shown of events; nil changes nothing.
func NewLive(screen *Screen, plan *scenarios.Plan, redact func(string) string) *Live {
	l := &Live{screen: screen, model: NewModel(plan, redact), quit: make(chan struct{}), gone: make(chan struct{})}
	l.teller = newObserver(plan, func(t time.Duration, topic, text string) {
		width, _ := screen.Size()
		fmt.Fprintln(screen, sentence(t, topic, paragraph(l.model.redact(text), width-1)))
	})
	l.teller.live = true
	screen.Open()
	go l.redraw()
	return l
}

// indent is how far a text stands from the left, behind its time and topic.
const indent = 20

// paragraph keeps the lines of a text apart and breaks those that are too long between
// words, below each other; all else in it is made harmless.
func paragraph(text string, width int) string {
	var lines []string
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		lines = append(lines, folded(printable(strings.TrimSuffix(line, "\n")), width-indent)...)
	}
	return strings.Join(lines, "\n"+strings.Repeat(" ", indent))
}

// folded breaks a line between words; a word that is longer than a line stays whole, and
// where there is hardly any room nothing is broken.
func folded(line string, room int) (lines []string) {
	if room < narrow/2 {
		return []string{line}
	}
	for columns(line) > room {
		used, at := 0, -1
		for i, r := range line {
			if used += cells(r); r == ' ' && i > 0 && (used <= room+1 || at < 0) {
				at = i
			}
		}
		if at < 0 {
			break
		}
		lines, line = append(lines, line[:at]), line[at+1:]
	}
	return append(lines, line)
}

// Observe takes the next event. It may be called from many goroutines, and after Close,
// when only lines are written.
func (l *Live) Observe(event journal.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if start := time.Now().Add(-event.T); !l.began || start.Before(l.start) {
		l.start, l.began = start, true // the event that was told with the least delay is right
	}
	l.model.Fold(event)
	if !l.shown(event) {
		l.teller.Observe(event)
	}
	if _, ok := event.Body.(journal.TrafficStarted); ok {
		l.teller.line(event.T, "stack", "is up; %s", l.teller.ready())
	}
}

// shown tells what needs no line, because the frame shows it: that instances and
// operations get on as they should before traffic begins and after it has ended.
func (l *Live) shown(event journal.Event) bool {
	switch b := event.Body.(type) {
	case journal.Operation:
		return b.Error == ""
	case journal.EndpointAdded:
		l.teller.endpoint(b.Service, b.Instance, true)
		return l.model.stage == comingUp && (b.Initialized == nil || *b.Initialized)
	case journal.EndpointRemoved:
		return l.model.stage == goingDown
	}
	return false
}

// redraw shows a frame now and then until the view is closed.
func (l *Live) redraw() {
	defer close(l.gone)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if l.screen.Draw(l.render()) != nil {
				return // nobody may be reading any more
			}
		case <-l.quit:
			return
		}
	}
}

func (l *Live) render() []Line {
	width, height := l.screen.Size()
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Duration(0)
	if l.began {
		now = time.Since(l.start)
	}
	return Render(l.model, now, width, height)
}

// Close takes the frame away and writes the lines that are still to be written. What is
// observed or written to the screen later goes out as lines. Closing again does nothing.
func (l *Live) Close() error {
	var err error
	l.stop.Do(func() {
		close(l.quit)
		<-l.gone
		err = l.screen.Close()
	})
	return err
}
