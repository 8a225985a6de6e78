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
// begins a session when its last one has ended.
type circle struct {
	*driver
	load    int
	planned scenarios.PlannedClosed
	ordinal *uint64 // of the load's next session in any of its closed loops
	begun   int     // users
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
		for _, planned := range load.Closed {
			c := &circle{driver: d, load: i, planned: planned, ordinal: &ordinal}
			c.timer.Fire = c.begin
			all = append(all, c)
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

// begin starts the users, some at a time.
func (c *circle) begin() {
	for range beginAtOnce {
		if c.begun == c.planned.Sessions || c.stopped {
			return
		}
		c.begun++
		u := &user{circle: c}
		u.timer.Fire = u.begin
		u.session(c.planned.Start.Std())
	}
	c.loop.Set(&c.timer, c.clock.Now())
}

// session begins a session of the user.
func (u *user) session(at time.Duration) {
	c := u.circle
	if c.stopped || at >= c.planned.End.Std() {
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

// begin begins the next session after a pause.
func (u *user) begin() { u.session(u.circle.now()) }

// label says in the journal that a closed loop is one.
func (c *circle) label() journal.Note {
	return journal.Note{Level: "info", Text: fmt.Sprintf(
		"cohort %s is a closed loop of %d sessions in phase %s: its rate is what the system lets it be, and a stall hides the sessions that would have come meanwhile",
		c.plan.Load[c.load].Cohort, c.planned.Sessions, c.planned.Phase)}
}
