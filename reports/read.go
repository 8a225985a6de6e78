package reports

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// Read loads a run from its directory. What is missing, damaged, changed since or of
// a newer version is named in Run.Problems, and the rest is read: the harness may have
// been killed, the disk full. Without a verdict the record is judged here and now, by
// what there is of it. An error means that there is nothing of a run to report.
func Read(dir rundir.Dir) (Run, error) {
	if _, err := os.ReadDir(string(dir)); err != nil {
		if _, wrong := rundir.Open(string(dir)); wrong != nil {
			return Run{}, wrong
		}
		return Run{}, fmt.Errorf("open run directory: %w", err)
	}
	run := Run{Dir: string(dir)}
	var noIntent, noRecord, noResult error
	run.Intent, noIntent = dir.ReadIntent()
	run.Record, noRecord = journal.Open(string(dir))
	run.Result, noResult = dir.ReadResult()
	if errors.Is(noIntent, fs.ErrNotExist) && noRecord != nil && errors.Is(noResult, fs.ErrNotExist) {
		_, err := rundir.Open(string(dir))
		return Run{}, errors.Join(err)
	}
	run.problem(noIntent)
	run.problem(noRecord)
	if noRecord == nil {
		run.Problems = append(run.Problems, dir.Changes(run.Intent, run.Record.Ended())...)
	}
	if noResult == nil && !slices.Contains([]verify.Verdict{verify.Pass, verify.Fail, verify.Inconclusive}, run.Result.Verdict) {
		noResult = fmt.Errorf("read %s: it is damaged or not ours: %q is no verdict", dir.Result(), run.Result.Verdict)
	}
	if noResult != nil {
		run.judge(noResult)
	}
	return run.fold(), nil
}

// problem notes what could not be read.
func (r *Run) problem(err error) {
	if err != nil {
		r.Problems = append(r.Problems, err.Error())
	}
}

// judge makes up for a verdict that was never stored, or that cannot be read.
func (r *Run) judge(why error) {
	r.Result = verify.Result{}
	r.problem(why)
	if r.Record == nil || r.Intent.Plan == nil {
		return
	}
	r.Result = verify.Judge(r.Record, r.Intent.Plan).Doubted(r.Problems[:len(r.Problems)-1])
	r.Problems = append(r.Problems, "the verdict shown here was made from what there is of the record, and is not stored")
}
