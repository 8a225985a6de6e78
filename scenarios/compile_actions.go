package scenarios

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// A moment is an action in its place on the run's time.
type moment struct {
	index  int // in the file
	action Action
	at     Duration
	phase  string
	// Of a release: how many instances there are when it begins, and the versions
	// before and after.
	instances     int
	from, version string
}

// inOrder puts actions on the run's time. Those of one moment keep the order of
// the file: they take turns.
func inOrder(actions []Action, phases []PlannedPhase, tempo float64) []moment {
	start := map[string]Duration{}
	for _, p := range phases {
		start[p.Name] = p.Start
	}
	var moments []moment
	for i, a := range actions {
		if begin, ok := start[a.At.Phase]; ok {
			moments = append(moments, moment{index: i, action: a, at: begin + scale(a.At.Offset, tempo), phase: a.At.Phase})
		}
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	return moments
}

// planned is the action with its defaults filled in.
func (m moment) planned(tempo float64) PlannedAction {
	return PlannedAction{
		At: m.at, Phase: m.phase,
		Scale:   m.action.Scale,
		Restart: planPick(m.action.Restart),
		Stop:    planPick(m.action.Stop),
		Release: m.release(tempo),
		Job:     planJob(m.action.Job),

		Interrupt: planInterrupt(m.action.Interrupt, tempo),
	}
}

func planPick(pick *Pick) *Pick {
	if pick == nil {
		return nil
	}
	p := *pick
	p.Instance = cmp.Or(p.Instance, oldestInstance)
	return &p
}

func planJob(job *Job) *Job {
	if job == nil {
		return nil
	}
	j := *job
	j.Within = cmp.Or(j.Within, defaultJob)
	return &j
}

func planInterrupt(interrupt *Interrupt, tempo float64) *Interrupt {
	if interrupt == nil {
		return nil
	}
	i := *interrupt
	i.Count = max(1, i.Count)
	i.Notice = scale(cmp.Or(i.Notice, defaultNotice), tempo)
	i.Replace = limitOr(i.Replace, true)
	return &i
}

// release is the release of a moment, nil of other actions. Tempo shortens what
// a release waits on purpose, not what the system may need.
func (m moment) release(tempo float64) *PlannedRelease {
	r := m.action.release()
	if r == nil {
		return nil
	}
	r.From, r.Version = m.from, m.version
	r.Environment = maps.Clone(r.Environment)
	r.Deadline = cmp.Or(r.Deadline, defaultDeadline)
	switch {
	case m.action.RollingRelease != nil:
		r.MaxSurge, r.MaxUnavailable = m.action.RollingRelease.limits()
		r.MinReady = scale(m.action.RollingRelease.MinReady, tempo)
	case m.action.BlueGreen != nil:
		r.Keep = scale(m.action.BlueGreen.Keep, tempo)
	default:
		r.StartFirst = m.action.ReplaceAll.Order == "start-first"
	}
	return r
}

// limits are how many instances there may be too many and too few.
func (r RollingRelease) limits() (surge, unavailable Portion) {
	surge, unavailable = Portion{Percent: defaultSurge}, Portion{Percent: defaultSurge}
	if r.MaxSurge != nil {
		surge = *r.MaxSurge
	}
	if r.MaxUnavailable != nil {
		unavailable = *r.MaxUnavailable
	}
	return surge, unavailable
}

// A lineage is the versions of a service, one after another.
type lineage struct {
	now      string
	releases int
	used     map[string]bool
}

// firstVersion is what a run begins with.
const firstVersion = "v1"

func newLineage() *lineage {
	return &lineage{now: firstVersion, releases: 1, used: map[string]bool{firstVersion: true}}
}

// next is the version that a release brings: the one that it names, else v2 for
// the first release, v3 for the second, those left out that were named before.
// Instances that are replaced by the same keep their version.
func (l *lineage) next(r *PlannedRelease) string {
	version := r.Version
	if version == "" && r.Strategy == ReplaceStrategy && r.Image == "" && len(r.Environment) == 0 {
		return l.now
	}
	l.releases++
	for ; version == ""; l.releases++ {
		if name := fmt.Sprintf("v%d", l.releases); !l.used[name] {
			version = name
			break
		}
	}
	l.now, l.used[version] = version, true
	return version
}
