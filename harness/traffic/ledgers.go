package traffic

import (
	"fmt"
	"maps"
	"slices"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A ledgerKey is what tells the acknowledgements of a ledger from one another.
type ledgerKey struct {
	ledger int // index into the plan's
	key    text
}

// keysOf are the keys that the success of a step is written down with.
func (d *driver) keysOf(journey, step string) (all []ledgerKey, err error) {
	for i := range d.plan.Ledgers {
		l := &d.plan.Ledgers[i]
		if l.Journey != journey || l.Step != step || !d.book.Takes(i) {
			continue
		}
		key, err := compileText(l.Key)
		if err != nil {
			return nil, fmt.Errorf("the key of ledger %s: %w", l.ID, err)
		}
		all = append(all, ledgerKey{i, key})
	}
	return all, nil
}

// acknowledge writes down that the request has succeeded. Its variables are
// still those of the session.
func (s *session) acknowledge() {
	for i := range s.asked.step.keys {
		k := &s.asked.step.keys[i]
		key, err := k.key.plain(&s.variables)
		if err != nil {
			s.lose(k.ledger, err)
			continue
		}
		s.book.Add(k.ledger, key)
	}
}

// lose counts an acknowledgement without a key, and says so once for a ledger.
func (d *driver) lose(ledger int, err error) {
	d.book.Lose(ledger)
	if _, said := d.keyless[ledger]; said {
		return
	}
	l := &d.plan.Ledgers[ledger]
	d.keyless[ledger] = journal.Note{Level: "warning", Text: fmt.Sprintf(
		"%s: acknowledgements of step %s have no key: %v; have that step, or one before it, extract it", l.ID, l.Step, err)}
}

// keylessNotes are what lose had to say, in the order of the ledgers.
func (d *driver) keylessNotes() (notes []journal.Body) {
	for _, ledger := range slices.Sorted(maps.Keys(d.keyless)) {
		notes = append(notes, d.keyless[ledger])
	}
	return notes
}
