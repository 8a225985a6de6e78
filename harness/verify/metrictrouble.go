package verify

import (
	"fmt"
	"slices"
	"time"
)

const (
	// sightings is how often a value must have been read before it can be called
	// stuck.
	sightings = 4
	// stirred is by how much the load must have changed, 1.2 times, before a value
	// that did not is strange.
	stirred = 1.2
)

// metricTrouble says which of the metrics that decisions went by could not be
// read most of the time, and which never changed although the load did.
func metricTrouble(d demand, decisions []decision) []Evidence {
	var names []string
	for _, n := range decisions {
		for _, m := range n.Metrics {
			if !slices.Contains(names, m.Name) {
				names = append(names, m.Name)
			}
		}
	}
	var list []Evidence
	for _, name := range names {
		w := watch(d, decisions, name)
		if text := w.text(d); text != "" {
			list = append(list, Evidence{Text: text, From: w.from, To: w.to, Count: w.seen})
		}
	}
	return list
}

// watched is what became of a metric in the decisions that went by it.
type watched struct {
	name        string
	seen        int // decisions
	unread      int
	error       string // of the last that could not be read
	values      []float64
	least, most float64 // load when there was a value
	from, to    time.Duration
}

func watch(d demand, decisions []decision, name string) watched {
	w := watched{name: name}
	for _, n := range decisions {
		for _, m := range n.Metrics {
			if m.Name != name {
				continue
			}
			if w.seen == 0 {
				w.from = n.at
			}
			w.seen, w.to = w.seen+1, n.at
			if m.Value == nil {
				w.unread, w.error = w.unread+1, m.Error
				continue
			}
			rate, ok := d.rate(n.at)
			if !ok {
				continue
			}
			if len(w.values) == 0 {
				w.least = rate
			}
			w.values = append(w.values, *m.Value)
			w.least, w.most = min(w.least, rate), max(w.most, rate)
		}
	}
	return w
}

// unlessUnseen takes a verdict back that is good only because an autoscaler did
// nothing, where it did nothing because it saw nothing: most of its decisions lacked
// a metric. What it did wrong all the same stays wrong. C1 needs no such thing: it
// goes by the instances that came, and says of a metric that could not be read that
// this is why none did.
func unlessUnseen(f Finding, decisions []decision) Finding {
	unseen := slices.DeleteFunc(slices.Clone(decisions), func(n decision) bool { return !n.unread() || n.change() != 0 })
	if f.Verdict != Pass || 2*len(unseen) <= len(decisions) {
		return f
	}
	from, to := unseen[0].at, unseen[len(unseen)-1].at
	text := fmt.Sprintf("%s of %s %s made without a metric, first at %s", count(len(unseen)), plural(len(decisions), "decision"), wasOrWere(len(unseen)), offset(from))
	for _, why := range unseen[0].blanks() {
		text = join(text, why)
	}
	f.Evidence = append(f.Evidence, Evidence{Text: text, From: from, To: to, Count: len(unseen)})
	return unknown(f, text+"; nothing is removed while not all is seen, so nothing shows what would be done otherwise")
}

// blanks are the metrics that could not be read, and why.
func (d decision) blanks() []string {
	var list []string
	for _, m := range d.Metrics {
		if m.Value != nil {
			continue
		}
		text := m.Name + " could not be read"
		if m.Error != "" {
			text += ": " + firstLine(m.Error)
		}
		list = append(list, text)
	}
	return list
}

// text says what is wrong; "" if nothing is.
func (w watched) text(d demand) string {
	switch {
	case 2*w.unread > w.seen:
		text := fmt.Sprintf("%s could not be read in %s of %s", w.name, count(w.unread), plural(w.seen, "decision"))
		if w.error != "" {
			text += ": " + firstLine(w.error)
		}
		return text
	case len(w.values) >= sightings && slices.Min(w.values) == slices.Max(w.values) && w.most > stirred*w.least:
		return fmt.Sprintf("%s never changed: it was %s in all %s, while the load went from %s to %s", w.name, figure(w.values[0]),
			plural(len(w.values), "decision"), figure(w.least), perSecond(w.most, d.noun))
	}
	return ""
}
