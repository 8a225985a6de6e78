// Package truth reads what exists after a run, through SQL or over HTTP, and
// compares it with what was acknowledged while traffic flowed.
//
// Keys are compared by 64-bit hashes that are seeded anew in each comparison,
// so that what a comparison takes of memory follows the number of keys and not
// their length. That a missing key goes unnoticed because its hash is that of
// another has a chance of less than n/2^64 among n keys, that any two different
// keys are taken for one of n²/2^65: with a million keys 1 in 36 million.
package truth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/acknowledged"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const (
	// atOnce is how many ledgers are compared at a time.
	atOnce = 4
	// A reading may take what is left of Within and a little more, but no reading
	// may hold the run up for longer than longestReading.
	readingGrace   = 10 * time.Second
	longestReading = 30 * time.Second
	// Between two readings of a ledger there is a pause that doubles.
	shortestPause = 100 * time.Millisecond
	longestPause  = time.Second
	// maxItems is how many keys a comparison takes: some 500 MB.
	maxItems = 20_000_000
)

// Config says what Compare compares.
type Config struct {
	// Ledgers are the plan's.
	Ledgers []scenarios.PlannedLedger
	// Book has what was acknowledged, by the index of the ledger. It is closed.
	Book *acknowledged.Book
	// Database gives the address of a database, credentials in it. It is called
	// for each reading, from several goroutines.
	Database func(scenarios.SQLRead) (url string, err error)
	// Targets gives host:port where a service is reached, by its name.
	Targets map[string]string
	// Clock is the run's, and Ended the moment on it at which traffic ended.
	Clock clock.Clock
	Ended time.Duration
}

// Compare reads each ledger again and again until it shows what is wanted, or
// until its time is over, counted from the end of traffic; once at least.
// It returns what came of each, in their order; some at a time are compared, and
// each is over half a minute after its time at the latest, or soon after ctx is
// done. What goes wrong stands in the Error of the ledger; neither an address
// nor credentials are in it.
func Compare(ctx context.Context, cfg Config) []journal.Ledger {
	results := make([]journal.Ledger, len(cfg.Ledgers))
	slots := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for i := range cfg.Ledgers {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			results[i] = cfg.compare(ctx, i)
		})
	}
	running.Wait()
	return results
}

// compare compares one ledger.
func (cfg *Config) compare(ctx context.Context, ledger int) journal.Ledger {
	return cfg.compareSource(ctx, ledger, func() (source, error) { return cfg.source(&cfg.Ledgers[ledger]) })
}

// compareSource compares one ledger with what a source shows.
func (cfg *Config) compareSource(ctx context.Context, ledger int, from func() (source, error)) journal.Ledger {
	l := &cfg.Ledgers[ledger]
	c := &comparison{Config: cfg, index: ledger, ledger: l, tally: newTally(maxItems)}
	c.result = journal.Ledger{ID: l.ID, Lost: cfg.Book.Lost(ledger)}
	err := c.prepare(from)
	if err == nil {
		err = c.repeat(ctx)
	}
	if err != nil {
		c.result.Error = err.Error()
	}
	c.result.Took = cfg.Clock.Now() - cfg.Ended
	return c.result
}

// source is where a ledger is read from.
func (cfg *Config) source(l *scenarios.PlannedLedger) (source, error) {
	switch {
	case l.SQL != nil:
		return &sqlSource{*l.SQL, cfg.Database}, nil
	case l.HTTP != nil:
		return newHTTPSource(*l.HTTP, cfg.Targets)
	}
	return nil, errors.New("the plan does not say where to read: set sql or http")
}

// A comparison is that of one ledger under way.
type comparison struct {
	*Config
	index  int
	ledger *scenarios.PlannedLedger
	source source
	tally  *tally
	result journal.Ledger
}

// A source is where to read what exists.
type source interface {
	// read calls each for all there is, once. Deliveries tells how often the work
	// of a key was delivered, 0 where the source does not know. What each returns
	// ends the reading. Errors say what was asked of whom, and what to do.
	read(ctx context.Context, each func(key string, deliveries int64) error) error
}

// prepare finds the source and takes in what was acknowledged.
func (c *comparison) prepare(from func() (source, error)) (err error) {
	if err := c.Book.Read(c.index, c.tally.acknowledge); err != nil {
		return fmt.Errorf("what step %s acknowledged: %w", c.ledger.Step, err)
	}
	c.result.Acknowledged = c.tally.acknowledged
	c.source, err = from()
	return err
}

// repeat reads until what is wanted is shown. The error is that of the last
// reading.
func (c *comparison) repeat(ctx context.Context) error {
	deadline := c.Ended + c.ledger.Within.Std()
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		err := c.read(ctx)
		switch left := deadline - c.Clock.Now(); {
		case ctx.Err() != nil:
			return errors.New("interrupted before it was over")
		case err == nil && c.shown(), left <= 0:
			return err
		default:
			pause = min(pause, left)
		}
		if !sleep(ctx, pause) {
			return errors.New("interrupted before it was over")
		}
	}
}

// read reads once. What an earlier reading showed stands if this one fails.
func (c *comparison) read(ctx context.Context) error {
	limit := min(c.ledger.Within.Std()+readingGrace, longestReading)
	reading, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no complete answer within %v", limit))
	defer cancel()
	c.result.Readings++
	c.tally.reset()
	err := c.source.read(reading, func(key string, deliveries int64) error {
		return c.tally.find(c.Book.Text(key), deliveries)
	})
	if err != nil {
		return err
	}
	c.note()
	return c.name()
}

// note puts into the result what a complete reading showed.
func (c *comparison) note() {
	t, r := c.tally, &c.result
	r.Found, r.Missing, r.Repeated, r.RepeatedKeys = t.rows, t.missing(), t.repeated, t.repeatedKeys
	r.Again, r.MostDeliveries = t.again, t.mostDeliveries
	r.MissingKeys, r.FoundKeys = nil, nil
	if c.ledger.Want == wantNone {
		r.FoundKeys = t.foundKeys
	}
}

// name finds out how some of the missing keys read.
func (c *comparison) name() error {
	if c.result.Missing == 0 {
		return nil
	}
	names := c.tally.missingNames()
	if err := c.Book.Read(c.index, names.take); err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("what step %s acknowledged: %w", c.ledger.Step, err)
	}
	c.result.MissingKeys = names.keys
	return nil
}

// wantNone is the word of the language for nothing at all; anything else is
// that everything is there once.
const wantNone = "none"

// shown tells whether the last reading showed what is wanted. Where nothing was
// to be acknowledged, something must be there.
func (c *comparison) shown() bool {
	r := &c.result
	switch {
	case c.ledger.Want == wantNone:
		return r.Found == 0
	case c.ledger.Journey == "":
		return r.Repeated == 0 && r.Found > 0
	}
	return r.Missing == 0 && r.Repeated == 0
}

// sleep waits; false: ctx was done.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
