// Package apitest has the questions that answers of package api and of Prometheus are
// compared by.
package apitest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/util/teststorage"
)

// A Question is a request to the API.
type Question struct {
	Name   string `json:"name"`
	Method string `json:"method"` // default GET
	Path   string `json:"path"`   // below /api/v1/
	Form   string `json:"form"`   // in the address, or in the body of a POST
	// Ordered tells that the order of series matters; a database has none.
	Ordered bool `json:"ordered"`
}

// Answer is what came back. Times of rules are left out of Body: they are when and for
// how long a rule was evaluated.
type Answer struct {
	Code int    `json:"code"`
	Type string `json:"type"` // of the content
	Body any    `json:"body"`
}

// Questions reads cases.json of a directory.
func Questions(t *testing.T, dir string) []Question {
	t.Helper()
	var list []Question
	read(t, filepath.Join(dir, "cases.json"), &list)
	return list
}

// Recorded reads the answer that was written down for a question.
func (q Question) Recorded(t *testing.T, dir string) Answer {
	t.Helper()
	var a Answer
	read(t, q.file(dir), &a)
	return a
}

// Record writes an answer down.
func (q Question) Record(t *testing.T, dir string, a Answer) {
	t.Helper()
	content, err := json.MarshalIndent(a, "", "  ")
	if err == nil {
		err = os.WriteFile(q.file(dir), append(content, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (q Question) file(dir string) string { return filepath.Join(dir, "answers", q.Name+".json") }

func read(t *testing.T, path string, v any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(content, v)
	}
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
}

// Ask puts the question to a server.
func (q Question) Ask(t *testing.T, server http.Handler) Answer {
	t.Helper()
	form := q.values(t)
	var r *http.Request
	if q.Method == http.MethodPost {
		r = httptest.NewRequest(q.Method, "/api/v1/"+q.Path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		r = httptest.NewRequest(http.MethodGet, "/api/v1/"+q.Path+"?"+form.Encode(), nil)
	}
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	a := Answer{Code: w.Code, Type: w.Header().Get("Content-Type")}
	if err := json.Unmarshal(w.Body.Bytes(), &a.Body); err != nil {
		t.Fatalf("the answer is no JSON: %v\n%s", err, w.Body)
	}
	withoutTimes(a.Body)
	if !q.Ordered {
		order(a.Body)
	}
	return a
}

// order sorts the series of an answer, which are its data or the result in it.
func order(body any) {
	object, _ := body.(map[string]any)
	if inner, ok := object["data"].(map[string]any); ok {
		order(map[string]any{"data": inner["result"]})
		return
	}
	list, _ := object["data"].([]any)
	slices.SortStableFunc(list, func(a, b any) int {
		_, object := a.(map[string]any)
		if !object {
			return 0
		}
		return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) // maps are printed in order
	})
}

// values reads Form, in which + and the like stand for themselves.
func (q Question) values(t *testing.T) url.Values {
	t.Helper()
	form := url.Values{}
	for _, pair := range strings.Split(q.Form, "&") {
		name, value, _ := strings.Cut(pair, "=")
		value, err := url.PathUnescape(value)
		if err != nil {
			t.Fatal(err)
		}
		if name != "" {
			form.Add(name, value)
		}
	}
	return form
}

func withoutTimes(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "evaluationTime")
		delete(v, "lastEvaluation")
		for _, member := range v {
			withoutTimes(member)
		}
	case []any:
		for _, element := range v {
			withoutTimes(element)
		}
	}
}

// Load makes a storage of load.promql of a directory; its first second is 1970.
func Load(t testing.TB, dir string) *teststorage.TestStorage {
	t.Helper()
	script, err := os.ReadFile(filepath.Join(dir, "load.promql"))
	if err != nil {
		t.Fatal(err)
	}
	storage := promqltest.LoadedStorage(t, string(script))
	t.Cleanup(func() { _ = storage.Close() })
	return storage
}

// Engine evaluates on such a storage.
func Engine(t testing.TB) *promql.Engine {
	return promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{
		MaxSamples: 1_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Second,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{}),
	})
}
