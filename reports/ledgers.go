package reports

import (
	"fmt"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A Ledger is a comparison that was made after the last request: what was
// acknowledged, and what could be read.
type Ledger struct {
	ID string `json:"id"`
	// Of is the step whose success acknowledges a key, "journey/step"; "" where
	// nothing is acknowledged. Want is "once" or "none", "" if not known.
	Of           string `json:"of"`
	Want         string `json:"want"`
	Acknowledged int    `json:"acknowledged"`
	// Lost acknowledgements could not be written down.
	Lost     int `json:"lost"`
	Found    int `json:"found"`
	Missing  int `json:"missing"`
	Repeated int `json:"repeated"`
	// The keys are some of them.
	MissingKeys  []string `json:"missing_keys"`
	RepeatedKeys []string `json:"repeated_keys"`
	FoundKeys    []string `json:"found_keys"`
	// Again counts keys that were delivered more than once, MostDeliveries is the
	// most for one key; both 0 where the reading does not tell.
	Again          int           `json:"again"`
	MostDeliveries int           `json:"most_deliveries"`
	Took           time.Duration `json:"took_ns"` // from the end of traffic to the last reading
	Readings       int           `json:"readings"`
	Error          string        `json:"error,omitempty"` // of the last reading
}

// ledgersOf are the comparisons of the run in the order in which they were made;
// of each the last.
func ledgersOf(run Run) []Ledger {
	list := []Ledger{}
	index := map[string]int{}
	for _, e := range run.events() {
		b, ok := e.Body.(journal.Ledger)
		if !ok {
			continue
		}
		l := ledgerOf(run, b)
		if i, again := index[b.ID]; again {
			list[i] = l
			continue
		}
		index[b.ID] = len(list)
		list = append(list, l)
	}
	return list
}

func ledgerOf(run Run, b journal.Ledger) Ledger {
	l := Ledger{
		ID: clean(b.ID), Acknowledged: b.Acknowledged, Lost: b.Lost, Found: b.Found, Missing: b.Missing, Repeated: b.Repeated,
		MissingKeys: cleanAll(b.MissingKeys), RepeatedKeys: cleanAll(b.RepeatedKeys), FoundKeys: cleanAll(b.FoundKeys),
		Again: b.Again, MostDeliveries: b.MostDeliveries, Took: b.Took, Readings: b.Readings, Error: clean(b.Error),
	}
	if p := plannedLedger(run, b.ID); p != nil {
		l.Want = clean(p.Want)
		if p.Journey != "" {
			l.Of = clean(p.Journey + "/" + p.Step)
		}
	}
	return l
}

// plannedLedger is the plan's ledger of that ID, nil if it does not know it.
func plannedLedger(run Run, id string) *scenarios.PlannedLedger {
	if run.Intent.Plan == nil {
		return nil
	}
	for i, l := range run.Intent.Plan.Ledgers {
		if l.ID == id {
			return &run.Intent.Plan.Ledgers[i]
		}
	}
	return nil
}

func cleanAll(texts []string) []string {
	list := make([]string, 0, len(texts))
	for _, t := range texts {
		list = append(list, clean(t))
	}
	return list
}

// asks tells whether keys were to be acknowledged; where the plan is not known
// those that were tell.
func (l Ledger) asks() bool { return l.Of != "" || l.Acknowledged > 0 }

// grave tells whether something is not as it was wanted.
func (l Ledger) grave() bool {
	return l.Missing > 0 || l.Repeated > 0 || l.Error != "" || l.Lost > 0 || l.Want == "none" && l.Found > 0
}

// acknowledged, missing and repeated are table cells: a dash where the number
// means nothing.
func (l Ledger) acknowledged() string { return unless(!l.asks(), l.Acknowledged) }
func (l Ledger) found() string        { return unless(l.Error != "", l.Found) }
func (l Ledger) missing() string      { return unless(!l.asks() || l.Error != "", l.Missing) }
func (l Ledger) repeated() string     { return unless(l.Want == "none" || l.Error != "", l.Repeated) }

func unless(senseless bool, n int) string {
	if senseless {
		return "–"
	}
	return count(n)
}

// maxKeys bounds the keys that a table names of one kind.
const maxKeys = 5

// remark is what the numbers leave out: keys, deliveries, and what went wrong.
func (l Ledger) remark() string {
	var parts []string
	keys := func(what string, keys []string, n int) {
		if len(keys) > 0 && n > 0 {
			text := what + ": " + strings.Join(keys[:min(len(keys), maxKeys)], ", ")
			if n > maxKeys || n > len(keys) {
				text += fmt.Sprintf(" and %s more", count(n-min(len(keys), maxKeys)))
			}
			parts = append(parts, text)
		}
	}
	if l.Error != "" {
		parts = append(parts, "could not be read: "+cut(l.Error, 200))
	}
	keys("missing", l.MissingKeys, l.Missing)
	keys("more than once", l.RepeatedKeys, l.Repeated)
	keys("found", l.FoundKeys, l.Found)
	if l.Lost > 0 {
		parts = append(parts, plural(l.Lost, "acknowledgement")+" could not be written down")
	}
	if l.Again > 0 {
		parts = append(parts, fmt.Sprintf("%s delivered again, %s times at most", count(l.Again), count(l.MostDeliveries)))
	}
	return strings.Join(parts, "; ")
}

// reading is when it was read last: after how long, and how often.
func (l Ledger) reading() string {
	return fmt.Sprintf("%s after traffic, %s", length(l.Took), plural(l.Readings, "reading"))
}

// wants is what had to be there, in words.
func (l Ledger) wants() string {
	switch {
	case l.Want == "none":
		return "nothing"
	case l.Of != "":
		return "each of " + l.Of + " once"
	case l.Want == "":
		return ""
	}
	return "each once"
}

// String is the comparison as a line.
func (l Ledger) String() string {
	if l.Error != "" {
		return l.ID + ": " + l.remark()
	}
	text := l.ID + ": "
	if l.asks() {
		text += count(l.Acknowledged) + " acknowledged, "
	}
	text += count(l.Found) + " found"
	if l.asks() {
		text += ", " + count(l.Missing) + " missing"
	}
	if l.Want != "none" {
		text += ", " + count(l.Repeated) + " twice"
	}
	return after(text, "; ", l.remark())
}
