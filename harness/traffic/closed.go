package traffic

import (
	"fmt"
	"math"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/arrivals"
)

// A circle is one closed loop of a load: a number of users, each of which
// begins a session when its last one has ended. Where the loop of one phase
// ends as that of the next begins they are one: users go on, and only the
// difference in their number begins or stops.
type circle struct {
	*driver
	load    int
	parts   []scenarios.PlannedClosed // each begins where the one before ends
	part    int                       // the present one
	ordinal *uint64                   // of the load's next session in any of its closed loops
	users   int                       // who walk
	waiting []*user                   // of them, who wait for the end of a pause
	timer   loop.Timer
}

// A user is one walker of a closed loop.
type user struct {
	circle   *circle
	failures int // sessions in a row that never got an answer
	timer    loop.Timer
}

// closedLoops are the closed loops of a plan.
func (d *driver) closedLoops() []*circle {
	var all []*circle
	for i := range d.plan.Load {
		load := &d.plan.Load[i]
		ordinal := firstClosed(load)
		var c *circle
		for _, planned := range load.Closed {
			if c == nil || c.end() != planned.Start.Std() {
				c = &circle{driver: d, load: i, ordinal: &ordinal}
				c.timer.Fire = c.begin
				all = append(all, c)
			}
			c.parts = append(c.parts, planned)
		}
	}
	return all
}

// firstClosed is the ordinal of a load's first session in a closed loop: 0, or
// one that no arrival of the same load can have. Random arrivals are never
// twice as many as expected and a thousand.
func firstClosed(load *scenarios.PlannedLoad) uint64 {
	if len(load.Segments) == 0 && len(load.Bursts) == 0 && load.Replay == nil {
		return 0
	}
	most := 1000 + 2*arrivals.Expected(*load, 0, math.MaxInt64)
	for _, burst := range load.Bursts {
		most += float64(burst.Sessions)
	}
	if load.Replay != nil {
		most += 1e9
	}
	return uint64(most)
}

// end is when no session begins any more.
func (c *circle) end() time.Duration { return c.parts[len(c.parts)-1].End.Std() }

// begin starts the users that are missing, some at a time, and comes again with
// the next part.
func (c *circle) begin() {
	for c.part+1 < len(c.parts) && c.now() >= c.parts[c.part+1].Start.Std() {
		c.part++
	}
	part := &c.parts[c.part]
	for range beginAtOnce {
		switch {
		case c.stopped:
			return
		case c.users >= part.Sessions:
			if c.part+1 < len(c.parts) {
				c.loop.Set(&c.timer, c.origin+part.End.Std())
			}
			return
		}
		c.users++
		u := &user{circle: c}
		u.timer.Fire = u.begin
		u.session(part.Start.Std())
	}
	c.loop.Set(&c.timer, c.clock.Now())
}

// session begins a session of the user, who stops if there are too many.
func (u *user) session(at time.Duration) {
	c := u.circle
	if c.stopped || at >= c.end() || c.users > c.parts[c.part].Sessions {
		c.users--
		return
	}
	if c.steered.held {
		c.waiting = append(c.waiting, u)
		return
	}
	ordinal := *c.ordinal
	*c.ordinal++
	c.driver.begin(c.load, ordinal, at, u)
}

// longestPause is how long a user waits, at most, after a session that never
// got an answer: nobody tries again in no time, and a loop that did would be
// as busy as it is useless.
const longestPause = 100 * time.Millisecond

// again begins the next session after one has ended.
func (u *user) again(ended time.Duration, answered bool) {
	if answered {
		u.failures = 0
		u.session(ended)
		return
	}
	pause := min(time.Millisecond<<min(u.failures, 10), longestPause)
	u.failures++
	u.circle.loop.Set(&u.timer, u.circle.clock.Now()+pause)
}

// goOn lets users walk again after a pause of the load, those first who stopped first.
func (c *circle) goOn() {
	waiting := c.waiting
	c.waiting = nil
	for _, u := range waiting {
		c.loop.Set(&u.timer, c.clock.Now())
	}
}

// begin begins the next session after a pause.
func (u *user) begin() { u.session(u.circle.now()) }

// labels say in the journal that a closed loop is one.
func (c *circle) labels() (all []journal.Body) {
	for _, part := range c.parts {
		all = append(all, journal.Note{Level: "info", Text: fmt.Sprintf(
			"cohort %s is a closed loop of %d sessions in phase %s: its rate is what the system lets it be, and a stall hides the sessions that would have come meanwhile",
			c.plan.Load[c.load].Cohort, part.Sessions, part.Phase)})
	}
	return all
}
