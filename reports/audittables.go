package reports

import (
	"fmt"
	"time"
)

// changeHead are the columns of the table of instances added, removed and lost.
var changeHead = []string{"decided", "instance", "change", "by", "metric of its target", "reason", "proposed", "applied", "started, or told", "ready, or gone", "in time?"}

// cells are a change as a row of that table. Times after the first are counted from
// the decision.
func (c InstanceChange) cells() []string {
	return []string{moment(c.T), c.Instance, c.Change, dashed(c.Autoscaler), c.metric(), c.why(), c.number(c.Wanted), c.number(c.Desired), c.first(), c.second(), c.Need.words()}
}

// number is a number of instances, a dash where nobody decided on one.
func (c InstanceChange) number(n int) string {
	if c.Decision == 0 {
		return "–"
	}
	return fmt.Sprintf("%d → %d", c.Current, n)
}

func (c InstanceChange) metric() string {
	if c.Metric == nil {
		return "–"
	}
	return metricWords(*c.Metric)
}

// why is the decision's reason, or the cause where nobody decided, with what went
// wrong.
func (c InstanceChange) why() string {
	why := c.Reason
	if c.Decision == 0 {
		why = c.Cause
	}
	if c.Error != "" {
		why = after(why, ", went wrong: ", cut(c.Error, maxLineError))
	}
	return clean(why)
}

// first is when the instance ran, or was told to stop.
func (c InstanceChange) first() string {
	switch {
	case c.Change != instanceAdded:
		return c.since(c.Told, "–")
	case c.Error != "":
		return c.since(c.Started, "never")
	}
	return c.since(c.Started, "–")
}

// second is when the instance took work, or was gone.
func (c InstanceChange) second() string {
	switch {
	case c.Change != instanceAdded:
		return c.since(c.Exited, "not seen")
	case c.Error != "":
		return c.since(c.Ready, "never")
	}
	return c.since(c.Ready, "–")
}

func (c InstanceChange) since(t *time.Duration, never string) string {
	switch {
	case t == nil:
		return never
	case *t == c.T:
		return "at once"
	}
	return span(*t - c.T)
}

// grave tells whether the change deserves a look.
func (c InstanceChange) grave() bool {
	return c.Error != "" || c.Change == instanceLost || c.Need.late()
}

// resizeHead are the columns of the table of resizes.
var resizeHead = []string{"effective", "instance", "to", "limits", "took", "because", "outcome"}

// cells are a resize as a row of that table.
func (r Resize) cells() []string {
	outcome := "done"
	switch {
	case r.Error != "":
		outcome = "refused: " + r.Error
	case r.Created:
		outcome = "created so"
	}
	return []string{moment(r.T), r.Instance, r.Class, r.limits(), span(r.Took), r.Cause, outcome}
}

// limits are what changes: "0.5 to 1 CPU, 192 MiB to 512 MiB".
func (r Resize) limits() string {
	if r.Created {
		return resources(r.CPUs, r.Memory)
	}
	return resizing(r.journaled())
}

// refusedResizes are those that the engine would not make.
func (s *Scaling) refusedResizes() (list []Resize) {
	for _, r := range s.Resizes {
		if r.Error != "" {
			list = append(list, r)
		}
	}
	return list
}
