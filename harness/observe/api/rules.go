package api

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// The forms of Prometheus' answers, member by member.
type (
	alertForm struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		State       string            `json:"state"`
		ActiveAt    time.Time         `json:"activeAt"`
		Value       string            `json:"value"`
	}
	groupForm struct {
		Name           string    `json:"name"`
		File           string    `json:"file"`
		Rules          []any     `json:"rules"`
		Interval       float64   `json:"interval"` // seconds, as all times here
		Limit          int       `json:"limit"`
		EvaluationTime float64   `json:"evaluationTime"`
		LastEvaluation time.Time `json:"lastEvaluation"`
	}
	alertingForm struct {
		State         string            `json:"state"`
		Name          string            `json:"name"`
		Query         string            `json:"query"`
		Duration      float64           `json:"duration"`
		KeepFiringFor float64           `json:"keepFiringFor"`
		Labels        map[string]string `json:"labels"`
		Annotations   map[string]string `json:"annotations"`
		Alerts        []alertForm       `json:"alerts"`
		evaluatedForm
	}
	recordingForm struct {
		Name   string            `json:"name"`
		Query  string            `json:"query"`
		Labels map[string]string `json:"labels"`
		evaluatedForm
	}
	evaluatedForm struct {
		Health         string    `json:"health"`
		LastError      string    `json:"lastError,omitempty"`
		EvaluationTime float64   `json:"evaluationTime"`
		LastEvaluation time.Time `json:"lastEvaluation"`
		Type           string    `json:"type"`
	}
)

// asked is the time that a question for the state of things is about.
func (s *server) asked(r *http.Request) (time.Time, error) { return timeOf(r, "time", s.Now()) }

func (s *server) alerts(r *http.Request) (reply, error) {
	at, err := s.asked(r)
	if err != nil {
		return reply{}, err
	}
	state := s.History.at(at)
	list := []alertForm{}
	for _, rule := range inOrder(state.rules) {
		if rule.Alert != "" {
			list = append(list, alertForms(state.of(rule))...)
		}
	}
	return reply{data: map[string]any{"alerts": list}}, nil
}

func alertForms(alerts []activeAlert) []alertForm {
	list := []alertForm{}
	for _, a := range alerts {
		labels := map[string]string{"alertname": a.Alert}
		maps.Copy(labels, a.Labels)
		list = append(list, alertForm{
			Labels: labels, Annotations: orEmpty(a.Annotations), State: a.To, ActiveAt: a.activeAt,
			Value: strconv.FormatFloat(a.Value, 'e', -1, 64),
		})
	}
	return list
}

// inOrder are rules in the order of Prometheus: by file and group, and in a group as written.
func inOrder(rules []journal.Rule) []journal.Rule {
	return slices.SortedStableFunc(slices.Values(rules), func(a, b journal.Rule) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Group, b.Group))
	})
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func (s *server) rules(r *http.Request) (reply, error) {
	at, err := s.asked(r)
	if err != nil {
		return reply{}, err
	}
	want, err := wantedRules(r)
	if err != nil {
		return reply{}, err
	}
	state := s.History.at(at)
	groups := []*groupForm{}
	for _, rule := range inOrder(state.rules) {
		if !want.matches(rule) {
			continue
		}
		last := len(groups) - 1
		if last < 0 || groups[last].Name != rule.Group || groups[last].File != rule.File {
			groups = append(groups, &groupForm{Name: rule.Group, File: rule.File, Interval: rule.Interval.Seconds(), LastEvaluation: at.UTC()})
			last++
		}
		groups[last].Rules = append(groups[last].Rules, s.form(rule, &state, at, want.noAlerts))
	}
	return want.page(groups)
}

