package reports

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// A Comparison sets runs beside each other, in the order in which they were
// given. As JSON it is a contract like Document: members are added, never renamed,
// removed or given another meaning.
type Comparison struct {
	Version int `json:"version"`
	// SameTraffic tells whether the runs met the same plan of traffic: the same
	// scenario, seed, phases, arrivals and journeys. Differences say what is not the
	// same, in words; then figures of the runs do not tell their stacks apart.
	SameTraffic bool     `json:"same_traffic"`
	Differences []string `json:"differences"`
	// Remarks are about what else weighs on the comparison.
	Remarks []string      `json:"remarks"`
	Runs    []ComparedRun `json:"runs"`
	// Sides compares the runs of two sides; absent where more than two stand side by side.
	Sides *Sides `json:"sides,omitempty"`

	curves []latencyCurve // of Runs, for the page
}

// A ComparedRun is what of a run stands beside others.
type ComparedRun struct {
	Dir      string         `json:"dir"`
	Run      string         `json:"run"`
	Scenario string         `json:"scenario"`
	Variant  string         `json:"variant"` // "" for the scenario as it is
	Platform string         `json:"platform"`
	Seed     int64          `json:"seed"`
	Verdict  verify.Verdict `json:"verdict"`
	Ended    string         `json:"ended"` // as in Document
	// Checks are the verdicts by the ID of the finding.
	Checks   map[string]verify.Verdict `json:"checks"`
	Journeys []ComparedJourney         `json:"journeys"` // by name
	Work     []ComparedWork            `json:"work"`     // of prescale checks, in their order
	// Requests and OK are those of the whole run.
	Requests int `json:"requests"`
	OK       int `json:"ok"`
	OOMKills int `json:"oom_kills"`
	// Exits counts instances that ended although nobody had asked, OOM kills too.
	Exits         int `json:"exits"`
	Resizes       int `json:"resizes"` // that went through
	FailedResizes int `json:"failed_resizes"`
	Refused       int `json:"refused"` // claims that were rejected
	// ReplicaSeconds and CPUSeconds are those of all services that something scales
	// or resizes; CPUSeconds is null where nobody measured.
	ReplicaSeconds float64         `json:"replica_seconds"`
	CPUSeconds     *float64        `json:"cpu_seconds"`
	Services       []ScaledService `json:"services"`
}

// A ComparedJourney is the sessions of a journey. Sessions that did not succeed
// count as slower than all others. A percentile is null where that puts it beyond
// those that did, or where not one session lies above it.
type ComparedJourney struct {
	Journey  string         `json:"journey"`
	Intended int            `json:"intended"`
	OK       int            `json:"ok"`
	P50      *time.Duration `json:"p50_ns"`
	P95      *time.Duration `json:"p95_ns"`
}

// ComparedWork is the heavy work of a prescale check: from the first byte of
// Step to the success of Done. Percentiles are as in ComparedJourney.
type ComparedWork struct {
	Service   string         `json:"service"`
	Journey   string         `json:"journey"`
	Step      string         `json:"step"`
	Done      string         `json:"done"`
	Intended  int            `json:"intended"` // sessions of the journey
	Begun     int            `json:"begun"`
	Completed int            `json:"completed"`
	P50       *time.Duration `json:"p50_ns"`
	P95       *time.Duration `json:"p95_ns"`
	// Leads counts the accounts whose work was not refused, Late those of them whose
	// work was there before the larger class, or that never got it. LeadMin and
	// LeadP50 are of Leads: how long the class was there before the work, negative if
	// so much later, null if never, or without accounts.
	Leads   int            `json:"leads"`
	Late    int            `json:"late"`
	LeadMin *time.Duration `json:"lead_min_ns"`
	LeadP50 *time.Duration `json:"lead_p50_ns"`
}

// Compare sets runs beside each other. It reads nothing but them.
func Compare(runs []Run) Comparison {
	c := Comparison{Version: JSONVersion, Differences: trafficDifferences(runs), Remarks: comparisonRemarks(runs), Runs: []ComparedRun{}}
	c.SameTraffic = len(c.Differences) == 0
	for _, run := range runs {
		c.Runs = append(c.Runs, comparedOf(run))
		c.curves = append(c.curves, curveOf(run))
	}
	return c
}

func comparedOf(run Run) ComparedRun {
	w := windowOf(run.events())
	totals := totalsOf(run, w, nil)
	c := ComparedRun{
		Dir: clean(run.Dir), Run: clean(run.Intent.Run), Scenario: clean(scenarioName(run)), Variant: variantOf(run), Platform: clean(run.Intent.Platform),
		Verdict: run.Result.Verdict, Checks: map[string]verify.Verdict{}, Requests: totals.Requests, OK: totals.OK,
		Journeys: comparedJourneys(run), Services: scaledServicesOf(run, w),
	}
	if run.Intent.Plan != nil {
		c.Seed = run.Intent.Plan.Seed
	}
	if end := ending(run); end != nil {
		c.Ended = end.Reason
	}
	for _, f := range run.Result.Checks {
		c.Checks[clean(f.ID)] = f.Verdict
	}
	c.Work = comparedWork(run, c.Journeys)
	c.count(run.events())
	for _, s := range c.Services {
		c.Refused += s.Refused
		c.ReplicaSeconds = round(c.ReplicaSeconds+s.ReplicaSeconds, 1)
		if s.CPUSeconds != nil {
			sum := *s.CPUSeconds
			if c.CPUSeconds != nil {
				sum += *c.CPUSeconds
			}
			sum = round(sum, 1)
			c.CPUSeconds = &sum
		}
	}
	return c
}

