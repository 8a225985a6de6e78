package reports

import (
	"fmt"
	"html/template"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A queue is a service with the metrics of its backlog.
type queue struct {
	service, backlog, age string
	mostBacklog           int
	mostAge               time.Duration
}

// queuesOf are the queues that autoscalers and checks of the plan know, each
// once.
func queuesOf(run Run) []queue {
	var list []queue
	add := func(q queue) {
		if q.backlog == "" && q.age == "" {
			return
		}
		for i, known := range list {
			if known.service == q.service && known.backlog == q.backlog && (known.age == q.age || known.age == "" || q.age == "") {
				list[i].age, list[i].mostAge = max(known.age, q.age), max(known.mostAge, q.mostAge)
				list[i].mostBacklog = max(known.mostBacklog, q.mostBacklog)
				return
			}
		}
		list = append(list, q)
	}
	planned := run.planned()
	scaled := func(service string) *scenarios.QueueScaling {
		if a := planned[service].Autoscale; a != nil {
			return a.Queue
		}
		return nil
	}
	for _, name := range sortedNames(planned) {
		if q := scaled(name); q != nil {
			add(queue{service: name, backlog: q.Backlog, age: q.Age})
		}
	}
	if run.Intent.Plan == nil {
		return list
	}
	for _, c := range run.Intent.Plan.Checks {
		if c.Queue == nil {
			continue
		}
		q := queue{service: c.Queue.Service, backlog: c.Queue.Backlog, age: c.Queue.Age}
		if s := scaled(q.service); s != nil {
			if q.backlog == "" {
				q.backlog = s.Backlog
			}
			if q.age == "" {
				q.age = s.Age
			}
		}
		if c.Queue.MaxBacklog != nil {
			q.mostBacklog = *c.Queue.MaxBacklog
		}
		if c.Queue.MaxAge != nil {
			q.mostAge = c.Queue.MaxAge.Std()
		}
		add(q)
	}
	return list
}

// queuePanels show a backlog and how old its oldest job is, with the limits that
// checks ask for.
func queuePanels(s *scene, n int, events []journal.Event, q queue) (panels []template.HTML) {
	draw := func(metric, title, unit, id string, most float64, label func(float64) string) {
		l := measuredOf(events, q.service, metric)
		if metric == "" || len(l) == 0 {
			return
		}
		p := newPanel(s, fmt.Sprintf("%s-%d", id, n+1), title+clean(q.service), unit+" (metric "+cut(clean(metric), 40)+")", 80)
		top := l.highest()
		sc := linear(max(top, most), p.bottom, p.top)
		p.axis(sc, label)
		if most > 0 {
			y := sc.y(most)
			p.d.line("limit", marginLeft, y, marginLeft+plotWidth, y)
			p.d.text("limit-label", "start", marginLeft+6, max(y-4, p.top+9), "limit "+label(most))
		}
		p.steps([]stepLine{{"backlog", metric, l}}, sc)
		p.about = title + clean(q.service) + ": at most " + label(top) + "."
		panels = append(panels, p.done())
	}
	draw(q.backlog, "Backlog of ", "jobs that are not done", "backlog", float64(q.mostBacklog), figure)
	draw(q.age, "Oldest job of ", "its age", "age", q.mostAge.Seconds(), func(v float64) string { return valued(v, "s") })
	return panels
}

// measuredOf is a metric of a service over time, with a gap from where it could not
// be read: a line that went on would say that it stayed as it was.
func measuredOf(events []journal.Event, service, metric string) (l levels) {
	for _, e := range events {
		b, ok := e.Body.(journal.Measured)
		switch {
		case !ok || b.Service != service || b.Metric != metric:
		case b.Error == "":
			l = append(l, level{At: e.T, N: b.Value})
		case len(l) > 0 && l[len(l)-1].N != gap:
			l = append(l, level{At: e.T, N: gap})
		}
	}
	return l
}
