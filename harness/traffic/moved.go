package traffic

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A home is a service at which the sessions of a journey are followed: the
// first instance that answers there is where a session is at home.
type home struct {
	journey, service string
	slot             int // among the homes of a session
}

// homesOf are the homes that checks of the plan want the sessions of a journey
// to have.
func (d *driver) homesOf(journey string) (homes []*home) {
	for _, c := range d.plan.Checks {
		if s := c.Stateless; s != nil && s.Journey == journey && homeOf(homes, s.Service) == nil {
			homes = append(homes, &home{journey, s.Service, len(homes)})
		}
	}
	return homes
}

// homeOf is the home at a service, nil if there is none.
func homeOf(homes []*home, service string) *home {
	for _, h := range homes {
		if h.service == service {
			return h
		}
	}
	return nil
}

// follow looks at a complete answer of a service at which the session has a
// home; trouble is why it is not what the step expects.
func (s *session) follow(t *trouble) {
	st, by := s.asked.step, s.asked.instance
	at := &s.homes[st.home.slot]
	switch {
	case by == 0: // nobody said
	case *at == 0:
		*at = by
	case *at != by && s.x.Status < 500:
		s.moves.add(max(s.x.Sent-s.origin, s.asked.ready), move{st, *at}, t)
	}
	s.moves.end(s.asked.ready)
}

const (
	movedEvery = time.Second
	// maxMoves is how many kinds of moves are counted at a time. There are that
	// many only where somebody sends names of instances as they like.
	maxMoves = 1 << 14
	// movedSample is how much of a refused answer is quoted, in bytes.
	movedSample = 300
)

// moves count the requests that another instance than that of their session's
// home answered, by the second in which they were sent. A second is over when
// every request is that the driver got to in it or before: no other can have
// been sent in it. Requests end by their time-out, so seconds do not pile up.
// The zero value is ready to use.
type moves struct {
	first int      // the second of open[0], from the start of traffic
	open  []second // without gaps
	kinds int      // in all of them
	left  int      // moves beyond maxMoves, not counted
}

// A second is an interval of traffic.
type second struct {
	waiting int // requests that the driver got to in it and that are not over
	moved   map[move]*moved
}

// A move is one kind of it: of requests of a step, in sessions at home at an
// instance.
type move struct {
	step *step
	home instance
}

type moved struct {
	total, refused int
	sample         string
}

// at is the second of an offset. One that was handed on already, which cannot
// be, counts as the first that was not.
func (m *moves) at(offset time.Duration) *second {
	n := max(int(offset/movedEvery)-m.first, 0)
	for len(m.open) <= n {
		m.open = append(m.open, second{})
	}
	return &m.open[n]
}

// begin says that the driver got to a request at an offset; end that the
// request is over.
func (m *moves) begin(ready time.Duration) { m.at(ready).waiting++ }
func (m *moves) end(ready time.Duration)   { m.at(ready).waiting-- }

// add counts a move that was sent at an offset.
func (m *moves) add(sent time.Duration, kind move, t *trouble) {
	in := m.at(sent)
	c := in.moved[kind]
	if c == nil {
		if m.kinds == maxMoves {
			m.left++
			return
		}
		if in.moved == nil {
			in.moved = map[move]*moved{}
		}
		m.kinds++
		c = &moved{}
		in.moved[kind] = c
	}
	c.total++
	if t == nil {
		return
	}
	c.refused++
	if c.sample == "" {
		c.sample = capped(t.message+": "+t.sample, movedSample)
	}
}

// takeMoves gives the events of the seconds that are over by an offset, or of
// all that there are, and forgets them.
func (d *driver) takeMoves(now time.Duration, all bool) (events []journal.Event) {
	m, n := &d.moves, 0
	for n < len(m.open) {
		begin := time.Duration(m.first+n) * movedEvery
		end := begin + movedEvery
		if all {
			end = min(end, max(now, begin+1))
		} else if m.open[n].waiting > 0 || end > now {
			break
		}
		for _, body := range d.bodies(m.open[n].moved) {
			body.For = end - begin
			events = append(events, journal.Event{T: d.origin + end, Body: body})
		}
		m.kinds -= len(m.open[n].moved)
		n++
	}
	m.open = slices.Delete(m.open, 0, n)
	m.first += n
	return events
}

// bodies are the events of one second, but for how long it was.
func (d *driver) bodies(counted map[move]*moved) (bodies []journal.Moved) {
	for kind, c := range counted {
		h := kind.step.home
		bodies = append(bodies, journal.Moved{
			Service: h.service, Home: d.instances.name(kind.home), Journey: h.journey, Step: kind.step.name,
			Total: c.total, Refused: c.refused, Sample: c.sample,
		})
	}
	slices.SortFunc(bodies, func(a, b journal.Moved) int {
		return cmp.Or(strings.Compare(a.Journey, b.Journey), strings.Compare(a.Service, b.Service),
			strings.Compare(a.Step, b.Step), strings.Compare(a.Home, b.Home))
	})
	return bodies
}

// notes say what is missing.
func (m *moves) notes() []journal.Body {
	if m.left == 0 {
		return nil
	}
	return []journal.Body{journal.Note{Level: "warning", Text: fmt.Sprintf(
		"%d requests that moved to another instance are not counted: too many instances answered in a second", m.left)}}
}
