// Package harness plays a plan against a stack: it brings the stack up, lets
// traffic and actions run on one clock, writes everything that happens into
// the journal, takes everything down again and has the record judged.
package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/redact"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/harness/steer"
	"github.com/shakedown-dev/shakedown/harness/traffic/acknowledged"
	"github.com/shakedown-dev/shakedown/harness/truth"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// Options say what to run, where, and who looks on.
type Options struct {
	Run        string // id, unique on this machine
	Loaded     *Loaded
	Platform   platform.Platform
	Dir        rundir.Dir
	Intent     rundir.Intent
	Secrets    *redact.Redactor // takes out what must not be seen; for whoever prints
	Agent      string           // path of the shakedown-agent program
	Build      bool             // build images even if they are present
	KeepOnFail bool             // leave the instances when the verdict is not pass
	Results    string           // file for every request in vegeta's encoding; "" for none
	Baselines  string           // directory of baselines; "" for the default
	// StartTimeout limits how long an instance may take to be ready; 0 for the
	// stack's default.
	StartTimeout time.Duration
	// Observe is called for every event, one at a time, after it was journaled, and
	// for remarks on what goes on, which are not.
	Observe func(journal.Event)
	// Live is called once, when traffic begins, with the run as people can steer it;
	// nil where nobody does.
	Live func(steer.Run)
}

// ErrInterrupted is returned by Run when its context was cancelled; the run
// directory holds what was recorded until then, judged.
var ErrInterrupted = errors.New("interrupted")

// Run plays the plan and returns the verdict; a result without a scenario was
// not judged. Everything it made is gone when
// it returns, whatever the error, except with KeepOnFail. Cancelling ctx stops
// traffic in an orderly way and takes the stack down; cancelling hard besides
// skips what is still waiting and the judging. A deadline (WithDeadline) ends the run
// in the same way, but is judged, and the error is its DeadlineError.
func Run(ctx, hard context.Context, opts Options) (verify.Result, error) {
	result, err := runAndJudge(ctx, hard, opts)
	return result, hush(opts.Secrets, err)
}

func runAndJudge(ctx, hard context.Context, opts Options) (verify.Result, error) {
	r, err := begin(opts)
	if err != nil {
		return verify.Result{}, errors.Join(err, opts.Platform.TearDown(context.WithoutCancel(hard)))
	}
	played := r.upAndPlay(ctx, hard)
	late := Overdue(ctx)
	interrupted := ctx.Err() != nil && late == nil
	if late != nil {
		played = errors.Join(late, played)
	}
	r.abortedEarly(ctx)
	played = errors.Join(played, r.metrics.close())
	r.emit(r.faults.ending(ended(played, interrupted, r.faults.ended.Load())))
	kept := opts.KeepOnFail && !interrupted && r.verdictSoFar() != verify.Pass
	if kept {
		r.emit(journal.Note{Level: "warning", Text: "instances kept for inspection (the gateways end with this process); remove them with: shakedown clean"})
	}
	down := r.down(hard, kept)
	if err := errors.Join(r.closeLogs(), r.journal.Close()); err != nil {
		down = errors.Join(down, fmt.Errorf("close the journal: %w", err))
	} else if err := opts.Dir.Seal(); err != nil {
		down = errors.Join(down, err)
	}
	if hard.Err() != nil && Overdue(hard) == nil {
		return verify.Result{}, errors.Join(ErrInterrupted, down)
	}
	result, err := Judge(opts.Dir, r.Loaded.Plan)
	switch {
	case interrupted:
		return result, errors.Join(ErrInterrupted, err, down)
	case played != nil:
		return result, errors.Join(played, err, down)
	}
	return result, errors.Join(err, down)
}

// run is one run under way.
type run struct {
	Options
	clock   clock.Clock
	journal *journal.Writer
	stack   *stack.Stack
	results *resultsFile // nil: not wanted
	book    *acknowledged.Book
	lanes   lanes // of the actions
	scaler  autoscaling
	metrics measuring
	faults  breaking
	live    *live // nil: nobody steers
	// trafficEnded is when, on the clock; for compare.
	trafficEnded time.Duration

	observing sync.Mutex // one event at a time reaches Observe
	logsMutex sync.Mutex
	logs      []io.Closer
}

// begin writes the intent and opens the journal.
func begin(opts Options) (*run, error) {
	if opts.Live != nil {
		opts.Loaded = steerable(opts.Loaded)
		opts.Intent.Plan = opts.Loaded.Plan
	}
	r := &run{Options: opts, clock: clock.Start(), lanes: lanes{}}
	if opts.Live != nil {
		r.live = newLive(r)
	}
	var err error
	if r.results, err = createResults(opts.Results); err != nil {
		return nil, err
	}
	if err := opts.Dir.WriteIntent(hushed(opts.Intent), r.Secrets.Bytes); err != nil {
		return nil, fmt.Errorf("write the intent: %w", err)
	}
	writer, err := journal.Create(string(opts.Dir), r.Secrets.Bytes)
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	r.journal = writer
	r.stack, err = stack.New(stack.Config{
		Run: opts.Run, Project: opts.Loaded.Project, Plan: opts.Loaded.Plan, Platform: opts.Platform,
		Clock: r.clock, Emit: r.append, Agent: opts.Agent, Build: opts.Build,
		Log: r.log, Redact: r.Secrets.String, StartTimeout: opts.StartTimeout, Session: r.scaler.session,
		Proxies: r.faults.sink,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("plan the stack: %w", err), writer.Close())
	}
	plan := opts.Loaded.Plan
	r.emit(journal.RunStarted{Run: opts.Run, Scenario: plan.Scenario, Platform: opts.Platform.Name(), Seed: plan.Seed})
	for _, note := range opts.Intent.Notes {
		r.emit(journal.Note{Level: "info", Text: note})
	}
	r.readBaselines()
	r.lint()
	if err := errors.Join(r.faults.make(r), r.metrics.make(r)); err != nil {
		return nil, errors.Join(err, r.metrics.close(), writer.Close())
	}
	return r, nil
}

