package verify

import (
	"fmt"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// keysInReason is how many keys a reason names; the evidence has all that the
// record does.
const keysInReason = 3

// ledger is the comparison of that ID, the last one where there are several;
// false if the run made none.
func (h *history) ledger(id string) (journal.Ledger, bool) {
	l, ok := h.ledgers[id]
	return l.body, ok
}

// compared judges a comparison: each acknowledged key must have been read once,
// and no other key twice. Where nothing was to be acknowledged at least one key
// must be there. Done is what a key that was read is: "found" or "done". It sets
// everything of the finding but its ID, kind, service and what was wanted.
func (h *history) compared(f Finding, id, done string, acknowledged bool) Finding {
	l, ok := h.ledger(id)
	if !ok {
		return h.unread(f, id)
	}
	f.Verdict, f.Measured = Pass, measuredLedger(l, done, acknowledged)
	f.Evidence = h.ledgerEvidence(id, l, done)
	switch {
	case l.Error != "":
		f.Verdict, f.Reason = Inconclusive, unreadable(l)
		f.Measured = "not known"
		if acknowledged {
			f.Measured = count(l.Acknowledged) + " acknowledged, what is " + done + " is not known"
		}
	case l.Missing > 0 || l.Repeated > 0:
		f.Verdict = Fail
		f.Reason = join(missingText(l, done), repeatedText(l, done))
	case acknowledged && l.Acknowledged == 0:
		f.Verdict, f.Reason = Inconclusive, "nothing was acknowledged, so nothing shows that it would have been "+done+" once"
	case !acknowledged && l.Found == 0:
		f.Verdict, f.Reason = Fail, fmt.Sprintf("nothing was %s within %s of the end of traffic", done, offset(l.Took))
	case l.Lost > 0:
		f.Verdict, f.Reason = Inconclusive, fmt.Sprintf("%s could not be written down, so nobody knows whether they were %s", plural(l.Lost, "acknowledgement"), done)
	}
	return h.settled(f)
}

// nothingRead judges a comparison in which nothing must have been read.
func (h *history) nothingRead(f Finding, id string) Finding {
	l, ok := h.ledger(id)
	if !ok {
		return h.unread(f, id)
	}
	f.Verdict, f.Measured = Pass, "nothing found"
	f.Evidence = h.ledgerEvidence(id, l, "found")
	switch {
	case l.Error != "":
		f.Verdict, f.Reason = Inconclusive, unreadable(l)
		f.Measured = "not known"
	case l.Found > 0:
		f.Verdict, f.Measured = Fail, count(l.Found)+" found"
		f.Reason = f.Measured + named(l.FoundKeys, l.Found, keysInReason)
	}
	return h.settled(f)
}

// unread is the finding on a comparison that the run did not make.
func (h *history) unread(f Finding, id string) Finding {
	f.Verdict, f.Measured = Inconclusive, "nothing was read"
	f.Reason = "nothing was read: the run made no comparison " + id
	return h.settled(f)
}

func unreadable(l journal.Ledger) string {
	return "nothing could be read: " + firstLine(l.Error)
}

// settled takes a pass back where the record leaves room for doubt. What a
// comparison shows hangs on no single instance.
func (h *history) settled(f Finding) Finding {
	return h.conclude(f, func(*instance) (from, to time.Duration, ok bool) { return 0, 0, false })
}

// measuredLedger is the table cell.
func measuredLedger(l journal.Ledger, done string, acknowledged bool) string {
	s := count(l.Found) + " " + done
	if acknowledged {
		s = count(l.Acknowledged) + " acknowledged, " + s + ", " + orNone(l.Missing) + " missing"
	}
	return s + ", " + orNone(l.Repeated) + " twice"
}

func wasOrWere(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

func orNone(n int) string {
	if n == 0 {
		return "none"
	}
	return count(n)
}

// missingText says which acknowledged keys were not read; "" if all were.
func missingText(l journal.Ledger, done string) string {
	if l.Missing == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %s acknowledged %s not %s within %s of the end of traffic%s",
		count(l.Missing), count(l.Acknowledged), wasOrWere(l.Missing), done, offset(l.Took), named(l.MissingKeys, l.Missing, keysInReason))
}

// repeatedText says which keys were read more than once; "" if none was.
func repeatedText(l journal.Ledger, done string) string {
	if l.Repeated == 0 {
		return ""
	}
	return fmt.Sprintf("%s %s %s more than once%s", count(l.Repeated), wasOrWere(l.Repeated), done, named(l.RepeatedKeys, l.Repeated, keysInReason))
}

// ledgerEvidence is what the comparison rests on, and the keys that are wrong.
func (h *history) ledgerEvidence(id string, l journal.Ledger, done string) []Evidence {
	at := h.ledgers[id].at
	text := fmt.Sprintf("read %s, the last time %s after the end of traffic", plural(l.Readings, "time"), offset(l.Took))
	list := []Evidence{{Text: text, From: at, To: at, Count: l.Found}}
	add := func(what string, keys []string, n int) {
		if n > 0 {
			list = append(list, Evidence{Text: what + named(keys, n, len(keys)), From: at, To: at, Count: n})
		}
	}
	add("not "+done, l.MissingKeys, l.Missing)
	add(done+" more than once", l.RepeatedKeys, l.Repeated)
	if len(l.FoundKeys) > 0 {
		add(done, l.FoundKeys, l.Found)
	}
	if l.Error != "" {
		list = append(list, Evidence{Text: "the last reading: " + capped(l.Error), From: at, To: at})
	}
	return list
}

// named lists keys behind a colon, at most so many, and says how many of all
// there are besides; "" without any.
func named(keys []string, all, most int) string {
	shown := keys[:min(len(keys), most)]
	if len(shown) == 0 {
		return ""
	}
	s := ": " + strings.Join(shown, ", ")
	if rest := all - len(shown); rest > 0 {
		s += " and " + count(rest) + " more"
	}
	return s
}