// form is a rule as it is at a time, the last at which the journal could have said
// otherwise.
func (s *server) form(r journal.Rule, state *state, at time.Time, noAlerts bool) any {
	evaluated := evaluatedForm{Health: "ok", LastEvaluation: at.UTC(), Type: "recording"}
	if failure := state.failures[ruleKey{r.Group, r.Alert + r.Record}]; failure != "" { // one of the two is empty
		evaluated.Health, evaluated.LastError = "err", failure
	}
	query := r.Expr
	if expr, err := s.parser.ParseExpr(query); err == nil {
		query = expr.String()
	}
	if r.Alert == "" {
		return recordingForm{Name: r.Record, Query: query, Labels: orEmpty(r.Labels), evaluatedForm: evaluated}
	}
	evaluated.Type = "alerting"
	alerts := alertForms(state.of(r))
	form := alertingForm{
		State: worst(alerts), Name: r.Alert, Query: query, Duration: r.For.Seconds(), KeepFiringFor: r.KeepFiring.Seconds(),
		Labels: orEmpty(r.Labels), Annotations: orEmpty(r.Annotations), evaluatedForm: evaluated,
	}
	if !noAlerts {
		form.Alerts = alerts
	}
	return form
}

// worst is the state of a rule with these alerts.
func worst(alerts []alertForm) string {
	state := journal.AlertInactive
	for _, a := range alerts {
		if a.State == journal.AlertFiring {
			return a.State
		}
		state = a.State
	}
	return state
}

// wanted is which rules a request is for.
type wanted struct {
	names, groups, files []string
	kind                 string // "alert", "record" or "" for both
	noAlerts             bool
	limit                int    // of groups, 0 for none
	next                 string // the token of the first group
}

func wantedRules(r *http.Request) (wanted, error) {
	w := wanted{names: r.Form["rule_name[]"], groups: r.Form["rule_group[]"], files: r.Form["file[]"]}
	w.kind = strings.ToLower(r.FormValue("type"))
	if w.kind != "" && w.kind != "alert" && w.kind != "record" {
		return w, badParameter("type", fmt.Errorf("not supported value %q", w.kind))
	}
	var err error
	if text := strings.ToLower(r.FormValue("exclude_alerts")); text != "" {
		if w.noAlerts, err = strconv.ParseBool(text); err != nil {
			return w, badParameter("exclude_alerts", fmt.Errorf("error converting exclude_alerts: %w", err))
		}
	}
	w.next = r.FormValue("group_next_token")
	text := r.FormValue("group_limit")
	if text == "" {
		if w.next != "" {
			err = badParameter("group_next_token", errors.New("group_limit needs to be present in order to paginate over the groups"))
		}
		return w, err
	}
	if w.limit, err = strconv.Atoi(text); err != nil {
		return w, badParameter("group_limit", fmt.Errorf("group_limit needs to be a valid number: %w", err))
	}
	if w.limit <= 0 {
		return w, badParameter("group_limit", errors.New("group_limit needs to be greater than 0"))
	}
	return w, nil
}

func (w wanted) matches(r journal.Rule) bool {
	among := func(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }
	kind := "alert"
	if r.Alert == "" {
		kind = "record"
	}
	return among(w.names, r.Alert+r.Record) && among(w.groups, r.Group) && among(w.files, r.File) && (w.kind == "" || w.kind == kind)
}

// page is as many groups as are wanted, and where the next page begins.
func (w wanted) page(groups []*groupForm) (reply, error) {
	data := struct {
		Groups []*groupForm `json:"groups"`
		Next   string       `json:"groupNextToken,omitempty"`
	}{Groups: groups}
	if w.next != "" {
		first := slices.IndexFunc(groups, func(g *groupForm) bool { return token(g) == w.next })
		if first < 0 {
			return reply{}, badParameter("group_next_token", fmt.Errorf("invalid group_next_token '%v'. were rule groups changed?", w.next))
		}
		data.Groups = groups[first:]
	}
	if w.limit > 0 && len(data.Groups) > w.limit {
		data.Next = token(data.Groups[w.limit])
		data.Groups = data.Groups[:w.limit]
	}
	return reply{data: data}, nil
}

// token names a group as Prometheus does.
func token(g *groupForm) string {
	sum := sha256.Sum256([]byte(g.File + ";" + g.Name))
	return hex.EncodeToString(sum[:])
}
