package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/alerts"
)

// The answer to /api/v1/rules, read here because the client leaves out for how long an
// alert keeps firing. Times are seconds.
type (
	group struct {
		Name     string  `json:"name"`
		File     string  `json:"file"`
		Interval float64 `json:"interval"`
		Rules    []rule  `json:"rules"`
	}
	rule struct {
		Type           string            `json:"type"` // "alerting" or "recording"
		Name           string            `json:"name"`
		Query          string            `json:"query"`
		Duration       float64           `json:"duration"`
		KeepFiringFor  float64           `json:"keepFiringFor"`
		Labels         map[string]string `json:"labels"`
		Annotations    map[string]string `json:"annotations"`
		Alerts         []alert           `json:"alerts"`
		LastError      string            `json:"lastError"`
		LastEvaluation time.Time         `json:"lastEvaluation"`
	}
	alert struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		State       string            `json:"state"`
		ActiveAt    time.Time         `json:"activeAt"`
		Value       string            `json:"value"`
	}
)

// rules asks which rules there are, and how they stand.
func (p *Prometheus) rules(ctx context.Context) ([]group, error) {
	var answer struct {
		Status    string       `json:"status"`
		ErrorType v1.ErrorType `json:"errorType"`
		Error     string       `json:"error"`
		Data      struct {
			Groups []group `json:"groups"`
		} `json:"data"`
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.client.URL("/api/v1/rules", nil).String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for rules: %w", err)
	}
	response, body, err := p.client.Do(ctx, request) //nolint:bodyclose // the client has read and closed it
	_ = json.Unmarshal(body, &answer)                // what is no JSON has no status
	switch {
	case err != nil, answer.Status == "success":
	case answer.Status == "error":
		err = &v1.Error{Type: answer.ErrorType, Msg: answer.Error}
	case response.StatusCode/100 == 4:
		err = &v1.Error{Type: v1.ErrClient, Msg: response.Status, Detail: string(body)}
	case response.StatusCode/100 == 5:
		err = &v1.Error{Type: v1.ErrServer, Msg: response.Status, Detail: string(body)}
	default:
		err = &v1.Error{Type: v1.ErrBadResponse, Msg: response.Status + excerpt(string(body)) + " is no list of rules"}
	}
	if err != nil {
		return nil, p.explain("ask for the rules of", err)
	}
	return answer.Data.Groups, nil
}

// loaded are the rules of groups in the words of the journal.
func (p *Prometheus) loaded(groups []group) journal.RulesLoaded {
	all := journal.RulesLoaded{Scale: 1, Source: p.address}
	known := map[string]bool{}
	for _, g := range groups {
		if !known[g.File] {
			known[g.File] = true
			all.Files = append(all.Files, g.File)
		}
		for _, r := range g.Rules {
			all.Rules = append(all.Rules, described(g, r))
		}
	}
	return all
}

func described(g group, r rule) journal.Rule {
	d := journal.Rule{File: g.File, Group: g.Name, Expr: r.Query, Interval: seconds(g.Interval), Labels: orNil(r.Labels)}
	if r.Type == "recording" {
		d.Record = r.Name
	} else {
		d.Alert, d.For, d.KeepFiring, d.Annotations = r.Name, seconds(r.Duration), seconds(r.KeepFiringFor), orNil(r.Annotations)
	}
	// An expression that a newer Prometheus knows and we do not says nothing of itself.
	d.Metrics, _ = alerts.Names(r.Query)
	d.Ranges, _ = alerts.Ranges(r.Query)
	d.Threshold, d.Compare, _ = alerts.Threshold(r.Query)
	return d
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func orNil(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}

// number reads the value of an alert, which is a string; 0 if it is none.
func number(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return v
}
