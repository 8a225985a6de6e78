package docker

import (
	"context"
	"fmt"
	"strconv"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// beginning is the time of the first subscription: the engine then also sends
// what happened before it listened, and filtered by the run that is nothing
// old.
const beginning = 1

// Reconnecting to an engine that went away, before exits count as not seen.
const (
	reconnectEvery = 250 * time.Millisecond
	reconnectTimes = 40
)

// inspectPatience bounds the question how a container ended.
const inspectPatience = 5 * time.Second

type subscription struct {
	messages <-chan events.Message
	errs     <-chan error
}

// subscribe opens the stream of the run's events after a time in nanoseconds.
func (p *Platform) subscribe(ctx context.Context, after int64) subscription {
	only := filters.NewArgs(
		filters.Arg("type", string(events.ContainerEventType)), filters.Arg("label", runLabel+"="+p.run))
	for _, action := range []events.Action{events.ActionStart, events.ActionKill, events.ActionOOM, events.ActionDie} {
		only.Add("event", string(action))
	}
	since := fmt.Sprintf("%d.%09d", after/1e9, after%1e9)
	messages, errs := p.engine.Events(ctx, events.ListOptions{Since: since, Filters: only})
	return subscription{messages, errs}
}

// Events are stamped before they are put in line, so that their times are
// nearly in order and no more. A new stream begins a little before the last
// event of the old one, and what was seen already is told by remembering it.
const (
	overlap    = 10 * time.Second
	remembered = 1024 // an engine keeps 256 events to repeat
)

// memory knows the last events that were seen.
type memory struct {
	known map[string]bool
	order []string
	last  int64 // nanoseconds
}

// new remembers an event and says whether it is a new one.
func (s *memory) new(m events.Message) bool {
	key := fmt.Sprint(m.Actor.ID, m.Action, m.TimeNano)
	if s.known[key] {
		return false
	}
	s.known[key], s.order = true, append(s.order, key)
	if len(s.order) > remembered {
		delete(s.known, s.order[0])
		s.order = s.order[1:]
	}
	s.last = max(s.last, m.TimeNano)
	return true
}

// watch takes events in until ctx ends, and subscribes again when the engine
// breaks off.
func (p *Platform) watch(ctx context.Context, from subscription) {
	defer close(p.watched)
	defer p.late.Wait()
	seen, failed := memory{known: map[string]bool{}}, 0
	for {
		select {
		case m := <-from.messages:
			failed = 0
			if seen.new(m) {
				p.happened(ctx, m)
			}
			continue
		case err := <-from.errs:
			if ctx.Err() != nil {
				return
			}
			if failed++; failed > reconnectTimes {
				p.lose(fmt.Errorf("the engine's event stream broke off and cannot be opened again: %w", err))
				return
			}
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(reconnectEvery):
		case <-ctx.Done():
			return
		}
		from = p.subscribe(ctx, max(beginning, seen.last-int64(overlap)))
		p.catchUp(ctx)
	}
}

// happened takes one event in.
func (p *Platform) happened(ctx context.Context, m events.Message) {
	at := time.Now()
	p.mu.Lock()
	i := p.byID[m.Actor.ID]
	if i == nil || i.life == nil {
		p.mu.Unlock()
		return
	}
	l := i.life
	event := platform.Event{At: at, Name: i.name}
	switch m.Action {
	case events.ActionStart:
		l.began, l.beganAt = true, at
		i.announce()
		event.Kind = platform.Started
	case events.ActionOOM:
		event.Kind = platform.OOM
	case events.ActionKill:
		if m.Actor.Attributes["signal"] == "9" {
			l.kill()
		}
	}
	p.mu.Unlock()
	if event.Kind != "" {
		p.feed.Send(event)
	}
	switch m.Action {
	case events.ActionOOM:
		p.shortOfMemory(l, at)
	case events.ActionDie:
		code, err := strconv.Atoi(m.Actor.Attributes["exitCode"])
		if err != nil {
			code = -1
		}
		p.died(ctx, i, l, at, code)
	}
}

// shortOfMemory notes that the kernel killed something in a container.
func (p *Platform) shortOfMemory(l *life, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.oomAt.IsZero() {
		close(l.oom)
	}
	l.oomAt = at
}

// sigkilled is the exit code after SIGKILL, which is also the kernel's way to
// get memory back.
const sigkilled = 137

// The event "oom" comes by another way than "die" and may come after it. One
// that is long past was about another process in the container.
const (
	oomLate = 500 * time.Millisecond
	oomPast = 2 * time.Second
	// deaf is how long after a start the engine may miss the kernel's word: it
	// begins to listen when the process runs already.
	deaf = time.Second
)

// died takes in the end of a main process. The way it ended is clear at once
// but for SIGKILL that nobody asked the engine for: that was the kernel if it
// says so within oomLate, else somebody on this machine. Of a container with a
// memory limit that has just started it was the kernel too: the engine may not
// have listened yet, and nobody else is that fast.
func (p *Platform) died(ctx context.Context, i *instance, l *life, at time.Time, code int) {
	p.mu.Lock()
	oomAt, beganAt := l.oomAt, l.beganAt
	p.mu.Unlock()
	switch {
	case code != sigkilled || l.isKilled():
		p.ended(i, l, at, platform.Exit{Code: code})
	case !oomAt.IsZero() && at.Sub(oomAt) < oomPast:
		p.ended(i, l, at, platform.Exit{Code: code, OOM: true})
	default:
		p.late.Go(func() {
			exit := platform.Exit{Code: code}
			select {
			case <-l.oomSince(oomAt):
				exit.OOM = true
			case <-l.killed: // said late too
			case <-time.After(oomLate):
				exit.OOM = p.flaggedOOM(ctx, i, l) || i.limited && at.Sub(beganAt) < deaf
			case <-ctx.Done():
			}
			p.ended(i, l, at, exit)
		})
	}
}

// oomSince is closed when the first "oom" comes; after one that is long past it
// is nil, because a second one is not told from it.
func (l *life) oomSince(past time.Time) <-chan struct{} {
	if past.IsZero() {
		return l.oom
	}
	return nil
}

// flaggedOOM is the engine's own opinion, which older engines lack when the
// event came late, and which stays set into the container's next life.
func (p *Platform) flaggedOOM(ctx context.Context, i *instance, l *life) bool {
	if l.again {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, inspectPatience)
	defer cancel()
	c, err := p.engine.ContainerInspect(ctx, i.id)
	return err == nil && c.State != nil && c.State.OOMKilled
}

// ended records how a life ended. A container that could not be started dies
// without having begun; that is the error of Start and no event.
func (p *Platform) ended(i *instance, l *life, at time.Time, exit platform.Exit) {
	p.mu.Lock()
	began := l.began && !l.over
	if began {
		l.over, l.exit = true, exit
	}
	p.mu.Unlock()
	if began {
		p.feed.Send(platform.Event{At: at, Kind: platform.Exited, Name: i.name, Exit: exit})
		close(l.gone)
	}
}

// catchUp finds the exits that were missed while there was no stream.
func (p *Platform) catchUp(ctx context.Context) {
	p.mu.Lock()
	living := map[*instance]*life{}
	for _, i := range p.byID {
		if i.life != nil && i.life.began && !i.life.over {
			living[i] = i.life
		}
	}
	p.mu.Unlock()
	for i, l := range living {
		c, err := p.engine.ContainerInspect(ctx, i.id)
		switch {
		case cerrdefs.IsNotFound(err):
			p.late.Go(func() { p.vanished(ctx, i, l) })
		case err == nil && c.State != nil && !c.State.Running:
			oom := c.State.OOMKilled && c.State.ExitCode == sigkilled && !l.again
			p.ended(i, l, time.Now(), platform.Exit{Code: c.State.ExitCode, OOM: oom})
		}
	}
}

// repeatPatience is how long a new stream may take to repeat what was missed.
const repeatPatience = 2 * time.Second

// vanished takes in that a container was removed while there was no stream. If
// the engine does not repeat how it ended, nobody knows any more: the exit
// counts as one by SIGKILL, which is how running containers are removed.
func (p *Platform) vanished(ctx context.Context, i *instance, l *life) {
	at := time.Now()
	select {
	case <-l.gone:
		return
	case <-time.After(repeatPatience):
	case <-ctx.Done():
	}
	p.ended(i, l, at, platform.Exit{Code: sigkilled})
}

// lose lets everyone know who waits for an exit that it will not be seen.
func (p *Platform) lose(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = err
	for _, i := range p.byID {
		if i.life != nil && !i.life.over {
			i.life.over, i.life.err = true, err
			close(i.life.gone)
		}
	}
}
