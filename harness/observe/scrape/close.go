package scrape

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/discovery/targetgroup"
)

// closing is how long Close takes at most: what hangs by then is not waited for.
const closing = 5 * time.Second

// Close ends scraping, within five seconds. What was read stays as it is: series are not
// ended. An error says that what was under way may still run; it writes nothing more.
func (s *Scraper) Close() error {
	ended := make(chan error, 1)
	go func() { ended <- s.end() }()
	late := time.NewTimer(closing)
	defer late.Stop()
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("scrape metrics: %w", err)
		}
		return nil
	case <-late.C:
		return fmt.Errorf("scrape metrics: what was under way has not ended within %s: "+
			"the store or the record does not take what it is given", closing)
	}
}

func (s *Scraper) end() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	pages := s.by
	s.by = nil
	clear(s.at)
	select {
	case <-s.sets:
	default:
	}
	s.sets <- map[string][]*targetgroup.Group{} // a reload that is late finds nothing to begin
	close(s.sets)
	s.mu.Unlock()

	for _, p := range pages {
		p.forget()
	}
	s.cancel()                 // what is being fetched
	closed := s.server.Close() // and what is fetched all the same: the manager waits for it
	s.serving.Wait()
	s.managing.Wait()
	s.manager.Stop()
	return errors.Join(s.failed, closed)
}
