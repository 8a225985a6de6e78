package proof

import (
	"sync"

	"golang.org/x/sync/errgroup"
)

// each calls work for 0 to n-1 in this order, Jobs of them at a time, and
// returns when all have returned.
func (e Experiment) each(n int, work func(i int)) {
	var group errgroup.Group
	group.SetLimit(max(1, e.Jobs))
	for i := range n {
		group.Go(func() error { work(i); return nil })
	}
	_ = group.Wait() // work has no error
}

// teller makes the calls to Progress and Again one at a time.
type teller struct {
	mu          sync.Mutex
	done, total int
	progress    func(done, total int, line string)
	again       func(line string)
}

func (e Experiment) teller(total int) *teller {
	return &teller{total: total, progress: e.Progress, again: e.Again}
}

// ended tells of a run that has ended.
func (t *teller) ended(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done++
	if t.progress != nil {
		t.progress(t.done, t.total, line)
	}
}

// tried tells of a trial, unless it was interrupted.
func (t *teller) tried(trial Trial) {
	if trial.Outcome != NotRun {
		t.ended(trial.line())
	}
}

// repeated tells of a run that is made again.
func (t *teller) repeated(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.again != nil {
		t.again(line)
	}
}
