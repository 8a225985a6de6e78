package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/steer"
	"github.com/shakedown-dev/shakedown/harness/traffic"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Limits of what people can ask for.
const (
	mostByHand    = 1000 // changes of services in a run
	mostInstances = 100  // of a service
	mostNote      = 2000 // characters of a remark
	mostName      = 60   // characters of who asks
)

// nobodyNamed is who asked where nobody says so.
const nobodyNamed = "somebody"

// steerable is a scenario whose plan places what faults need that come by hand.
func steerable(loaded *Loaded) *Loaded {
	changed := *loaded
	changed.Plan = loaded.Plan.Steerable()
	return &changed
}

// live is a run as people steer it: it implements steer.Run. Commands take turns, but
// for abort, which waits for nobody. On a nil live the methods that the run itself calls
// do nothing.
type live struct {
	r        *run
	steering *traffic.Steering
	compiler *scenarios.Live
	scales   chan *scenarios.PlannedAction
	kinds    func() []steer.Kind // computed once

	turn  chan struct{} // whose the present command is
	over  chan struct{} // closed at the end of traffic
	ended chan struct{} // closed when nothing is played any more
	start time.Duration // of traffic

	mu       sync.Mutex
	paused   bool
	multiple float64
	known    faultBook
}

var _ steer.Run = (*live)(nil)

func newLive(r *run) *live {
	plan := r.Loaded.Plan
	l := &live{
		r: r, steering: traffic.NewSteering(), compiler: r.Loaded.Document.Live(r.Loaded.Project.Info(), plan),
		scales: make(chan *scenarios.PlannedAction, mostByHand), turn: make(chan struct{}, 1), over: make(chan struct{}), ended: make(chan struct{}),
		multiple: 1, known: newFaultBook(plan.Faults),
	}
	l.kinds = sync.OnceValue(l.findKinds)
	return l
}

// traffic is what the driver is steered by, nil where nobody steers.
func (l *live) traffic() *traffic.Steering {
	if l == nil {
		return nil
	}
	return l.steering
}

// begin shows the run to whoever steers it, from the start of traffic on. What they want
// done to services comes out of the channel; over is to be called at the end of traffic,
// and ended when nothing is played any more.
func (l *live) begin(start time.Duration) (actions <-chan *scenarios.PlannedAction, over, ended func()) {
	if l == nil {
		return nil, func() {}, func() {}
	}
	l.start = start
	go l.r.Live(l)
	over = sync.OnceFunc(func() { close(l.over) })
	return l.scales, over, func() { over(); close(l.ended) }
}

// observe keeps what the journal says of faults.
func (l *live) observe(event journal.Event) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known.take(event.Body)
}

// Plan implements steer.Run.
func (l *live) Plan() *scenarios.Plan { return l.r.Loaded.Plan }

// now is the offset from the start of traffic.
func (l *live) now() scenarios.Duration { return scenarios.Duration(l.r.clock.Now() - l.start) }

// An instruction is a command that can be carried out: what the record says of it, and how it
// is done.
type instruction struct {
	detail string
	do     func(ctx context.Context) (steer.Reply, error)
}

// Steer implements steer.Run.
func (l *live) Steer(ctx context.Context, c steer.Command) (steer.Reply, error) {
	c.By, c.Text = clipped(c.By, mostName), clipped(c.Text, mostNote)
	if c.By == "" {
		c.By = nobodyNamed
	}
	if l.tooLate(c.Verb) {
		return steer.Reply{}, steer.ErrOver
	}
	if c.Verb == steer.Abort {
		return l.carryOut(ctx, c, l.abort())
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-l.over:
		return steer.Reply{}, steer.ErrOver
	case <-ctx.Done():
		return steer.Reply{}, context.Cause(ctx)
	}
	o, err := l.understand(ctx, c)
	if err != nil {
		l.r.emit(journal.Steered{By: c.By, Verb: string(c.Verb), Detail: detailed(l.asked(c), c), Error: brief(err)})
		return steer.Reply{}, err
	}
	return l.carryOut(ctx, c, o)
}

// carryOut journals the command before it has an effect.
func (l *live) carryOut(ctx context.Context, c steer.Command, o instruction) (steer.Reply, error) {
	l.r.emit(journal.Steered{By: c.By, Verb: string(c.Verb), Detail: detailed(o.detail, c)})
	reply, err := o.do(ctx)
	if errors.Is(err, traffic.ErrOver) {
		err = steer.ErrOver
	}
	if err != nil {
		l.r.emit(journal.Note{Level: "warning", Text: fmt.Sprintf("%s, as %s asked, did not come about: %s", o.detail, c.By, brief(err))})
	}
	return reply, err
}

// tooLate tells that nobody can do a command any more. After the end of traffic that is so
// of all but abort: faults may be slow to revert, and actions slow to end.
func (l *live) tooLate(v steer.Verb) bool {
	last := l.over
	if v == steer.Abort {
		last = l.ended
	}
	select {
	case <-last:
		return true
	default:
		return l.r.faults.aborted.Load()
	}
}

// understand says how a command is carried out, or why it is not.
func (l *live) understand(ctx context.Context, c steer.Command) (instruction, error) {
	switch c.Verb {
	case steer.Pause, steer.Resume:
		return l.pause(c.Verb == steer.Pause)
	case steer.Load:
		return l.load(c.Multiple)
	case steer.Inject:
		return l.inject(ctx, c.Fault)
	case steer.Revert:
		return l.revert(c.Fault)
	case steer.Scale:
		return l.scale(c.Service, c.Replicas)
	case steer.Note:
		if c.Text == "" {
			return instruction{}, errors.New("the note is empty: write what is to be remembered")
		}
		return instruction{detail: c.Text, do: func(context.Context) (steer.Reply, error) { return steer.Reply{Text: "noted"}, nil }}, nil
	}
	return instruction{}, fmt.Errorf("there is no verb %q: %v", clipped(string(c.Verb), mostName), steer.Verbs())
}

// asked is a command in words that was not understood. The text of a fault is left out:
// what is in it nobody knows.
func (l *live) asked(c steer.Command) string {
	switch c.Verb {
	case steer.Load:
		return fmt.Sprintf("load %gx", c.Multiple)
	case steer.Inject:
		return "inject a fault"
	case steer.Revert:
		return "revert " + clipped(c.Fault, mostName)
	case steer.Scale:
		return fmt.Sprintf("scale %s to %d", clipped(c.Service, mostName), c.Replicas)
	case steer.Note:
		return c.Text
	}
	return clipped(string(c.Verb), mostName)
}

// detailed adds why to what is done.
func detailed(what string, c steer.Command) string {
	if c.Verb == steer.Note || c.Text == "" {
		return what
	}
	return what + ": " + c.Text
}

// clipped is text on one line, without what would upset a terminal, and not too long.
func clipped(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = strings.Join(strings.Fields(text), " ")
	if all := []rune(text); len(all) > most {
		return string(all[:most-1]) + "…"
	}
	return text
}

// brief is an error for the record: without the lines of what was written, which may hold
// what nobody is to see.
func brief(err error) string {
	var problems scenarios.Problems
	if !errors.As(err, &problems) {
		return clipped(err.Error(), mostNote)
	}
	var all []string
	for _, p := range problems {
		all = append(all, strings.TrimPrefix(p.Path+": "+p.Message, ": "))
	}
	return clipped(strings.Join(all, "; "), mostNote)
}
