package reports

// Limits that keep the tables of scaling on the page readable.
const (
	maxDecisions = 200
	maxAccounts  = 200
)

// pageScaling is the section on what was scaled.
type pageScaling struct {
	Services      []string
	Notices       []string
	Decisions     []pageDecision
	MoreDecisions int
	Accounts      []pageAccount
	MoreAccounts  int
	Evaluations   int
}

type pageDecision struct {
	At, Service, Autoscaler, Change, Metrics, Reason, Message, Started, Ready string
	Grave                                                                     bool
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
	p := &pageScaling{Evaluations: s.Evaluations, MoreDecisions: max(0, len(s.Decisions)-maxDecisions), MoreAccounts: max(0, len(s.Accounts)-maxAccounts)}
	for _, service := range s.Services {
		p.Services = append(p.Services, service.line())
	}
	for _, i := range s.Interruptions {
		p.Notices = append(p.Notices, i.line())
	}
	for _, d := range firstOf(s.Decisions, maxDecisions) {
		p.Decisions = append(p.Decisions, pageDecision{
			At: moment(d.T), Service: d.Service, Autoscaler: d.Autoscaler, Change: d.changed(), Metrics: d.metrics(), Reason: d.why(),
			Message: cut(d.Message, maxSample), Started: d.startedWords(), Ready: d.readyWords(), Grave: d.Error != "",
		})
	}
	for _, a := range firstOf(s.Accounts, maxAccounts) {
		p.Accounts = append(p.Accounts, pageAccount{a.cells(), a.Reason, a.Late || a.State == "rejected" || a.Completed < a.Begun})
	}
	return p
}
