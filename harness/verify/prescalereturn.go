package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// defaultReturned is how long after the last hold resources may take to be given
// back where the check does not say; retryReturn how often that is tried.
const defaultReturned = 5 * time.Second

// inControlTime is a duration of control loops in real time.
func (h *history) inControlTime(d scenarios.Duration) time.Duration {
	return time.Duration(float64(d) / h.tempo())
}

// returned is P4: every instance keeps the larger class until the granted work is
// over, and within a limit from the last account's hold it is back in its own class.
// Both edges are the same setting's, hold, so that one finding shows them. A hold counts from the last sign of an account that still
// had a session: signs of those that have none ask for nothing.
func (h *history) returned(w workload) Finding {
	c := w.check
	within := c.ReturnedWithin.Std()
	if within <= 0 {
		within = defaultReturned
	}
	f := prescaleFinding(c.Service, "P4-returned", "no instance is back in its own class before granted work is over, and all are within "+latency(within)+" of the last hold")
	end := h.lastHold(w)
	stays, all := h.larger(w)
	if len(all) == 0 {
		return unknown(f, join("no instance of "+c.Service+" ever had the larger class, so nothing shows that it would be given back", w.refusalText(largeClass)))
	}
	latest, open := time.Duration(0), false
	for _, s := range stays {
		f.Evidence = append(f.Evidence, s.evidence(h.window.to))
		latest, open = max(latest, min(s.to, h.window.to)), open || s.to == forever
	}
	f.Evidence = append(f.Evidence, Evidence{Text: "the last hold: until " + offset(end), From: end, To: end})
	f = h.keptToTheEnd(w, f)
	seen := h.controlled().to
	f.Measured = fmt.Sprintf("%s back at %s, the last hold until %s", plural(len(all), "instance"), offset(latest), offset(end))
	if open {
		f.Measured = fmt.Sprintf("not all back at %s, the last hold until %s", offset(seen), offset(end))
	}
	zombies := h.zombies(w)
	if zombies.Count > 0 {
		f.Evidence = append(f.Evidence, zombies)
	}
	switch {
	case !open && latest <= end+within:
		return f
	case open && seen <= end+within && f.Verdict == Fail:
		return f
	case open && seen <= end+within:
		return unknown(f, join(fmt.Sprintf("the last phase ended %s before instances have to be back; it must be that much longer", offset(end+within-seen)), zombies.Text))
	}
	f.Verdict = Fail
	f.Reason = join(f.Reason, fmt.Sprintf("still in the larger class %s after the last hold, the limit is %s", offsetBeside(h.overdue(stays, end), within), latency(within)))
	f.Reason = join(join(f.Reason, zombies.Text), w.refusalText(baseClass))
	return f
}

// overdue is how long after a moment the last instance had the larger class.
func (h *history) overdue(stays []stay, end time.Duration) time.Duration {
	longest := time.Duration(0)
	for _, s := range stays {
		longest = max(longest, min(s.to, h.controlled().to)-end)
	}
	return longest
}

// lastHold is until when instances may be larger: until the last heavy work is over
// that was granted them, and for a hold from the last sign of an account that had a
// session then. What the engine refused was held until then, or is kept. Where the
// record has no claim at all whoever works counts. A reactive policy goes by use,
// whoever works, so that its hold begins when the work is over.
func (h *history) lastHold(w workload) time.Duration {
	hold := h.inControlTime(w.spec.Hold)
	last := h.window.from
	unclaimed := !slices.ContainsFunc(w.accounts, func(a *account) bool { return len(a.claims) > 0 })
	for _, a := range w.accounts {
		over, worked := h.lastOver(a)
		switch {
		case worked && w.spec.Policy == scenarios.ReactivePolicy:
			last = max(last, over+hold+h.inControlTime(w.spec.Every))
		case worked && unclaimed:
			last = max(last, over)
		}
		for _, p := range h.grantedWork(w, a) {
			last = max(last, p.to)
		}
		for _, c := range a.claims {
			kept := c.body.Error != "" && a.holdsAt(c.at)
			switch {
			case (holding(c.body) && !moved(c.body) || kept) && (!worked || c.at <= over+lookSlack || c.at <= w.othersUntil):
				last = max(last, c.at+hold)
			case c.body.Error != "":
				last = max(last, c.at)
			}
		}
	}
	return last
}

// lastOver is when the account's last session with heavy work was over, as far as
// the record tells: one that was under way at the end, or that waited for Done, may
// have lasted until then. False if it did none.
func (h *history) lastOver(a *account) (time.Duration, bool) {
	last := time.Duration(0)
	for _, s := range a.sessions {
		if s.open() {
			return h.window.to, true
		}
		last = max(last, s.over)
	}
	return last, len(a.sessions) > 0
}

// zombies says which accounts went on asking although their last session was
// over; its count is 0 if none did.
func (h *history) zombies(w workload) Evidence {
	e := Evidence{}
	accounts, example := 0, ""
	for _, a := range w.accounts {
		over, worked := h.lastOver(a)
		n := 0
		for _, c := range a.claims {
			if worked && c.body.State == renewed && !moved(c.body) && c.at > over+lookSlack && c.at > w.othersUntil {
				if e.Count == 0 || c.at < e.From {
					e.From = c.at
				}
				e.To = max(e.To, c.at)
				e.Count, n = e.Count+1, n+1
			}
		}
		if n > 0 {
			accounts++
			if example == "" {
				example = a.name
			}
		}
	}
	if e.Count > 0 {
		e.Text = fmt.Sprintf("%s renewed %s after their last session was over, such as %s: the application never says that it needs no more",
			plural(accounts, "account"), times(e.Count), example)
	}
	return e
}

// stay is a time for which an instance had the larger class; to is forever where it
// did not end.
type stay struct {
	instance string
	span
}

func (s stay) evidence(end time.Duration) Evidence {
	e := Evidence{Text: "in the larger class for " + offset(min(s.to, end)-s.from), Instance: s.instance, From: s.from, To: min(s.to, end)}
	if s.to == forever {
		e.Text += ", until the end"
	}
	return e
}

// larger are the last times for which instances had the larger class, and the
// names of all that ever had it. One that is told to stop gives it back.
func (h *history) larger(w workload) (stays []stay, all []string) {
	for _, i := range h.of(w.check.Service) {
		s, had := stay{instance: i.name}, false
		large := false
		for _, r := range w.resized {
			if r.body.Instance != i.name || r.body.Error != "" {
				continue
			}
			switch is := r.body.Class == largeClass; {
			case is && !large:
				s.from, s.to, large, had = r.at, forever, true, true
			case !is && large:
				s.to, large = r.at, false
			}
		}
		if !had {
			continue
		}
		if left, leaves := i.leaves(); leaves && left < s.to && left <= h.window.to {
			s.to = max(left, s.from)
		}
		all, stays = append(all, i.name), append(stays, s)
	}
	return stays, all
}