func (r *run) upAndPlay(ctx, hard context.Context) error {
	if err := r.stack.Up(ctx); err != nil {
		return errors.Join(fmt.Errorf("bring up the stack: %w", err), r.results.close())
	}
	err := r.metrics.begin(ctx)
	if err == nil {
		err = r.faults.prepare(ctx)
	}
	if err != nil {
		return errors.Join(err, r.results.close())
	}
	if r.book, err = acknowledged.Create(r.Dir.Acknowledged(), r.Loaded.Plan.Ledgers, r.Secrets.String); err != nil {
		return errors.Join(err, r.results.close())
	}
	err = errors.Join(r.play(ctx, hard), r.metrics.end())
	if ctx.Err() == nil {
		r.metrics.answer(ctx)
	}
	if err != nil || ctx.Err() != nil || r.faults.early() {
		return err // what was cut short says nothing about what should exist
	}
	r.compare(ctx)
	return nil
}

// compare reads what exists now that nothing changes it any more, and records
// how it stands beside what was acknowledged. What goes wrong stands in the
// record: it is for the checks to judge.
func (r *run) compare(ctx context.Context) {
	ledgers := r.Loaded.Plan.Ledgers
	if len(ledgers) == 0 {
		return
	}
	r.observe(journal.Event{T: r.clock.Now(), Body: journal.Note{Level: "info", Text: fmt.Sprintf("reading what exists (%s)", comparisons(len(ledgers)))}})
	for _, ledger := range truth.Compare(ctx, truth.Config{
		Ledgers: ledgers, Book: r.book, Database: r.stack.Database, Targets: r.stack.Targets(), Clock: r.clock, Ended: r.trafficEnded,
	}) {
		r.emit(ledger)
	}
}

func comparisons(n int) string {
	if n == 1 {
		return "1 comparison"
	}
	return fmt.Sprintf("%d comparisons", n)
}

// downPatience is how long the stack may take to go.
const downPatience = 2 * time.Minute

// down takes the stack away. It must work after any error and after an
// interrupt, so it gets a context of its own; a second interrupt ends only the
// waiting for orderly exits, never the removal.
func (r *run) down(hard context.Context, keep bool) error {
	healed := errors.Join(r.faults.heal(hard, "end"), r.faults.close())
	if keep {
		return healed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(hard), downPatience)
	defer cancel()
	if err := r.stack.Down(ctx); err != nil {
		return errors.Join(healed, fmt.Errorf("take the stack down (run shakedown clean to try again): %w", err))
	}
	return healed
}

// verdictSoFar judges what is on disk while the stack is still up.
func (r *run) verdictSoFar() verify.Verdict {
	if err := r.journal.Flush(); err != nil {
		return verify.Inconclusive
	}
	record, err := journal.Open(string(r.Dir))
	if err != nil {
		return verify.Inconclusive
	}
	return verify.Judge(record, r.Loaded.Plan).Verdict
}

func ended(played error, interrupted, stopped bool) journal.RunEnded {
	switch {
	case interrupted:
		return journal.RunEnded{Reason: "interrupted"}
	case stopped && played == nil:
		return journal.RunEnded{Reason: "stopped"}
	case played != nil:
		return journal.RunEnded{Reason: "error", Error: played.Error()}
	}
	return journal.RunEnded{Reason: "completed"}
}

// emit records that something happened now.
func (r *run) emit(body journal.Body) { r.append(journal.Event{T: r.clock.Now(), Body: body}) }

// append records an event and shows it to the observer. A journal that cannot
// be written is reported by its Close; the run goes on to its tear-down.
func (r *run) append(event journal.Event) {
	_ = r.journal.Append(event) // sticky: Close returns the first error
	r.scaler.observe(event)
	r.metrics.observe(event)
	r.live.observe(event)
	r.observe(event)
	if triggered := r.faults.observe(event); triggered != nil {
		r.emit(*triggered)
		r.faults.stop(errStopped)
	}
}

func (r *run) observe(event journal.Event) {
	if r.Observe == nil {
		return
	}
	r.observing.Lock()
	defer r.observing.Unlock()
	r.Observe(event)
}

// log opens the log file of an instance; what cannot be opened is dropped with
// a note, because a missing log must not end a run.
func (r *run) log(instance string) io.WriteCloser {
	file, err := os.Create(filepath.Join(r.Dir.Logs(), instance+".log"))
	if err != nil {
		r.emit(journal.Note{Level: "warning", Text: fmt.Sprintf("no log of %s: %v", instance, err)})
		return nil
	}
	writer := r.Secrets.Writer(file)
	r.logsMutex.Lock()
	defer r.logsMutex.Unlock()
	r.logs = append(r.logs, file)
	return writer
}

func (r *run) closeLogs() error {
	r.logsMutex.Lock()
	defer r.logsMutex.Unlock()
	var errs []error
	for _, file := range r.logs {
		if err := file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
