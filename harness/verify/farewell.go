package verify

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// settling is what a stop signal may take, once it was delivered, until a server
// acts on it; spreading is how long its threads may differ in that.
const (
	settling  = 100 * time.Millisecond
	spreading = 50 * time.Millisecond
)

// farewell is D4: an instance that was told to stop asks clients on kept-alive
// connections to close them, by its removal from the endpoint list, and from
// its first such answer on in every one. Where a client connection stays with
// its instance there is nothing else that could make it leave, so that what goes
// on after removal counts as well. Where every request had begun before the stop
// signal, as with a pre-stop period longer than the endpoint lag, nobody was left
// to be told: false.
func (h *history) farewell(service string, stopped []*instance) (Finding, bool) {
	pinned := h.plan.Services[service].Balance == "connection"
	f := drainFinding(service, "D4-told-to-close", "clients are told to close their connections before removal from the endpoint list")
	if pinned {
		f.Wanted = "clients are told to close their connections, which stay with the instance until then"
	}
	answers, told, after := 0, 0, 0
	for _, i := range stopped {
		w, ok := i.farewells(pinned)
		if !ok {
			continue
		}
		answers, told, after = answers+w.answers, told+w.told, after+w.after
		f.Evidence = append(f.Evidence, w.evidence())
		if w.stayed.total > 0 {
			f.Verdict, f.Reason = Fail, join(f.Reason, w.reason())
		}
	}
	f.Measured = fmt.Sprintf("%s of %s after %s told the client to close", count(told), plural(answers, "answer"), stopSignalOf(stopped))
	if pinned {
		f.Measured += fmt.Sprintf("; %s after removal on reused connections", count(after))
	}
	return f, answers > 0 || len(stopped) == 0
}

// farewells is what the complete answers of an instance to requests that began
// after the stop signal said of their connections.
type farewells struct {
	instance string
	signal   string
	zero     time.Duration // the stop signal
	pinned   bool

	answers, told int
	after         int           // on reused connections after removal
	from, to      time.Duration // first start and last end of all
	first         time.Duration // end of the first that told its client to close
	stayed        losses        // those that should have, and did not
}

// farewells looks at the answers of one instance; false where they show nothing:
// there were none, or only some that came before the signal can have had effect.
func (i *instance) farewells(pinned bool) (farewells, bool) {
	sent, signal, ok := i.stopSignal()
	if !ok {
		return farewells{}, false
	}
	w := farewells{instance: i.name, signal: signal, zero: sent, pinned: pinned}
	removed, listed := i.unlisted()
	listed = listed && i.listedAtStop()
	answered := func(x exchange) bool {
		return x.Start > sent && !i.early(x.Start) && (pinned || !listed || x.Start <= removed) &&
			(x.Failure == journal.NoFailure || x.Failure == journal.Status5xx)
	}
	for _, x := range i.exchanges {
		if answered(x) {
			w.add(x, listed && x.Start > removed)
		}
	}
	since := i.delivered(sent) + settling
	if w.told > 0 {
		since = max(since, w.first+spreading)
	}
	w.stayed = i.losses(sent, signal, func(x exchange) bool {
		return answered(x) && !x.bad() && !x.Close && x.Start >= since
	})
	return w, w.told > 0 || w.stayed.total > 0
}

func (w *farewells) add(x exchange, afterRemoval bool) {
	if w.answers == 0 {
		w.from, w.to = x.Start, x.end
	}
	w.from, w.to = min(w.from, x.Start), max(w.to, x.end)
	w.answers++
	if afterRemoval && x.Reused {
		w.after++
	}
	if !x.Close {
		return
	}
	if w.told == 0 {
		w.first = x.end
	}
	w.first = min(w.first, x.end)
	w.told++
}

func (w farewells) reason() string {
	n := w.stayed
	when := between(n.from-w.zero, n.lastStart-w.zero) + " after " + w.signal
	if w.told == 0 {
		s := fmt.Sprintf("%s: none of %s told the client to close its connection (requests sent %s)", w.instance, plural(n.total, "answer"), when)
		return s + w.staying()
	}
	return fmt.Sprintf("%s: %s did not tell the client to close its connection (requests sent %s), although one had %s after %s",
		w.instance, plural(n.total, "answer"), when, offset(w.first-w.zero), w.signal) + w.staying()
}

// staying mentions that pinned clients went on after the removal.
func (w farewells) staying() string {
	if !w.pinned || w.after == 0 {
		return ""
	}
	return fmt.Sprintf("; %s on reused connections after removal from the endpoint list", plural(w.after, "request"))
}

func (w farewells) evidence() Evidence {
	text := fmt.Sprintf("%s to requests after %s, none told the client to close its connection", plural(w.answers, "answer"), w.signal)
	if w.told > 0 {
		text = fmt.Sprintf("%s to requests after %s, %s told the client to close its connection, the first %s after %s",
			plural(w.answers, "answer"), w.signal, count(w.told), offset(w.first-w.zero), w.signal)
	}
	return Evidence{Text: text + w.staying(), Instance: w.instance, From: w.from, To: w.to, Count: w.answers}
}
