package traffic

import (
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// maxGroups bounds the memory and the report; what is not among the first so
// many kinds is counted as "other".
const maxGroups = 100

// groups count troubles by journey, step, outcome and message.
type groups struct {
	mutex sync.Mutex
	byKey map[groupKey]*journal.ErrorGroup
	order []*journal.ErrorGroup // in the order of their first trouble
}

type groupKey struct {
	journey, step, message string
	outcome                outcome
}

// add counts a trouble at an offset from the start of the run. describe gives
// the sample; it is called only for the first trouble of its kind.
func (g *groups) add(at time.Duration, key groupKey, describe func() string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	group := g.byKey[key]
	if group == nil && len(g.order) >= maxGroups {
		key = groupKey{message: "other", outcome: key.outcome}
		group = g.byKey[key]
	}
	if group == nil {
		group = &journal.ErrorGroup{
			Journey: key.journey, Step: key.step, Outcome: key.outcome.String(), Message: key.message,
			First: at, Sample: clean(describe()),
		}
		if g.byKey == nil {
			g.byKey = map[groupKey]*journal.ErrorGroup{}
		}
		g.byKey[key] = group
		g.order = append(g.order, group)
	}
	group.Count++
	group.First, group.Last = min(group.First, at), max(group.Last, at)
}

// flush writes all groups into the journal.
func (g *groups) flush(sink journal.Sink, now time.Duration) error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for _, group := range g.order {
		if err := sink.Append(journal.Event{T: now, Body: *group}); err != nil {
			return err
		}
	}
	return nil
}
