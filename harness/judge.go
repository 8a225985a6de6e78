package harness

import (
	"fmt"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Judge reads a run's record from disk, judges it by the plan's checks and
// stores the verdict. Nothing but the files decides, so that a stored run
// judged again gives the same bytes.
func Judge(dir rundir.Dir, plan *scenarios.Plan) (verify.Result, error) {
	record, err := journal.Open(string(dir))
	if err != nil {
		return verify.Result{}, fmt.Errorf("read the journal: %w", err)
	}
	if err := answered(dir, record, plan); err != nil {
		return verify.Result{}, err
	}
	result := verify.Judge(record, plan).Doubted(doubts(dir, record))
	if err := dir.WriteResult(result); err != nil {
		return result, fmt.Errorf("store the verdict: %w", err)
	}
	return result, nil
}

// doubts are in what the files of a run are not those of the run.
func doubts(dir rundir.Dir, record *journal.Record) []string {
	intent, err := dir.ReadIntent()
	if err != nil {
		return []string{err.Error()}
	}
	return dir.Changes(intent, record.Ended())
}
