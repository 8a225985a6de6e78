package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A blame says which instance's failures belong to which part of its life.
type blame struct {
	instance  string // "" when no instance was ready
	service   string
	version   string // of the instance, where its service had several
	when      string // "after SIGTERM", "before its initialization was complete", ...
	from, to  time.Duration
	near, far time.Duration // from the mark that names when, where there is one
	marked    bool
	failed    int
	gone      int // the client gave up first: nobody knows
	reused    int
	fresh     int
	kinds     map[journal.Failure]int
}

// The parts of a life that failures are attributed to.
const (
	afterTerm    = "after SIGTERM"
	afterTold    = "after it was told to stop, before SIGTERM"
	beforeInit   = "before its initialization was complete"
	whileServing = "while serving"
	nobodyReady  = "no instance was ready"
	nobodyYet    = "before traffic began, while the stack came up"
)

// failureWords are the kinds of failure as the reader sees them.
var failureWords = map[journal.Failure]string{
	journal.Refused: "refused", journal.DialTimeout: "no answer to connecting", journal.Reset: "reset",
	journal.Closed: "closed before the answer", journal.Timeout: "timed out", journal.Truncated: "cut off in the answer",
	journal.Status5xx: "status 5xx", journal.NoEndpoint: "no ready endpoint",
	journal.BadResponse: "not HTTP", journal.ClientGone: "client gave up",
}

// life is what is known of an instance so far.
type life struct{ started, told, term, initialized, known time.Duration }

// blamesOf attributes every individually recorded failure to an instance and
// a part of its life; suppressed counts failures beyond the journal's cap.
func blamesOf(events []journal.Event) (blames []blame, suppressed int) {
	lives, versions := map[string]*life{}, versionsOf(events)
	index := map[[2]string]int{}
	var traffic time.Duration // when it began
	for _, e := range events {
		live(lives, e)
		if _, ok := e.Body.(journal.TrafficStarted); ok {
			traffic = e.T
		}
		if t, ok := e.Body.(journal.Tally); ok {
			suppressed += t.Suppressed
		}
	}
	for _, e := range events {
		r, ok := e.Body.(journal.Request)
		if !ok || r.Failure == journal.NoFailure {
			continue
		}
		when, mark := part(lives[r.Instance], r, e.T)
		if when == nobodyReady && r.Start < traffic {
			when = nobodyYet // services that came up earlier ask those that come up later
		}
		key := [2]string{cmp.Or(r.Instance, "\x00"+r.Service), when}
		i, ok := index[key]
		if !ok {
			i = len(blames)
			index[key] = i
			blames = append(blames, blame{instance: r.Instance, service: r.Service, version: versions[r.Instance], when: when, from: r.Start, kinds: map[journal.Failure]int{}})
		}
		blames[i].add(r, e.T, mark)
	}
	slices.SortStableFunc(blames, func(a, b blame) int { return cmp.Compare(b.failed, a.failed) })
	return blames, suppressed
}

// live notes the moments of an instance's life that failures are measured
// from. A second start under the same name begins a new life only for what
// has not been noted since.
func live(lives map[string]*life, e journal.Event) {
	at := func(instance string) *life {
		if lives[instance] == nil {
			lives[instance] = &life{started: -1, told: -1, term: -1, initialized: -1, known: -1}
		}
		return lives[instance]
	}
	switch b := e.Body.(type) {
	case journal.InstanceStarted:
		at(b.Instance).started = e.T
	case journal.EndpointAdded:
		if b.Initialized != nil {
			at(b.Instance).known = e.T
			if *b.Initialized && at(b.Instance).initialized < 0 {
				at(b.Instance).initialized = e.T
			}
		}
	case journal.InitializationDone:
		at(b.Instance).initialized = e.T
	case journal.InstanceTerminating:
		at(b.Instance).told = e.T
	case journal.InstanceSignalled:
		if b.Signal != "SIGKILL" && at(b.Instance).term < 0 {
			at(b.Instance).term = e.T
		}
	}
}

// part says in which part of its instance's life an exchange ended, and the
// mark that part is measured from, -1 without one.
func part(l *life, r journal.Request, end time.Duration) (when string, mark time.Duration) {
	switch {
	case r.Failure == journal.NoEndpoint || r.Instance == "":
		return nobodyReady, -1
	case l == nil:
		return whileServing, -1
	case l.term >= 0 && end >= l.term:
		return afterTerm, l.term
	case l.told >= 0 && end >= l.told:
		return afterTold, l.told
	case l.known >= 0 && (l.initialized < 0 || r.Start < l.initialized):
		return beforeInit, -1
	}
	return whileServing, -1
}

func (b *blame) add(r journal.Request, end, mark time.Duration) {
	b.kinds[r.Failure]++
	b.from, b.to = min(b.from, r.Start), max(b.to, end)
	if mark >= 0 {
		away := end - mark
		if !b.marked {
			b.near, b.far, b.marked = away, away, true
		}
		b.near, b.far = min(b.near, away), max(b.far, away)
	}
	if r.Failure == journal.ClientGone {
		b.gone++
		return
	}
	b.failed++
	switch {
	case r.Failure == journal.NoEndpoint:
	case r.Reused:
		b.reused++
	default:
		b.fresh++
	}
}

// who names the instance, or the service where none was ready.
func (b blame) who() string {
	switch {
	case b.instance == "":
		return b.service
	case b.version != "":
		return b.instance + " (" + b.version + ")"
	}
	return b.instance
}

// window is when it happened: "0.2 to 1.1 s after SIGTERM".
func (b blame) window() string {
	if !b.marked {
		return b.when
	}
	if b.far-b.near < 10*time.Millisecond {
		return span(b.far) + " " + b.when
	}
	return span(b.near) + " to " + span(b.far) + " " + b.when
}

// how lists the kinds of failure by count.
func (b blame) how() string {
	parts := make([]string, 0, len(b.kinds))
	for _, kind := range largest(b.kinds) {
		parts = append(parts, count(b.kinds[kind])+" "+cmp.Or(failureWords[kind], string(kind)))
	}
	return listed(parts, 5)
}

// String is the attribution as a sentence.
func (b blame) String() string {
	var s strings.Builder
	if b.failed == 0 {
		fmt.Fprintf(&s, "%s given up by the client on %s, %s", plural(b.gone, "request"), b.who(), b.window())
		return s.String()
	}
	fmt.Fprintf(&s, "%s failed", plural(b.failed, "request"))
	if b.instance == "" {
		if b.when == nobodyYet {
			s.WriteString(" " + nobodyYet + ",")
		}
		fmt.Fprintf(&s, " because no instance of %s was ready", b.service)
		return s.String()
	}
	fmt.Fprintf(&s, " on %s, %s", b.who(), b.window())
	switch {
	case b.fresh == 0:
		s.WriteString(", all on reused connections")
	case b.reused == 0:
		s.WriteString(", all on new connections")
	default:
		fmt.Fprintf(&s, ", %d on reused and %d on new connections", b.reused, b.fresh)
	}
	fmt.Fprintf(&s, " (%s)", b.how())
	return s.String()
}
