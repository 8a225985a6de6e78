package scrape

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// told is what was said of a page last. Reasons are those since it could be read last,
// without their numbers: one that takes turns with another is not told again.
type told struct {
	any     bool
	up      bool
	reasons map[string]bool
}

// change is what there is to tell after a scrape, nil if nothing is new. The page is locked.
func (p *page) change(t *transaction) *journal.ScrapeChanged {
	up := t.up
	c := &journal.ScrapeChanged{Service: p.Service, Instance: p.Instance, Up: up}
	if up {
		c.Series = t.series()
		if n := t.reading("scrape_samples_post_metric_relabeling") - c.Series; n > 0 && !t.lost() {
			c.Error = fmt.Sprintf("%d of its series are there twice, of which the first counts", n)
		}
	} else {
		c.Error, c.Series = p.reason(t)
	}
	first := !p.told.any || p.told.up != up
	if first {
		p.told = told{any: true, up: up, reasons: map[string]bool{}}
	}
	key := numberless(c.Error)
	known := p.told.reasons[key]
	p.told.reasons[key] = true
	if known || (!first && c.Error == "") {
		return nil
	}
	return c
}

// reason is why a scrape failed, and how many series there would have been if that is
// known. The page is locked.
func (p *page) reason(t *transaction) (string, int) {
	err := t.target.LastError()
	var address *url.Error
	switch {
	case err == nil:
		return "the scrape failed", 0
	case errors.As(err, &address): // no answer of ours; and the address is none that means anything
		err = address.Err
	case p.refused != nil:
		err = p.refused
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return unanswered(p.every).Error(), 0
	case err.Error() == "sample limit exceeded": // it has no name outside of its package
		n := t.reading("scrape_samples_scraped")
		return fmt.Sprintf("it has %d series, and at most %d are taken in (max_series)", n, p.most), n
	}
	text := err.Error()
	if strings.Contains(text, "while parsing") {
		text = "its page is not in the format of Prometheus: " + text
	}
	return short(text), 0
}

// short keeps lines of a journal readable: errors of parsers cite the page.
func short(text string) string {
	const most = 300
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

func numberless(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, text)
}
