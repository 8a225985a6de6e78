package scaling

import (
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// The classes of an instance's resources.
const (
	BaseClass  = "base"
	LargeClass = "large"
)

// The states of a claim.
const (
	Granted  = "granted"
	Renewed  = "renewed"
	Queued   = "queued"
	Rejected = "rejected"
	Released = "released"
)

// Claims are the accounts that have a claim to larger instances, or wait for
// one. The zero value is that of a service that nobody has claimed. They are not
// changed; functions return others.
type Claims struct {
	Holders []Holder // in the order in which they were granted
	Queue   []Waiter // the one that waits longest first
}

// A Holder is an account that has a claim.
type Holder struct {
	Account  string
	Via      string
	Instance string    // that is larger for it; "" for all of them
	Last     time.Time // the last sign of it, or when it was granted
}

// A Waiter is an account that waits until the budget has a place.
type Waiter struct {
	Account string
	Via     string
	Wants   string // the instance that the application names
	Since   time.Time
}

// Prescale is one step of the proactive policy: what signals and time make of
// the claims. Claims whose hold is over are released, waiters whose time is over
// rejected, free places given to those that wait, and then each signal of the tier
// gets its answer, in order: the last claims returned are those of the signals.
// Of the claims it returns, Decision, Service and Answered are left to the caller.
//
// Instances are the names of those that run, in order; with Instances "one" a
// claim is for the one that is named, else for the one with the fewest, and moves
// where its own is gone.
func Prescale(spec scenarios.Prescale, claims Claims, signals []journal.SessionSignal, instances []string, now time.Time) (Claims, []journal.Claim) {
	p := prescaling{
		spec: spec, instances: instances, now: now,
		Claims: Claims{Holders: slices.Clone(claims.Holders), Queue: slices.Clone(claims.Queue)},
	}
	p.release()
	p.move()
	p.giveUp()
	p.promote()
	for _, s := range signals {
		if s.Tier == spec.Tier {
			p.signal(s)
		}
	}
	return p.Claims, p.said
}

// prescaling is a step in the making.
type prescaling struct {
	Claims
	spec      scenarios.Prescale
	instances []string
	now       time.Time
	said      []journal.Claim
}

func (p *prescaling) say(c journal.Claim) { p.said = append(p.said, c) }

// release ends the claims that there was no sign of for as long as they hold.
func (p *prescaling) release() {
	p.Holders = slices.DeleteFunc(p.Holders, func(h Holder) bool {
		over := p.now.Sub(h.Last) >= p.spec.Hold.Std()
		if over {
			p.say(journal.Claim{
				Account: h.Account, State: Released, Instance: h.Instance, Via: h.Via,
				Reason: fmt.Sprintf("no sign of it for %s", p.spec.Hold),
			})
		}
		return over
	})
}

// move gives those whose instance is gone another, as soon as there is one.
func (p *prescaling) move() {
	if !p.single() || len(p.instances) == 0 {
		return
	}
	for i, h := range p.Holders {
		if slices.Contains(p.instances, h.Instance) {
			continue
		}
		p.Holders[i].Instance = "" // not counted while one is chosen
		p.Holders[i].Instance = p.choose("")
		p.say(journal.Claim{
			Account: h.Account, State: Renewed, Instance: p.Holders[i].Instance, Via: h.Via, Reason: h.Instance + " is gone",
		})
	}
}

// Follow is the claims after instances have been given notice, of which it is
// known what takes their place: their claims go with that. A policy that names no
// instances has nothing to move. Of what it says, as of Prescale, the rest is the
// caller's.
func (c Claims) Follow(successors map[string]string) (Claims, []journal.Claim) {
	next := Claims{Holders: slices.Clone(c.Holders), Queue: c.Queue}
	var said []journal.Claim
	for i, h := range next.Holders {
		successor, noticed := successors[h.Instance]
		if !noticed {
			continue
		}
		next.Holders[i].Instance = successor
		said = append(said, journal.Claim{
			Account: h.Account, State: Renewed, Instance: successor, Via: h.Via,
			Reason: h.Instance + " was given notice, and this takes its place",
		})
	}
	return next, said
}

// On tells whether a claim is on an instance.
func (c Claims) On(instance string) bool {
	return slices.ContainsFunc(c.Holders, func(h Holder) bool { return h.Instance == instance })
}

// giveUp rejects those that have waited for too long.
func (p *prescaling) giveUp() {
	p.Queue = slices.DeleteFunc(p.Queue, func(w Waiter) bool {
		over := p.now.Sub(w.Since) >= p.spec.QueueFor.Std()
		if over {
			p.say(journal.Claim{
				Account: w.Account, State: Rejected, Via: w.Via, Waited: p.now.Sub(w.Since),
				Reason: fmt.Sprintf("no place became free within %s, %s", p.spec.QueueFor, p.usedUp()),
			})
		}
		return over
	})
}

// promote gives free places to those that wait.
func (p *prescaling) promote() {
	for len(p.Queue) > 0 && p.room() {
		w := p.Queue[0]
		p.Queue = p.Queue[1:]
		p.grant(w.Account, w.Via, w.Wants, p.now.Sub(w.Since))
	}
}

// room tells whether one more claim can be granted.
func (p *prescaling) room() bool {
	return len(p.Holders) < p.spec.Budget && (!p.single() || len(p.instances) > 0)
}

// signal answers one.
func (p *prescaling) signal(s journal.SessionSignal) {
	if i := slices.IndexFunc(p.Holders, func(h Holder) bool { return h.Account == s.Account }); i >= 0 {
		p.Holders[i].Last = p.now
		p.say(journal.Claim{Account: s.Account, State: Renewed, Instance: p.Holders[i].Instance, Via: s.Via})
		return
	}
	waits := slices.IndexFunc(p.Queue, func(w Waiter) bool { return w.Account == s.Account })
	switch {
	case waits >= 0:
		p.say(journal.Claim{Account: s.Account, State: Queued, Via: s.Via, Waited: p.now.Sub(p.Queue[waits].Since), Reason: p.usedUp()})
	case p.room():
		p.grant(s.Account, s.Via, s.Wants, 0)
	case len(p.Holders) < p.spec.Budget:
		p.say(journal.Claim{Account: s.Account, State: Rejected, Via: s.Via, Reason: "no instance runs that could be made larger"})
	case p.spec.Beyond == "queue":
		p.Queue = append(p.Queue, Waiter{Account: s.Account, Via: s.Via, Wants: s.Wants, Since: p.now})
		p.say(journal.Claim{Account: s.Account, State: Queued, Via: s.Via, Reason: p.usedUp()})
	default:
		p.say(journal.Claim{Account: s.Account, State: Rejected, Via: s.Via, Reason: p.usedUp()})
	}
}

func (p *prescaling) usedUp() string {
	if p.spec.Budget == 1 {
		return "the budget of 1 account is used up"
	}
	return fmt.Sprintf("the budget of %d accounts is used up", p.spec.Budget)
}

func (p *prescaling) grant(account, via, wants string, waited time.Duration) {
	h := Holder{Account: account, Via: via, Last: p.now}
	if p.single() {
		h.Instance = p.choose(wants)
	}
	p.Holders = append(p.Holders, h)
	p.say(journal.Claim{Account: account, State: Granted, Instance: h.Instance, Via: via, Waited: waited})
}

func (p *prescaling) single() bool { return p.spec.Instances == "one" }

// choose is the instance that is wanted, if it is there, else the one with the
// fewest claims.
func (p *prescaling) choose(wants string) string {
	if slices.Contains(p.instances, wants) {
		return wants
	}
	claims := map[string]int{}
	for _, h := range p.Holders {
		claims[h.Instance]++
	}
	return slices.MinFunc(p.instances, func(a, b string) int { return claims[a] - claims[b] })
}

// Classes are what the instances of these names are to be, and what one that is
// created from now on.
func (c Claims) Classes(spec scenarios.Prescale, instances []string) (each map[string]string, created string) {
	created = BaseClass
	if spec.Instances != "one" && len(c.Holders) > 0 {
		created = LargeClass
	}
	each = make(map[string]string, len(instances))
	for _, name := range instances {
		each[name] = created
	}
	for _, h := range c.Holders {
		if _, there := each[h.Instance]; there {
			each[h.Instance] = LargeClass
		}
	}
	return each, created
}

// Holds tells whether an account has a claim.
func (c Claims) Holds(account string) bool {
	return slices.ContainsFunc(c.Holders, func(h Holder) bool { return h.Account == account })
}

// GiveBack is the claims without that of an account.
func (c Claims) GiveBack(account string) Claims {
	return Claims{
		Holders: slices.DeleteFunc(slices.Clone(c.Holders), func(h Holder) bool { return h.Account == account }),
		Queue:   c.Queue,
	}
}

// Free is how long it takes at least until a place is free, unless that is put
// off by further signs of those that have one; 0 where nobody has.
func (c Claims) Free(spec scenarios.Prescale, now time.Time) time.Duration {
	if len(c.Holders) == 0 {
		return 0
	}
	oldest := slices.MinFunc(c.Holders, func(a, b Holder) int { return a.Last.Compare(b.Last) })
	return max(0, spec.Hold.Std()-now.Sub(oldest.Last))
}
