package api

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// mostPoints is how many points of a series an answer may hold.
const mostPoints = 11000

func (s *server) query(r *http.Request) (reply, error) {
	limit, err := limitOf(r)
	if err != nil {
		return reply{}, err
	}
	at, err := timeOf(r, "time", s.Now())
	if err != nil {
		return reply{}, err
	}
	ctx, cancel, err := deadline(r)
	if err != nil {
		return reply{}, err
	}
	defer cancel()
	opts, err := optionsOf(r)
	if err != nil {
		return reply{}, err
	}
	answer, err := s.instant(ctx, r.FormValue("query"), at, opts)
	return answer.reply(limit), err
}

func (s *server) queryRange(r *http.Request) (reply, error) {
	limit, err := limitOf(r)
	if err != nil {
		return reply{}, err
	}
	from, to, step, err := span(r)
	if err != nil {
		return reply{}, err
	}
	ctx, cancel, err := deadline(r)
	if err != nil {
		return reply{}, err
	}
	defer cancel()
	opts, err := optionsOf(r)
	if err != nil {
		return reply{}, err
	}
	answer, err := s.ranged(ctx, r.FormValue("query"), from, to, step, opts)
	return answer.reply(limit), err
}

// span reads start, end and step, all of which a range has to have.
func span(r *http.Request) (from, to time.Time, step time.Duration, err error) {
	if from, err = parseTime(r.FormValue("start")); err != nil {
		return from, to, step, badParameter("start", err)
	}
	if to, err = parseTime(r.FormValue("end")); err != nil {
		return from, to, step, badParameter("end", err)
	}
	if to.Before(from) {
		return from, to, step, badParameter("end", errors.New("end timestamp must not be before start time"))
	}
	if step, err = parseDuration(r.FormValue("step")); err != nil {
		return from, to, step, badParameter("step", err)
	}
	switch {
	case step <= 0:
		err = badParameter("step", errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer"))
	case to.Sub(from)/step > mostPoints:
		err = badData{errors.New("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")}
	}
	return from, to, step, err
}

// optionsOf reads lookback_delta, how far back a sample may be that still counts.
func optionsOf(r *http.Request) (promql.QueryOpts, error) {
	text := r.FormValue("lookback_delta")
	if text == "" {
		return promql.NewPrometheusQueryOpts(false, 0), nil
	}
	lookback, err := parseDuration(text)
	if err != nil {
		return nil, badData{fmt.Errorf("error parsing lookback delta duration: %w", err)}
	}
	return promql.NewPrometheusQueryOpts(false, lookback), nil
}

// reply is the answer to a request, cut to a limit other than 0.
func (a Answer) reply(limit int) reply {
	a.cut(limit)
	return reply{data: a, warnings: a.Warnings, infos: a.Infos}
}

// exemplars answers that there are none: none are kept.
func (s *server) exemplars(r *http.Request) (reply, error) {
	if _, err := s.parser.ParseExpr(r.FormValue("query")); err != nil {
		return reply{}, badData{err}
	}
	return reply{data: []any{}}, nil
}

func (s *server) formatQuery(r *http.Request) (reply, error) {
	expr, err := s.parser.ParseExpr(r.FormValue("query"))
	if err != nil {
		return reply{}, badParameter("query", err)
	}
	return reply{data: expr.Pretty(0)}, nil
}
