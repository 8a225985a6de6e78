package scrape

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A page that nobody has said there is, of a service of which none has answered, is
// asked for in vain patience times in a row, and once in retry from then on: most
// databases have none, and need not refuse one every second.
const (
	patience = 3
	retry    = 30 * time.Second
)

// doubt is about a page that is assumed, while none of its service has answered.
type doubt struct {
	failures int
	asked    time.Time // last
	resting  bool      // the scrape under way does not ask
}

// rests says whether the page is not to be asked for now; known, that it is there.
func (p *page) rests(now time.Time, known bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := &p.doubt
	d.resting = !known && d.failures >= patience && now.Sub(d.asked) < retry
	if !d.resting {
		d.asked = now
	}
	return d.resting
}

// missed is what there is to tell of a scrape that did not show that there is a page.
// The page is locked.
func (p *page) missed(t *transaction) *journal.ScrapeChanged {
	if p.doubt.resting {
		return nil
	}
	p.doubt.failures++
	return p.change(t)
}
