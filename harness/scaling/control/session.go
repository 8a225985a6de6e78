package control

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/scaling"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// What a rejected application is told to wait for before it asks again, real
// time.
const (
	leastRetry = time.Second
	mostRetry  = time.Minute
)

// Session answers the application's word of a session. It returns when that is
// decided, and where it is granted, when every instance in question has the larger
// class. Where one of them cannot be given it, or ctx is done before, the answer
// is rejected with the reason, and a claim that is new with this call is given
// back; one that the account had before is kept. Where several services are
// prescaled for the tier it is the worst of their answers. Where nothing is
// prescaled for the tier there is no answer, and the application goes on as if it
// had not asked; outside of Run it is rejected.
func (c *Controller) Session(ctx context.Context, signal journal.SessionSignal) gateway.Answer {
	nothing := gateway.Answer{State: gateway.NoAnswer}
	if c == nil {
		return nothing
	}
	ctx, leave, ok := c.sessions.enter(ctx)
	if !ok {
		return rejected("nothing is prescaled before traffic begins or after its last phase")
	}
	defer leave()
	answer := gateway.Answer{}
	for _, s := range c.services {
		if p := s.prescaler; p != nil && p.announcedBy(signal) {
			answer = worse(answer, p.answer(ctx, signal))
		}
	}
	if answer.State == "" {
		return nothing
	}
	return answer
}

// signalled takes in a session that a gateway saw in a request; those that an
// application announces come by Session.
func (c *Controller) signalled(signal journal.SessionSignal) {
	if signal.Via != "header" {
		return
	}
	for _, s := range c.services {
		if p := s.prescaler; p != nil && p.seenBy(signal) {
			p.inbox.put(signal)
			wake(p.wake)
		}
	}
}

func (p *prescaler) announcedBy(s journal.SessionSignal) bool {
	return p.spec.Webhook != nil && p.spec.Webhook.Service == s.Service && p.spec.Tier == s.Tier
}

func (p *prescaler) seenBy(s journal.SessionSignal) bool {
	return p.spec.Policy == scenarios.ProactivePolicy && p.spec.Header != nil && p.spec.Header.Service == s.Service && p.spec.Tier == s.Tier
}

// hurry is by how much the answer comes before the caller's patience ends, so that
// a refusal still reaches who asked.
const hurry = 250 * time.Millisecond

// answer answers for one service, in time and whatever happens.
func (p *prescaler) answer(ctx context.Context, signal journal.SessionSignal) (a gateway.Answer) {
	err := p.c.attempt("answer for "+p.s.name, func() error {
		a = p.session(ctx, signal)
		return nil
	})
	if err != nil {
		return rejected(oneLine(err))
	}
	return a
}

// session answers for one service.
func (p *prescaler) session(ctx context.Context, signal journal.SessionSignal) gateway.Answer {
	if p.spec.Policy != scenarios.ProactivePolicy { // the application goes on as if nobody had to be asked
		return gateway.Answer{State: gateway.NoAnswer}
	}
	claim := p.step(signal)[0]
	switch claim.State {
	case scaling.Granted, scaling.Renewed:
		if err := p.effective(ctx, claim); err != nil {
			claim = p.refuse(claim, err)
		} else if !p.holds(claim.Account) { // the one that it renewed was given back meanwhile
			claim.State, claim.Error = scaling.Rejected, "the larger class could not be made effective"
			claim.Reason = "its claim was given back, because " + claim.Error
		}
	}
	claim.Answered = waiting(ctx)
	p.c.cfg.Emit(claim)
	answer := gateway.Answer{State: claim.State, Reason: claim.Reason, Instance: claim.Instance}
	if claim.State == scaling.Rejected {
		answer.RetryAfter = p.retry()
	}
	return answer
}

// effective makes the resources of a claim so, as long as there is time for it.
func (p *prescaler) effective(ctx context.Context, claim journal.Claim) error {
	if patience, ends := ctx.Deadline(); ends {
		limited, cancel := context.WithDeadlineCause(ctx, patience.Add(-hurry), errors.New("it was not done in time for the answer"))
		defer cancel()
		ctx = limited
	}
	return p.apply(ctx, needed(claim))
}

// waiting tells whether somebody still waits for the answer: the end of the run
// ends what is done for it, and not the wait.
func waiting(ctx context.Context) bool {
	return ctx.Err() == nil || errors.Is(context.Cause(ctx), errOver)
}

// needed are the changes that a claim needs.
func needed(claim journal.Claim) func(resize) bool {
	return func(r resize) bool {
		return r.want.class == scaling.LargeClass && (claim.Instance == "" || claim.Instance == r.instance)
	}
}

// retry is when a place may be free.
func (p *prescaler) retry() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	free := time.Duration(0)
	if len(p.claims.Holders) >= p.spec.Budget {
		free = p.c.time.real(p.claims.Free(p.spec, p.c.time.at(p.c.now())))
	}
	return min(max(free, leastRetry), mostRetry)
}

func rejected(reason string) gateway.Answer {
	return gateway.Answer{State: scaling.Rejected, Reason: reason, RetryAfter: leastRetry}
}

// worse is the answer of two that promises less.
func worse(a, b gateway.Answer) gateway.Answer {
	rank := map[string]int{"": 0, gateway.NoAnswer: 1, scaling.Granted: 2, scaling.Renewed: 2, scaling.Queued: 3, scaling.Rejected: 4}
	if rank[b.State] > rank[a.State] {
		return b
	}
	return a
}

// An inbox holds signals until somebody looks, the latest of each account, in
// the order in which accounts first came.
type inbox struct {
	mu    sync.Mutex
	order []string
	of    map[string]journal.SessionSignal
}

func (i *inbox) put(s journal.SessionSignal) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.of == nil {
		i.of = map[string]journal.SessionSignal{}
	}
	if _, waits := i.of[s.Account]; !waits {
		i.order = append(i.order, s.Account)
	}
	i.of[s.Account] = s
}

// take empties it.
func (i *inbox) take() []journal.SessionSignal {
	i.mu.Lock()
	defer i.mu.Unlock()
	list := make([]journal.SessionSignal, len(i.order))
	for n, account := range i.order {
		list[n] = i.of[account]
	}
	i.order, i.of = nil, nil
	return list
}
