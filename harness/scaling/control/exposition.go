package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A page is a metrics page of all instances of a service, and how often it is
// read.
type page struct {
	service string
	port    int
	path    string
	every   time.Duration
}

// pageOf is where a metric of a service is read.
func (c *Controller) pageOf(service string, e scenarios.Exposition, every time.Duration) page {
	p := page{service: e.Service, port: e.Port, path: e.Path, every: every}
	if p.service == "" {
		p.service = service
	}
	if p.port == 0 {
		p.port = c.cfg.Plan.Services[p.service].Port
	}
	if p.path == "" {
		p.path = "/metrics"
	}
	return p
}

// A scrape reads a page of every running instance, for all metrics on it.
type scrape struct {
	c *Controller
	page
	metrics []*exposed
}

// What was fetched is the page of one instance.
type fetched struct {
	instance string
	ready    bool
	at       time.Duration
	body     []byte
	err      error
}

// pass reads once.
func (s *scrape) pass(ctx context.Context) {
	members := s.c.running(s.service)
	pages := make([]fetched, len(members))
	var calls sync.WaitGroup
	for i, m := range members {
		calls.Go(func() { pages[i] = s.fetch(ctx, m) })
	}
	calls.Wait()
	if ctx.Err() != nil {
		return
	}
	for _, m := range s.metrics {
		m.series.take(m.of(s.page, pages))
	}
}

func (s *scrape) fetch(ctx context.Context, m stack.Member) fetched {
	f := fetched{instance: m.Name, ready: m.Ready}
	if s.port == 0 {
		f.err = fmt.Errorf("%s has no port; give exposition.port", s.service)
		return f
	}
	f.err = s.c.call(ctx, fmt.Sprintf("fetch %s of %s", s.path, m.Name), s.metrics[0].series.limit(), func(ctx context.Context) (err error) {
		f.body, err = s.c.cfg.Cluster.Fetch(ctx, m.Name, s.port, s.path)
		return err
	})
	f.at = s.c.now()
	return f
}

// An exposed metric is what a selector finds on the pages of instances. It is for
// one goroutine.
type exposed struct {
	series   *series
	spec     scenarios.Exposition
	selector selector
	broken   error // of the selector
	grown    map[string]*growth
}

func newExposed(s *series, spec scenarios.Exposition) *exposed {
	e := &exposed{series: s, spec: spec, grown: map[string]*growth{}}
	e.selector, e.broken = parseSelector(spec.Series)
	return e
}

// of is the metric by the pages of all instances. Where the page of one that
// takes work could not be read, a sum or a mean would be too small: the service has
// no value then, only the instances that were read have.
func (e *exposed) of(p page, pages []fetched) (found, error) {
	if e.broken != nil {
		return found{}, e.broken
	}
	f := found{each: map[string]float64{}}
	told := 0
	var lost, starting, notYet error
	for _, page := range pages {
		value, matched, err := e.one(p, page)
		switch {
		case errors.Is(err, errNoRateYet):
			notYet = err
			told++
		case err != nil && page.ready:
			lost = err
		case err != nil:
			starting = err
		default:
			told++
			if matched {
				f.each[page.instance] = value
			}
		}
	}
	e.forget(pages)
	switch {
	case len(pages) == 0:
		return f, fmt.Errorf("no instance of %s runs; read the metric from a service that is always there", p.service)
	case lost != nil && (e.spec.Combine != "max" || told == 0):
		return f, lost
	case told == 0:
		return f, starting
	case len(f.each) == 0 && notYet != nil:
		return f, notYet
	case len(f.each) == 0:
		return f, fmt.Errorf("no series %s on http://%s:%d%s; look at that page for its name and labels", e.spec.Series, p.service, p.port, p.path)
	}
	f.value = combine(e.spec.Combine, f.each)
	return f, nil
}

// forget lets go of counters of instances that are not there any more.
func (e *exposed) forget(pages []fetched) {
	maps.DeleteFunc(e.grown, func(name string, _ *growth) bool {
		return !slices.ContainsFunc(pages, func(f fetched) bool { return f.instance == name })
	})
}

// one is the metric of one instance, and whether its page has any of it.
func (e *exposed) one(at page, p fetched) (value float64, matched bool, err error) {
	if p.err != nil {
		return 0, false, p.err
	}
	value, matched, err = e.selector.sum(p.body)
	if err != nil {
		return 0, false, fmt.Errorf("%s of %s: %w", at.path, p.instance, err)
	}
	if !matched || !e.spec.Rate {
		return value, matched, nil
	}
	if e.grown[p.instance] == nil {
		e.grown[p.instance] = &growth{window: staleAfter(e.series.every)}
	}
	value, err = e.grown[p.instance].rate(p.at, value)
	return value, err == nil, err
}

