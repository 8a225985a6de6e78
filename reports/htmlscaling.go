package reports

import "strings"

// Limits that keep the tables of scaling on the page readable.
const (
	maxDecisions = 200
	maxAccounts  = 200
	maxAudited   = 300 // instances added, removed or lost
	maxResizes   = 200
)

// pageScaling is the section on what was scaled.
type pageScaling struct {
	Services      []string
	Notices       []string
	Decisions     []pageDecision
	MoreDecisions int
	Heads         []string // of Instances
	Instances     []pageChange
	MoreInstances int
	ResizeHeads   []string
	Resizes       []pageChange
	MoreResizes   int
	Accounts      []pageAccount
	MoreAccounts  int
	Evaluations   int
}

type pageDecision struct {
	At, Service, Autoscaler, Change, Metrics, Reason, Message, Started, Ready, Need string
	Grave                                                                           bool
}

// A pageChange is a row on an instance, which its second cell names.
type pageChange struct {
	Cells []string
	Grave bool
}

type pageAccount struct {
	Cells  []string
	Reason string
	Grave  bool
}

// pageScalingOf is nil for a run in which nothing is scaled.
func pageScalingOf(s *Scaling) *pageScaling {
	if s == nil {
		return nil
	}
	p := &pageScaling{Evaluations: s.Evaluations, MoreDecisions: max(0, len(s.Decisions)-maxDecisions), MoreAccounts: max(0, len(s.Accounts)-maxAccounts),
		Heads: titled(changeHead), MoreInstances: max(0, len(s.Instances)-maxAudited), ResizeHeads: titled(resizeHead), MoreResizes: max(0, len(s.Resizes)-maxResizes)}
	for _, service := range s.Services {
		p.Services = append(p.Services, service.line())
	}
	for _, i := range s.Interruptions {
		p.Notices = append(p.Notices, i.line())
	}
	for _, d := range firstOf(s.Decisions, maxDecisions) {
		p.Decisions = append(p.Decisions, pageDecision{
			At: moment(d.T), Service: d.Service, Autoscaler: d.Autoscaler, Change: d.changed(), Metrics: d.metrics(), Reason: d.why(),
			Message: cut(d.Message, maxSample), Started: d.startedWords(), Ready: d.readyWords(), Need: s.worstNeed(d).words(), Grave: d.Error != "" || d.Held != "" || s.worstNeed(d).late(),
		})
	}
	for _, c := range firstOf(s.Instances, maxAudited) {
		p.Instances = append(p.Instances, pageChange{c.cells(), c.grave()})
	}
	for _, r := range firstOf(s.Resizes, maxResizes) {
		p.Resizes = append(p.Resizes, pageChange{r.cells(), r.Error != ""})
	}
	for _, a := range firstOf(s.Accounts, maxAccounts) {
		p.Accounts = append(p.Accounts, pageAccount{a.cells(), a.Reason, a.Late || a.State == "rejected" || a.Completed < a.Begun})
	}
	return p
}

// titled are the heads of a table as the page writes them.
func titled(heads []string) (list []string) {
	for _, h := range heads {
		list = append(list, strings.ToUpper(h[:1])+h[1:])
	}
	return list
}
