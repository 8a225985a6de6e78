package verify

import "testing"

// What was made from changed files is no pass; what failed on them failed all the same.
func TestDoubted(t *testing.T) {
	for was, want := range map[Verdict]Verdict{Pass: Inconclusive, Inconclusive: Inconclusive, Fail: Fail} {
		r := Result{Verdict: was, Checks: []Finding{{ID: "slo/shop/p99", Verdict: was}}}
		have := r.Doubted([]string{"journal.ndjson was changed"})
		if have.Verdict != want || len(have.Checks) != 2 || have.Checks[1].Reason != "journal.ndjson was changed" || len(r.Checks) != 1 {
			t.Errorf("%s became %+v, want %s", was, have, want)
		}
		if sound := r.Doubted(nil); sound.Verdict != was || len(sound.Checks) != 1 {
			t.Errorf("without a doubt %s became %+v", was, sound)
		}
	}
}