// combine is the metric of a service by those of its instances, of which there
// is one at least.
func combine(how string, each map[string]float64) float64 {
	if how == "max" {
		return slices.Max(slices.Collect(maps.Values(each)))
	}
	sum := 0.0
	for _, v := range each {
		sum += v
	}
	if how == "mean" {
		return sum / float64(len(each))
	}
	return sum
}

// growth is a counter, reading by reading.
type growth struct {
	window time.Duration
	total  float64 // since the first reading, whatever the counter was reset to
	last   float64
	points []moment
}

// rate is the growth a second over the window that ends with this reading. A
// counter that is lower than before began anew.
func (g *growth) rate(at time.Duration, value float64) (float64, error) {
	switch {
	case len(g.points) == 0:
	case value >= g.last:
		g.total += value - g.last
	default:
		g.total += value
	}
	g.last = value
	g.points = append(g.points, moment{g.total, at})
	for len(g.points) > 2 && at-g.points[1].at >= g.window {
		g.points = g.points[1:]
	}
	since := at - g.points[0].at
	if since <= 0 {
		return 0, errNoRateYet
	}
	return (g.total - g.points[0].value) / since.Seconds(), nil
}

// A selector finds series by name, and by the labels that they must have.
type selector struct {
	text   string
	name   []byte
	labels []*dto.LabelPair
}

// parseSelector reads name{label="value"}: what a page has before a value. Other
// matchers than = are none of it.
func parseSelector(text string) (selector, error) {
	fail := func() (selector, error) {
		return selector{}, fmt.Errorf("%q names no series; write it like queue_depth or queue_depth{queue=\"orders\"}", text)
	}
	if strings.ContainsAny(text, "\n\r") || strings.TrimSpace(text) != text {
		return fail()
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text + " 1\n"))
	if err != nil {
		return fail()
	}
	for name, family := range families { // one line has one, or, as a comment, none
		one := family.GetMetric()[0]
		if one.TimestampMs != nil {
			return fail()
		}
		return selector{text: text, name: []byte(name), labels: one.GetLabel()}, nil
	}
	return fail()
}

// sum adds up the series of a page that the selector names. Only their lines are
// parsed: pages are long, there may be many of them every second, and what else is
// on them is not our concern. Without the lines that tell types, the buckets and
// sums of histograms are series like any other.
func (s selector) sum(body []byte) (sum float64, matched bool, err error) {
	lines := s.lines(body)
	if len(lines) == 0 {
		return 0, false, nil
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(lines))
	if err != nil {
		return 0, false, fmt.Errorf("the page is malformed where it tells %s: %w", s.name, inLines(err))
	}
	for _, m := range families[string(s.name)].GetMetric() {
		if s.matches(m) {
			sum, matched = sum+m.GetUntyped().GetValue(), true
		}
	}
	if !finite(sum) {
		return 0, false, fmt.Errorf("%s is %v on the page, which is no number: the instance does not know it", s.text, sum)
	}
	return sum, matched, nil
}

// inLines is a parser's error without its line number, which is that of an
// excerpt.
func inLines(err error) error {
	var parse expfmt.ParseError
	if errors.As(err, &parse) {
		return errors.New(parse.Msg)
	}
	return err
}

// lines are those of a page that begin with the name.
func (s selector) lines(body []byte) (lines []byte) {
	for rest := body; ; {
		i := bytes.Index(rest, s.name)
		if i < 0 {
			return lines
		}
		start := bytes.LastIndexByte(rest[:i], '\n') + 1
		line, after, _ := bytes.Cut(rest[i:], []byte{'\n'})
		if len(bytes.TrimLeft(rest[start:i], " \t")) == 0 && ends(line[len(s.name):]) {
			lines = append(append(lines, line...), '\n')
		}
		rest = after
	}
}

// ends tells whether what follows a name is not part of it.
func ends(rest []byte) bool {
	return len(rest) == 0 || rest[0] == '{' || rest[0] == ' ' || rest[0] == '\t'
}

func (s selector) matches(m *dto.Metric) bool {
	for _, wanted := range s.labels {
		if !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool {
			return l.GetName() == wanted.GetName() && l.GetValue() == wanted.GetValue()
		}) {
			return false
		}
	}
	return true
}
