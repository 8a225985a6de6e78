package api

import (
	"net/http"
	"runtime"
)

// engine is the version of Prometheus whose engine answers: 3.x of the module's v0.3xx.
// Clients decide by it what they may ask.
const engine = "3.15.0"

func (s *server) buildInfo(*http.Request) (reply, error) {
	return reply{data: map[string]string{
		"version": engine, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": runtime.Version(),
	}}, nil
}

// alertmanagers answers that alerts are sent to nobody.
func (s *server) alertmanagers(*http.Request) (reply, error) {
	return reply{data: map[string]any{"activeAlertmanagers": []any{}, "droppedAlertmanagers": []any{}}}, nil
}

// walReplay answers that everything is read.
func (s *server) walReplay(*http.Request) (reply, error) {
	return reply{data: map[string]int{"min": 0, "max": 0, "current": 0}}, nil
}
