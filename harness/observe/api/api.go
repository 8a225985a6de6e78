// Package api answers the part of Prometheus' HTTP API that Grafana, promtool and
// client libraries read, on the metrics of a run and on what its journal says of rules,
// alerts and targets. Nothing can be changed through it.
package api

import (
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// A Source is where metrics are and what evaluates PromQL on them; both have to be safe
// for concurrent use.
type Source struct {
	Engine    promql.QueryEngine
	Queryable storage.Queryable
}

// Info is what there is to say of a run besides its metrics.
type Info struct {
	// Now is what queries without a time mean: of a run that is over its end. nil: the
	// time of the request.
	Now func() time.Time
	// History says which rules, alerts and targets there were. nil: none.
	History *History
}

// Handler answers below /api/v1, and /-/ready and /-/healthy. Answers are those of
// Prometheus, member by member. Besides, /rules, /alerts and /targets take a parameter
// time, and then say how things were at that time.
func Handler(source Source, info Info) http.Handler {
	if info.Now == nil {
		info.Now = time.Now
	}
	if info.History == nil {
		info.History = NewHistory(time.Time{})
	}
	s := &server{Source: source, Info: info, parser: parser.NewParser(parser.Options{})}
	mux := http.NewServeMux()
	for path, answer := range map[string]func(*http.Request) (reply, error){
		"query":               s.query,
		"query_range":         s.queryRange,
		"query_exemplars":     s.exemplars,
		"format_query":        s.formatQuery,
		"series":              s.series,
		"labels":              s.labelNames,
		"rules":               s.rules,
		"alerts":              s.alerts,
		"targets":             s.targets,
		"metadata":            s.metadata,
		"status/buildinfo":    s.buildInfo,
		"alertmanagers":       s.alertmanagers,
		"status/walreplay":    s.walReplay,
		"label/{name}/values": s.labelValues,
	} {
		mux.Handle("GET /api/v1/"+path, respond(answer))
		if posted[path] {
			mux.Handle("POST /api/v1/"+path, respond(answer))
		}
	}
	mux.HandleFunc("GET /-/ready", say("The run can be queried.\n"))
	mux.HandleFunc("GET /-/healthy", say("The run can be queried.\n"))
	return mux
}

// posted are the paths that take a form as well, for queries too long for an address.
var posted = map[string]bool{
	"query": true, "query_range": true, "query_exemplars": true, "format_query": true, "series": true, "labels": true,
}

// server answers requests; it has no state of its own.
type server struct {
	Source
	Info
	parser parser.Parser
}

func say(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}
