package verify

import "strings"

// Doubted is a result with what is wrong with the files that it was made from, in
// words: files that were changed after the run had ended, or that a newer version
// wrote. No check can pass on what may not be what was recorded. Without any doubt
// the result stays as it is.
func (r Result) Doubted(doubts []string) Result {
	if len(doubts) == 0 {
		return r
	}
	f := Finding{ID: "run/files", Kind: "run", Verdict: Inconclusive, Wanted: "the files of the run are as it left them",
		Measured: plural(len(doubts), "doubt"), Reason: strings.Join(doubts, "; "), Evidence: []Evidence{}}
	checks := make([]Finding, 0, len(r.Checks)+1)
	r.Checks = append(append(checks, r.Checks...), f)
	r.Verdict = Combine(r.Checks)
	return r
}
