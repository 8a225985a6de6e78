package remote_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/api"
	"github.com/shakedown-dev/shakedown/harness/observe/api/apitest"
	"github.com/shakedown-dev/shakedown/harness/observe/remote"
	"github.com/shakedown-dev/shakedown/harness/observe/store"
)

const testdata = "../api/testdata"

func second(n int) time.Time { return time.Unix(int64(n), 0).UTC() }

// serve is a Prometheus: our own API, which answers as the real one does.
func serve(t *testing.T, handler http.Handler) *remote.Prometheus {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	p, err := remote.New(server.URL, server.Client().Transport)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func source(t *testing.T) api.Source {
	return api.Source{Engine: apitest.Engine(t), Queryable: apitest.Load(t, testdata)}
}

// local are the series of an answer of the store itself, in the order of their labels.
func local(t *testing.T, answer api.Answer, err error) []store.Series {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	series, _ := answer.Series()
	return inOrder(series)
}

func inOrder(all []store.Series) []store.Series {
	for i := range all {
		if all[i].Labels == nil {
			all[i].Labels = map[string]string{}
		}
	}
	slices.SortFunc(all, func(a, b store.Series) int { return cmp.Compare(fmt.Sprint(a.Labels), fmt.Sprint(b.Labels)) })
	return all
}

func TestAnswersAreThoseOfTheStoreItself(t *testing.T) {
	here := source(t)
	there := serve(t, api.Handler(here, api.Info{}))
	for _, expr := range []string{
		"up", "nothing", "42.5", "up[5s]", `odd_labels`, `{__name__="odd_values", kind!="nan"}`, `sum by (code) (rate(http_requests_total[5s]))`,
	} {
		answer, err := here.Instant(t.Context(), expr, second(10))
		want := local(t, answer, err)
		got, err := there.Query(t.Context(), expr, second(10))
		if err != nil {
			t.Fatal(err)
		}
		if got = inOrder(got); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", expr, got, want)
		}
	}
	for _, expr := range []string{"up", "nothing", "1", `rate(http_requests_total[5s])`} {
		answer, err := here.Range(t.Context(), expr, second(0), second(30), 500*time.Millisecond)
		want := local(t, answer, err)
		got, err := there.Range(t.Context(), expr, second(0), second(30), 500*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if got = inOrder(got); !reflect.DeepEqual(got, want) {
			t.Errorf("%s in a range:\n got %v\nwant %v", expr, got, want)
		}
	}
}

func TestRangesBeyondTheLimitOfPrometheusAreWhole(t *testing.T) {
	here := source(t)
	requests := 0
	handler := api.Handler(here, api.Info{})
	there := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		handler.ServeHTTP(w, r)
	}))
	answer, err := here.Range(t.Context(), "up", second(0), second(30), time.Millisecond)
	want := local(t, answer, err)
	got, err := there.Range(t.Context(), "up", second(0), second(30), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if got = inOrder(got); !reflect.DeepEqual(got, want) {
		t.Errorf("%d series with %d points, want %d with %d", len(got), len(got[0].Times), len(want), len(want[0].Times))
	}
	if requests != 3 {
		t.Errorf("%d requests, want 3", requests)
	}
}

func TestARangeWithoutEndOrStepIsRefused(t *testing.T) {
	there := serve(t, http.NotFoundHandler())
	for _, step := range []time.Duration{0, -1} {
		if _, err := there.Range(t.Context(), "up", second(0), second(1), step); err == nil || !strings.Contains(err.Error(), "step above 0") {
			t.Errorf("step %s: %v", step, err)
		}
	}
	if _, err := there.Range(t.Context(), "up", second(2), second(1), time.Second); err == nil || !strings.Contains(err.Error(), "behind the start") {
		t.Error(err)
	}
}

func TestVersion(t *testing.T) {
	there := serve(t, api.Handler(source(t), api.Info{}))
	version, err := there.Check(t.Context())
	if err != nil || !strings.HasPrefix(version, "3.") {
		t.Errorf("%q, %v", version, err)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, address := range []string{"", "prometheus", "127.0.0.1:9090", "ftp://prometheus", "http://", "http://a b"} {
		if _, err := remote.New(address, nil); err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:9090") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// Whatever stands at the address, and whatever it is asked, the error says what to
// look at.
func TestErrorsSayWhatToCheck(t *testing.T) {
	answers := func(code int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		})
	}
	asks := map[string]func(context.Context, *remote.Prometheus) error{
		"query": func(ctx context.Context, p *remote.Prometheus) error {
			_, err := p.Query(ctx, "up", second(0))
			return err
		},
		"range": func(ctx context.Context, p *remote.Prometheus) error {
			_, err := p.Range(ctx, "up", second(0), second(1), time.Second)
			return err
		},
		"exported": func(ctx context.Context, p *remote.Prometheus) error {
			_, err := p.Exported(ctx, second(0), second(1))
			return err
		},
		"poll": func(ctx context.Context, p *remote.Prometheus) error {
			return remote.NewPoller(p, second(0), func(time.Time, journal.Body) {}).Poll(ctx, second(1))
		},
		"check": func(ctx context.Context, p *remote.Prometheus) error {
			_, err := p.Check(ctx)
			return err
		},
	}
	for _, c := range []struct {
		name    string
		handler http.Handler
		want    string
	}{
		{"a page", answers(200, "<html>welcome</html>"), "is that the address of a Prometheus"},
		{"nothing", answers(200, ""), "is that the address of a Prometheus"},
		{"another path", answers(404, "404 page not found"), "(404 page not found): does it want a path"},
		{"a login", answers(401, "who are you?"), "or a login?"},
		{"starting", answers(503, "Service Unavailable"), "(Service Unavailable): is it still starting?"},
		{"an error of its own", answers(422, `{"status":"error","errorType":"execution","error":"too many samples"}`), "too many samples: the expression cannot be evaluated"},
	} {
		for asking, ask := range asks {
			t.Run(c.name+"/"+asking, func(t *testing.T) {
				there := serve(t, c.handler)
				err := ask(t.Context(), there)
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), there.String()) {
					t.Errorf("%v\nis without %q", err, c.want)
				}
			})
		}
	}
}

func TestNobodyAtTheAddress(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	there, err := remote.New(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := there.Query(t.Context(), "up", second(0)); err == nil || !strings.HasSuffix(err.Error(), "is it running, and is that its address?") {
		t.Error(err)
	}
}

func TestAnExpressionThatIsNone(t *testing.T) {
	there := serve(t, api.Handler(source(t), api.Info{}))
	if _, err := there.Query(t.Context(), "sum(", second(0)); err == nil || !strings.Contains(err.Error(), "evaluate sum( on") || !strings.Contains(err.Error(), "parse error") {
		t.Error(err)
	}
}
