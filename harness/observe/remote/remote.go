// Package remote reads a Prometheus that exists already: expressions, the states of its
// alerts, and what is exported to it, in the words that the run's own Prometheus has.
package remote

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	client "github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/shakedown-dev/shakedown/harness/observe/store"
)

// Prometheus is a server that is asked. It is safe for concurrent use.
type Prometheus struct {
	address string
	client  client.Client
	api     v1.API
}

// New returns the Prometheus at an address, which may have a path (that of
// --web.external-url) and is not asked yet. transport makes the requests; nil: HTTP.
func New(address string, transport http.RoundTripper) (*Prometheus, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the address of a Prometheus: write it like http://127.0.0.1:9090", address)
	}
	c, err := client.NewClient(client.Config{Address: address, RoundTripper: transport})
	if err != nil {
		return nil, fmt.Errorf("prepare to ask the Prometheus at %s: %w", address, err)
	}
	return &Prometheus{address: strings.TrimRight(address, "/"), client: c, api: v1.NewAPI(c)}, nil
}

// String is the address.
func (p *Prometheus) String() string { return p.address }

// Check asks whether a Prometheus answers there, and which version.
func (p *Prometheus) Check(ctx context.Context) (version string, err error) {
	info, err := p.api.Buildinfo(ctx)
	if err != nil {
		return "", p.explain("ask for the version of", err)
	}
	return info.Version, nil
}

// Query evaluates an expression at a moment. A scalar is one series without labels.
// Strings and native histograms, which are no numbers, are left out.
func (p *Prometheus) Query(ctx context.Context, expr string, at time.Time) ([]store.Series, error) {
	value, _, err := p.api.Query(ctx, expr, at)
	if err != nil {
		return nil, p.explain(fmt.Sprintf("evaluate %s on", expr), err)
	}
	return series(value), nil
}

// mostSteps is how many steps Prometheus goes in one request: 11,000.
const mostSteps = 11000

// Range evaluates an expression at from, and once in step (above 0) up to and with to;
// in several requests if they are more than Prometheus answers at once.
func (p *Prometheus) Range(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]store.Series, error) {
	if step <= 0 || to.Before(from) {
		return nil, fmt.Errorf("evaluate %s from %s to %s, once in %s: the end has to be behind the start, and the step above 0",
			expr, from.Format(time.RFC3339), to.Format(time.RFC3339), step)
	}
	var all parts
	for !from.After(to) {
		last := from.Add(mostSteps * step)
		if last.After(to) {
			last = to
		}
		value, _, err := p.api.QueryRange(ctx, expr, v1.Range{Start: from, End: last, Step: step})
		if err != nil {
			return nil, p.explain(fmt.Sprintf("evaluate %s on", expr), err)
		}
		all.add(series(value))
		from = from.Add((mostSteps + 1) * step)
	}
	return all.list, nil
}

// parts puts series together that came in several answers.
type parts struct {
	list  []store.Series
	index map[model.Fingerprint]int
}

func (p *parts) add(some []store.Series) {
	if p.index == nil {
		p.index = map[model.Fingerprint]int{}
	}
	for _, s := range some {
		key := labelSet(s.Labels).Fingerprint()
		i, known := p.index[key]
		if !known {
			p.index[key] = len(p.list)
			p.list = append(p.list, s)
			continue
		}
		p.list[i].Times = append(p.list[i].Times, s.Times...)
		p.list[i].Values = append(p.list[i].Values, s.Values...)
	}
}

func labelSet(labels map[string]string) model.LabelSet {
	set := model.LabelSet{}
	for name, value := range labels {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set
}

// series are the numbers of an answer.
func series(value model.Value) (all []store.Series) {
	switch v := value.(type) {
	case *model.Scalar:
		all = append(all, line(nil, model.SamplePair{Timestamp: v.Timestamp, Value: v.Value}))
	case model.Vector:
		for _, s := range v {
			if s.Histogram == nil {
				all = append(all, line(s.Metric, model.SamplePair{Timestamp: s.Timestamp, Value: s.Value}))
			}
		}
	case model.Matrix:
		for _, s := range v {
			if len(s.Values) > 0 {
				all = append(all, line(s.Metric, s.Values...))
			}
		}
	}
	return all
}

func line(metric model.Metric, points ...model.SamplePair) store.Series {
	s := store.Series{Labels: map[string]string{}}
	for name, value := range metric {
		s.Labels[string(name)] = string(value)
	}
	for _, p := range points {
		s.Times = append(s.Times, p.Timestamp.Time().UTC())
		s.Values = append(s.Values, float64(p.Value))
	}
	return s
}
