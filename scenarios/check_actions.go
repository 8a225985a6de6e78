package scenarios

import (
	"fmt"
	"regexp"
	"strings"
)

// kind is the key of what an action does, "" while that is missing.
func (a Action) kind() string {
	switch {
	case a.Scale != nil:
		return "scale"
	case a.Restart != nil:
		return "restart"
	case a.Stop != nil:
		return "stop"
	case a.RollingRelease != nil:
		return RollingStrategy
	case a.BlueGreen != nil:
		return BlueGreenStrategy
	case a.ReplaceAll != nil:
		return ReplaceStrategy
	case a.Job != nil:
		return "job"
	case a.Interrupt != nil:
		return "interrupt"
	}
	return ""
}

// service is the service whose instances an action is about; of a job, the one
// that it is made from.
func (a Action) service() string {
	switch {
	case a.Scale != nil:
		return a.Scale.Service
	case a.Restart != nil:
		return a.Restart.Service
	case a.Stop != nil:
		return a.Stop.Service
	case a.Job != nil:
		return a.Job.Service
	case a.Interrupt != nil:
		return a.Interrupt.Service
	}
	if r := a.release(); r != nil {
		return r.Service
	}
	return ""
}

// release is what releases of every strategy have in common, as written; nil
// for other actions.
func (a Action) release() *PlannedRelease {
	switch {
	case a.RollingRelease != nil:
		r := a.RollingRelease
		return &PlannedRelease{Strategy: RollingStrategy, Service: r.Service, Version: r.Version, Image: r.Image, Environment: r.Environment, Deadline: r.Deadline}
	case a.BlueGreen != nil:
		r := a.BlueGreen
		return &PlannedRelease{Strategy: BlueGreenStrategy, Service: r.Service, Version: r.Version, Image: r.Image, Environment: r.Environment, Deadline: r.Deadline}
	case a.ReplaceAll != nil:
		r := a.ReplaceAll
		return &PlannedRelease{Strategy: ReplaceStrategy, Service: r.Service, Version: r.Version, Image: r.Image, Environment: r.Environment, Deadline: r.Deadline}
	}
	return nil
}

// pick is the instance that an action names, nil for actions that name none.
func (a Action) pick() *Pick {
	if a.Restart != nil {
		return a.Restart
	}
	return a.Stop
}

// checkActions checks what actions say without a look at the stack.
func (d *Document) checkActions() {
	jobs := map[string]bool{}
	for i, a := range d.Scenario.Actions {
		at := location{"actions", i}
		d.checkMoment(at.to("at"), a.At)
		at = at.to(a.kind())
		if pick := a.pick(); pick != nil {
			d.checkPick(at.to("instance"), *pick)
		}
		if r := a.release(); r != nil {
			d.checkImage(at.to("image"), r.Image)
			d.checkEnvironment(at.to("environment"), r.Environment)
			d.checkPositive(at.to("deadline"), r.Deadline, "a deadline")
		}
		if a.Interrupt != nil {
			d.checkPositive(at.to("notice"), a.Interrupt.Notice, "a notice")
		}
		if a.Job != nil {
			d.checkJob(at, *a.Job, jobs[a.Job.Name])
			jobs[a.Job.Name] = true
		}
	}
}

// The words for an instance that need not be known by name.
const (
	oldestInstance = "oldest"
	newestInstance = "newest"
)

// checkPick checks that an instance can be one of the service.
func (d *Document) checkPick(at location, p Pick) {
	if p.Instance == "" || p.Service == "" || p.Instance == oldestInstance || p.Instance == newestInstance || instanceOf(p.Instance, p.Service) {
		return
	}
	d.report(at, fmt.Sprintf("%q is no instance of service %q", shorten(p.Instance), shorten(p.Service)),
		fmt.Sprintf("write oldest, newest, or a name such as %s-1", shorten(p.Service)))
}

// checkImage checks the name of an image, as far as anybody but the engine can.
func (d *Document) checkImage(at location, image string) {
	switch {
	case d.node(at) == nil || d.reportedIn(at):
	case image == "":
		d.report(at, "names no image", "name one, or leave the key out to keep the image of before")
	case strings.IndexFunc(image, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0:
		d.report(at, fmt.Sprintf("%q is not the name of an image", shorten(image)), "write it like registry.example/shop/api:1.4.2")
	}
}

// variableForm is what Kubernetes takes as the name of an environment variable.
var variableForm = regexp.MustCompile(`^[-._a-zA-Z][-._a-zA-Z0-9]*$`)

// checkEnvironment checks the names of environment variables. Their values may
// be secrets: no message has them.
func (d *Document) checkEnvironment(at location, environment map[string]string) {
	if n := d.node(at); n != nil && n.kind == mapKind && len(environment) == 0 {
		d.report(at, "names no variable", "name one, or leave the key out")
	}
	for _, name := range keys(environment) {
		if !variableForm.MatchString(name) {
			d.reportKey(at.to(name), fmt.Sprintf("%q is not the name of an environment variable", shorten(name)), "names have letters, digits, _, . and -, and begin with no digit")
		}
		if strings.Contains(environment[name], "\x00") {
			d.reportKey(at.to(name), "the value has a zero byte in it, which no environment can hold", "take it out, or encode the value")
		}
	}
}

// checkJob checks a job; taken tells that there is another of its name.
func (d *Document) checkJob(at location, j Job, taken bool) {
	if taken && j.Name != "" {
		d.reportSecond(at.to("name"), "job", j.Name)
	}
	d.checkEnvironment(at.to("environment"), j.Environment)
	d.checkPositive(at.to("within"), j.Within, "a job")
	for key, command := range map[string][]string{"command": j.Command, "process": j.Process} {
		if len(command) > 0 && command[0] == "" && !d.reportedIn(at.to(key)) {
			d.report(at.to(key, 0), "names no program", "the first item is the program, the others are its arguments")
		}
	}
}

// jobNames are the names of all jobs, each once.
func (d *Document) jobNames() []string {
	jobs := map[string]bool{}
	for _, a := range d.Scenario.Actions {
		if a.Job != nil && a.Job.Name != "" {
			jobs[a.Job.Name] = true
		}
	}
	return keys(jobs)
}
