package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// jobWithin is how long a job may run if its plan does not say.
const jobWithin = time.Minute

// jobEnd bounds the end of a job that has to be killed, and its removal.
const jobEnd = killPatience + 10*time.Second

// RunJob runs a job of the plan to its end and removes it. A code other than 0
// is an error with the last log lines; so is a job that runs for longer than
// Within, or when ctx ends, which is killed then. A job runs once in a run.
// Jobs do not take turns with what is done to their service.
func (s *Stack) RunJob(ctx context.Context, job *scenarios.Job, cause string) error {
	step := "run job " + job.Name
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	defer done()
	of := named(s.layout.jobs, job.Name)
	if of == nil {
		return fmt.Errorf("%s: the plan has no such job", step)
	}
	if !s.first(job.Name) {
		return fmt.Errorf("%s: it has been run already in this run; give the second one a name of its own", step)
	}
	if err := s.runJob(ctx, of, cmp.Or(job.Within.Std(), jobWithin), cause); err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	return nil
}

// first tells whether a job was not begun before.
func (s *Stack) first(job string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	again := s.ran[job]
	s.ran[job] = true
	return !again
}

func (s *Stack) runJob(ctx context.Context, of *service, within time.Duration, cause string) error {
	op := Operation{Subject: instanceName(of.name, 1), Cause: cause, service: of.name, number: 1, version: s.versionOf(of, Operation{})}
	if err := s.ensure(ctx, of, op.version, cause); err != nil {
		return err
	}
	op.Op = opCreate
	if err := s.perform(ctx, op); err != nil {
		return err
	}
	i := s.instance(op.Subject)
	i.want() // how it ends is the action's to tell
	op.Op = opStart
	err := s.perform(ctx, op)
	if err == nil {
		err = s.jobEnded(ctx, i, within, cause)
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobEnd)
	defer cancel()
	return errors.Join(err, s.remove(ending, termination{i: i, cause: cause}))
}

// jobEnded waits for a job's end, or ends it.
func (s *Stack) jobEnded(ctx context.Context, i *instance, within time.Duration, cause string) error {
	limit := time.NewTimer(within)
	defer limit.Stop()
	reason := ""
	select {
	case <-i.exited.done:
	case <-limit.C:
		reason = fmt.Sprintf("%s was killed because it ran for longer than %v", i.name, within)
	case <-ctx.Done():
		reason = fmt.Sprintf("%s was killed because the run ended before it did", i.name)
	}
	if reason != "" && !i.exited.fired() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobEnd)
		defer cancel()
		if err := s.kill(ending, termination{i: i, cause: cause, began: s.cfg.Clock.Now()}); err != nil {
			return fmt.Errorf("%s, but %w", reason, err)
		}
		i.logEnded()
		return fmt.Errorf("%s%s", reason, s.lastWords(i))
	}
	i.logEnded()
	i.mu.Lock()
	code := i.exit.Code
	i.mu.Unlock()
	if code != 0 {
		return s.exitError(i)
	}
	return nil
}
