package harness

import (
	"cmp"
	"fmt"

	"github.com/shakedown-dev/shakedown/harness/baseline"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// readBaselines puts into the record what the checks of the plan hold the run to, before
// anything has begun: whoever judges it later finds the same there, whatever has been
// saved since.
func (r *run) readBaselines() {
	seen := map[string]bool{}
	for _, check := range r.Loaded.Plan.Checks {
		if check.Regression == nil || seen[check.Regression.Planned().Baseline] {
			continue
		}
		name := check.Regression.Planned().Baseline
		seen[name] = true
		r.readBaseline(name)
	}
}

func (r *run) readBaseline(name string) {
	intent, err := r.Dir.ReadIntent() // as it is kept: secrets are no part of the traffic
	if err != nil {
		r.emit(journal.BaselineRead{Name: name, Runs: []journal.BaselineRun{}, Error: err.Error()})
		return
	}
	key := baseline.KeyOf(intent, name)
	file, err := baseline.Store(cmp.Or(r.Baselines, baseline.DefaultDir)).Load(key)
	if err != nil {
		r.emit(journal.BaselineRead{Name: name, Class: key.Class, Runs: []journal.BaselineRun{}, Error: err.Error()})
		return
	}
	read, left := file.Read(baseline.Traffic(intent.Plan), intent.Run)
	r.emit(read)
	if left > 0 {
		r.emit(journal.Note{Level: "info", Text: fmt.Sprintf("%d runs of baseline %s are left out: their traffic was planned differently", left, name)})
	}
}
