package scrape

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/prometheus/common/expfmt"
)

const (
	textFormat  = "text/plain; version=0.0.4; charset=utf-8"
	openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
)

// answer serves the page of an instance to the manager. Why there is none is kept with
// the page: the manager reads a status, not a body.
func (s *Scraper) answer(w http.ResponseWriter, r *http.Request) {
	p := s.page(r.Host)
	if p == nil { // removed in the meantime
		w.WriteHeader(http.StatusGone)
		return
	}
	if p.rests(time.Now(), s.known(p, false)) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Every)
	defer cancel()
	body, err := s.read(ctx, p)
	p.fetched(err)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", format(body))
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

func (s *Scraper) read(ctx context.Context, p *page) ([]byte, error) {
	if p.Target == own {
		return s.readOwn()
	}
	body, err := s.options.Fetch(ctx, p.Instance, p.Port, p.Path)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, unanswered(s.options.Every)
	case err != nil:
		return nil, err
	}
	return body, refusal(body, s.options.MaxBytes)
}

func unanswered(after time.Duration) error { return fmt.Errorf("no answer within %s", after) }

func (s *Scraper) readOwn() ([]byte, error) {
	all, err := s.options.Own.Gather()
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	for _, one := range all {
		if _, err := expfmt.MetricFamilyToText(&page, one); err != nil {
			return nil, err
		}
	}
	if page.Len() == 0 { // nothing has happened yet
		page.WriteByte('\n')
	}
	return page.Bytes(), nil
}

var title = regexp.MustCompile(`(?is)<title[^>]*>\s*(.{1,80}?)\s*</title>`)

// refusal says what is wrong with a page before it is taken apart, if anything is.
func refusal(body []byte, most int) error {
	text := bytes.TrimSpace(body)
	switch {
	case len(body) > most:
		return fmt.Errorf("its page has %d bytes, and at most %d are taken in", len(body), most)
	case len(text) == 0:
		return errors.New("its page is empty")
	case text[0] == '<':
		if m := title.FindSubmatch(text[:min(len(text), 4<<10)]); m != nil {
			return fmt.Errorf("it answers with HTML, not with metrics: %q", m[1])
		}
		return fmt.Errorf("it answers with markup, not with metrics: %.40q", text)
	}
	return nil
}

// format is that of a page: instances are not asked for one, so that it is the text
// format, unless the page ends as only OpenMetrics does.
func format(body []byte) string {
	if bytes.HasSuffix(bytes.TrimRight(body, "\n"), []byte("\n# EOF")) {
		return openMetrics
	}
	return textFormat
}