// count counts what happened to instances of any service until the run ended.
func (c *ComparedRun) count(events []journal.Event) {
	jobs := jobsOf(events)
	for _, e := range events {
		switch b := e.Body.(type) {
		case journal.RunEnded:
			return // how instances end in the tear-down says nothing about them
		case journal.InstanceExited:
			if b.OOM {
				c.OOMKills++
			}
			if !b.Wanted && !jobs[b.Instance] {
				c.Exits++
			}
		case journal.Resized:
			switch {
			case b.Error != "":
				c.FailedResizes++
			case !b.Created:
				c.Resizes++
			}
		}
	}
}

func comparedJourneys(run Run) []ComparedJourney {
	list := []ComparedJourney{}
	index := map[string]int{}
	ended := map[string]int{}
	for _, e := range run.events() {
		t, ok := e.Body.(journal.Traffic)
		if !ok || t.Step != "" {
			continue
		}
		i, known := index[t.Journey]
		if !known {
			i, index[t.Journey] = len(list), len(list)
			list = append(list, ComparedJourney{Journey: clean(t.Journey)})
		}
		list[i].Intended += t.Intended
		list[i].OK += t.OK
		ended[t.Journey] += t.OK + t.Failed + t.Unknown
	}
	all := journal.NewHistogram()
	sums := run.sums()
	for journey, i := range index {
		all.Reset()
		for _, interval := range sums {
			if interval.Tag.Measure == journal.Response && interval.Tag.Step == "" && interval.Tag.Journey == journey {
				interval.AddTo(all)
			}
		}
		at := func(percentile float64) *time.Duration {
			rank := rankOf(percentile, max(list[i].Intended, ended[journey]))
			if rank == 0 || int64(rank) > all.TotalCount() {
				return nil
			}
			value := quantile(all, 100*float64(rank)/float64(all.TotalCount()))
			return &value
		}
		list[i].P50, list[i].P95 = at(50), at(95)
	}
	slices.SortFunc(list, func(a, b ComparedJourney) int { return cmp.Compare(a.Journey, b.Journey) })
	return list
}

// rankOf is which of n values in order is a percentile, from 1; 0 if not one lies
// above it.
func rankOf(percentile float64, n int) int {
	rank := int(math.Ceil(percentile / 100 * float64(n)))
	if rank >= n {
		return 0
	}
	return rank
}

// comparedWork is the heavy work of each prescale check.
func comparedWork(run Run, journeys []ComparedJourney) []ComparedWork {
	list := []ComparedWork{}
	for _, check := range run.prescaleChecks() {
		w := ComparedWork{Service: clean(check.Service), Journey: clean(check.Journey), Step: clean(check.Step), Done: clean(cmp.Or(check.Done, check.Step))}
		for _, j := range journeys {
			if j.Journey == w.Journey {
				w.Intended = j.Intended
			}
		}
		w.time(run.events(), check.Journey, check.Step, cmp.Or(check.Done, check.Step))
		w.lead(accountsOf(run))
		list = append(list, w)
	}
	return list
}

// time measures the work session by session.
func (w *ComparedWork) time(events []journal.Event, journey, step, done string) {
	type session struct {
		cohort string
		number int
	}
	began := map[session]time.Duration{}
	var took []time.Duration
	for _, e := range events {
		m, ok := e.Body.(journal.Milestone)
		if !ok || m.Journey != journey {
			continue
		}
		s := session{m.Cohort, m.Session}
		from, underway := began[s]
		if m.Step == step && m.Outcome == "started" && !underway {
			began[s] = e.T
			w.Begun++
		}
		if m.Step == done && m.Outcome == "ok" && underway {
			took = append(took, e.T-from)
			delete(began, s)
		}
	}
	w.Completed = len(took)
	slices.Sort(took)
	at := func(percentile float64) *time.Duration {
		rank := rankOf(percentile, w.Begun)
		if rank == 0 || rank > len(took) {
			return nil
		}
		return &took[rank-1]
	}
	w.P50, w.P95 = at(50), at(95)
}

// lead takes in how long before its work each account had the larger class.
func (w *ComparedWork) lead(accounts []Account) {
	var leads []*time.Duration // nil for never
	for _, a := range accounts {
		if a.Service != w.Service || a.Lead == nil && !a.Late {
			continue
		}
		leads = append(leads, a.Lead)
		if a.Late {
			w.Late++
		}
	}
	slices.SortFunc(leads, func(a, b *time.Duration) int {
		if a == nil || b == nil {
			return cmp.Compare(known(a), known(b))
		}
		return cmp.Compare(*a, *b)
	})
	if w.Leads = len(leads); w.Leads > 0 {
		w.LeadMin, w.LeadP50 = leads[0], leads[(len(leads)-1)/2]
	}
}

// known puts what never was before what was.
func known(t *time.Duration) int {
	if t == nil {
		return 0
	}
	return 1
}
