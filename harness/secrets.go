package harness

import (
	"maps"
	"net/textproto"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/redact"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// secretsOf learns what must not leave this process: what the stack's
// environment holds, what releases and jobs add to it, and what the scenario
// puts into headers.
func secretsOf(loaded *Loaded) *redact.Redactor {
	secrets := redact.New()
	for name, value := range loaded.Project.SecretsFor(loaded.Plan) {
		secrets.Add(name, value)
	}
	for _, steps := range loaded.Plan.Journeys {
		for _, step := range scenarios.Requests(steps) {
			addHeaders(secrets, step.Headers)
		}
	}
	for _, ledger := range loaded.Plan.Ledgers {
		if ledger.HTTP != nil {
			addHeaders(secrets, ledger.HTTP.Headers)
		}
	}
	for _, service := range loaded.Plan.Services {
		for _, metric := range service.Metrics {
			if metric.HTTP != nil {
				addHeaders(secrets, metric.HTTP.Headers)
			}
		}
	}
	for _, fault := range loaded.Plan.Faults {
		if flush := fault.Spec.CacheFlush; flush != nil {
			addHeaders(secrets, flush.Headers)
		}
	}
	for _, party := range loaded.Plan.ThirdParties {
		for _, route := range party.Routes {
			addHeaders(secrets, route.Headers)
		}
	}
	return secrets
}

func addHeaders(secrets *redact.Redactor, headers map[string]string) {
	for name, value := range headers {
		if isSecretHeader(name) && !strings.Contains(value, "${") {
			secrets.Add("header "+name, value[strings.LastIndex(value, " ")+1:]) // past "Bearer"
		}
	}
}

// isSecretHeader is true of every header but those that say what a body is:
// which of the others carries a credential only their owner knows.
func isSecretHeader(name string) bool {
	return !slices.Contains([]string{"Accept", "Accept-Encoding", "Accept-Language", "Content-Type", "User-Agent"},
		textproto.CanonicalMIMEHeaderKey(name))
}

// hushed is the intent as run.json may hold it: without the values of headers,
// in the plan and on the command line. Judging needs none of them.
func hushed(intent rundir.Intent) rundir.Intent {
	intent.Plan = hushedPlan(intent.Plan)
	intent.Command = slices.Clone(intent.Command)
	for i, argument := range intent.Command {
		if path, _, ok := strings.Cut(argument, "="); ok && (strings.Contains(path, ".headers") || strings.Contains(path, ".environment")) {
			intent.Command[i] = path + "=[redacted]"
		}
	}
	return intent
}

// hushedPlan is a plan without the values of headers.
func hushedPlan(from *scenarios.Plan) *scenarios.Plan {
	plan := *from
	plan.Journeys = maps.Clone(plan.Journeys)
	for name, steps := range plan.Journeys {
		plan.Journeys[name] = hushedSteps(steps)
	}
	plan.Services = maps.Clone(plan.Services)
	for name, service := range plan.Services {
		service.Metrics = hushedMetrics(service.Metrics)
		plan.Services[name] = service
	}
	plan.Ledgers = slices.Clone(plan.Ledgers)
	for i, ledger := range plan.Ledgers {
		if ledger.HTTP != nil {
			read := *ledger.HTTP
			read.Headers = hushedHeaders(read.Headers)
			plan.Ledgers[i].HTTP = &read
		}
	}
	plan.Faults = slices.Clone(plan.Faults)
	for i, fault := range plan.Faults {
		if fault.Spec.CacheFlush != nil {
			flush := *fault.Spec.CacheFlush
			flush.Headers = hushedHeaders(flush.Headers)
			plan.Faults[i].Spec.CacheFlush = &flush
		}
	}
	plan.ThirdParties = maps.Clone(plan.ThirdParties)
	for name, party := range plan.ThirdParties {
		party.Routes = slices.Clone(party.Routes)
		for i := range party.Routes {
			party.Routes[i].Headers = hushedHeaders(party.Routes[i].Headers)
		}
		plan.ThirdParties[name] = party
	}
	plan.Checks = slices.Clone(plan.Checks)
	for i := range plan.Checks {
		plan.Checks[i] = hushedCheck(plan.Checks[i])
	}
	return &plan
}

// hushedMetrics are sources of metrics without the values of headers that they
// are read with.
func hushedMetrics(metrics map[string]scenarios.MetricSource) map[string]scenarios.MetricSource {
	metrics = maps.Clone(metrics)
	for name, metric := range metrics {
		if metric.HTTP != nil {
			read := *metric.HTTP
			read.Headers = hushedHeaders(read.Headers)
			metric.HTTP = &read
			metrics[name] = metric
		}
	}
	return metrics
}

// hushedCheck is a check without the values of headers that it reads with.
func hushedCheck(c scenarios.Check) scenarios.Check {
	switch {
	case c.Integrity != nil:
		check := *c.Integrity
		check.Read = hushedTruth(check.Read)
		c.Integrity = &check
	case c.Drain != nil && c.Drain.Work != nil:
		check, work := *c.Drain, *c.Drain.Work
		work.Read = hushedTruth(work.Read)
		check.Work = &work
		c.Drain = &check
	case c.Queue != nil && c.Queue.Work != nil:
		check, work := *c.Queue, *c.Queue.Work
		work.Read = hushedTruth(work.Read)
		check.Work = &work
		c.Queue = &check
	case c.Release != nil && c.Release.Job != nil && c.Release.Job.Read != nil:
		check, job := *c.Release, *c.Release.Job
		read := hushedTruth(*job.Read)
		job.Read = &read
		check.Job = &job
		c.Release = &check
	}
	return c
}

func hushedTruth(t scenarios.Truth) scenarios.Truth {
	if t.HTTP != nil {
		read := *t.HTTP
		read.Headers = hushedHeaders(read.Headers)
		t.HTTP = &read
	}
	return t
}

// hushedSteps are copies of steps, and of those inside them, without the
// values of headers.
func hushedSteps(steps []scenarios.PlannedStep) []scenarios.PlannedStep {
	steps = slices.Clone(steps)
	for i := range steps {
		s := &steps[i]
		s.Headers = hushedHeaders(s.Headers)
		s.Choose = slices.Clone(s.Choose)
		for k := range s.Choose {
			s.Choose[k].Steps = hushedSteps(s.Choose[k].Steps)
		}
		if s.Repeat != nil {
			s.Repeat = &scenarios.PlannedRepeat{Times: s.Repeat.Times, Steps: hushedSteps(s.Repeat.Steps)}
		}
	}
	return steps
}

func hushedHeaders(headers map[string]string) map[string]string {
	headers = maps.Clone(headers)
	for header := range headers {
		if isSecretHeader(header) {
			headers[header] = "[redacted]"
		}
	}
	return headers
}

// PrintablePlan is the plan of a scenario as it may be shown: without the
// values of headers and of environments.
func PrintablePlan(loaded *Loaded) *scenarios.Plan {
	plan := hushedPlan(loaded.Plan)
	services := map[string]scenarios.PlannedService{}
	for name, service := range plan.Services {
		if service.Process != nil {
			process := *service.Process
			process.Environment = withoutValues(process.Environment, service.PublicEnv)
			service.Process = &process
		}
		services[name] = service
	}
	plan.Services = services
	plan.Actions = slices.Clone(plan.Actions)
	for i := range plan.Actions {
		a := &plan.Actions[i]
		switch {
		case a.Release != nil:
			release := *a.Release
			release.Environment = withoutValues(release.Environment, plan.Services[release.Service].PublicEnv)
			a.Release = &release
		case a.Job != nil:
			job := *a.Job
			job.Environment = withoutValues(job.Environment, plan.Services[job.Service].PublicEnv)
			a.Job = &job
		}
	}
	return plan
}

// withoutValues keeps the names of an environment and the values of public ones.
func withoutValues(environment map[string]string, public []string) map[string]string {
	environment = maps.Clone(environment)
	for name := range environment {
		if !slices.Contains(public, name) {
			environment[name] = "[redacted]"
		}
	}
	return environment
}

// hushedError says what an error says without the secrets in it.
type hushedError struct {
	error
	text string
}

// Error is the text without secrets.
func (e hushedError) Error() string { return e.text }

// Unwrap keeps the error's kind.
func (e hushedError) Unwrap() error { return e.error }

func hush(secrets *redact.Redactor, err error) error {
	if err == nil {
		return nil
	}
	return hushedError{err, secrets.String(err.Error())}
}

// switches lists the variables that are set and that some service declares
// public.
func switches(plan *scenarios.Plan, environ []string) []string {
	var set []string
	for _, assignment := range environ {
		name, value, _ := strings.Cut(assignment, "=")
		for _, service := range plan.Services {
			if value != "" && slices.Contains(service.PublicEnv, name) {
				set = append(set, assignment)
				break
			}
		}
	}
	slices.Sort(set)
	return set
}
