package verify

import "fmt"

// work is D6: what a consumer of a queue has to do is done once for each
// acknowledged request, although consumers were told to stop. What they had in
// hand and did not acknowledge is delivered again, to another one, once: in a
// release that one may be told to stop as well.
func (h *history) work(service string, stopped []*instance) Finding {
	again := max(1, len(stopped))
	f := drainFinding(service, "D6-work", "every acknowledged piece of work is done once, and delivered again at most "+times(again))
	id := "drain/" + service
	f = h.compared(f, id, "done", true)
	l, ok := h.ledger(id)
	if ok && l.Error == "" {
		once := max(0, l.Acknowledged-l.Missing-l.Repeated)
		f.Measured = fmt.Sprintf("%s of %s done once, %s delivered again", count(once), count(l.Acknowledged), orNone(l.Again))
		if l.MostDeliveries > 1+again {
			f = h.deliveredTooOften(f, id, l.MostDeliveries, again)
		}
	}
	if len(stopped) == 0 {
		return h.settled(unlessNoneStopped(f, stopped))
	}
	return f
}

func (h *history) deliveredTooOften(f Finding, id string, deliveries, again int) Finding {
	text := fmt.Sprintf("a piece of work was delivered %s, so it was delivered again more than %s", times(deliveries), times(again))
	at := h.ledgers[id].at
	f.Evidence = append(f.Evidence, Evidence{Text: text, From: at, To: at})
	if f.Verdict != Fail {
		f.Verdict, f.Reason = Fail, ""
	}
	f.Reason = join(f.Reason, text)
	return f
}
