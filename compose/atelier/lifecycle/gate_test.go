package lifecycle

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
)

// opened is the gate of an initialized instance with one route.
func opened(d defects.Defect, instance string) *gate {
	g := &gate{name: "subject", number: numberOf(instance), metrics: http.NotFoundHandler(), defects: defects.Set{d: true}}
	g.open(App{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })})
	return g
}

func get(g *gate, path string) (status int, took time.Duration) {
	answer, began := httptest.NewRecorder(), time.Now()
	g.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	return answer.Code, time.Since(began)
}

func TestColdInstanceIsSlowAtFirst(t *testing.T) {
	for d, slow := range map[defects.Defect]int{"": 0, defects.ReadyCold: coldRequests} {
		synctest.Test(t, func(t *testing.T) {
			g := opened(d, "api-1")
			if status, took := get(g, "/readyz"); status != http.StatusOK || took > 0 {
				t.Errorf("%q: /readyz = %d after %s, want it at once", d, status, took)
			}
			for n := range coldRequests + 10 {
				want := time.Duration(0)
				if n < slow {
					want = coldDelay
				}
				if status, took := get(g, "/v1/catalogue"); status != http.StatusNoContent || took != want {
					t.Errorf("%q: request %d = %d after %s, want it after %s", d, n+1, status, took, want)
				}
			}
		})
	}
}

// A probe every 250ms that takes three failures to believe it must see each
// instance go and come back.
func TestFlappingInstanceIsUnreadyLongEnough(t *testing.T) {
	for d, want := range map[defects.Defect]int{"": 0, defects.ReadyFlaps: 4} {
		synctest.Test(t, func(t *testing.T) {
			g := opened(d, "api-2")
			began, lost, failures := time.Now(), 0, 0
			for time.Since(began) < flapAfter+4*flapEvery {
				status, _ := get(g, "/readyz")
				if status == http.StatusOK {
					failures = 0
				} else if failures++; failures == 3 {
					lost++
				}
				if status != http.StatusOK && time.Since(began) < flapAfter {
					t.Errorf("%q: unready %s after it became ready", d, time.Since(began))
				}
				if status, _ := get(g, "/v1/catalogue"); status != http.StatusNoContent {
					t.Errorf("%q: a request = %d", d, status)
				}
				time.Sleep(250 * time.Millisecond)
			}
			if lost != want {
				t.Errorf("%q: readiness lost %d times, want %d", d, lost, want)
			}
		})
	}
}

func TestNeighboursNeverFlapTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(0, rapid.Int64Range(0, 1<<60).Draw(t, "now"))
		since := now.Add(-time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "ready for")))
		first := rapid.IntRange(0, 1<<30).Draw(t, "first")
		unready := 0
		for n := range flapSlots {
			if flaps(first+n, since, now) {
				unready++
			}
		}
		if unready > 1 {
			t.Errorf("%d instances are unready at %s", unready, now)
		}
	})
}

func TestNumberOf(t *testing.T) {
	for name, want := range map[string]int{"api-1": 1, "api-12": 12, "7": 7, "": 0, "api": 0, "api-": 0, "api-99999999999999999999": 0} {
		if got := numberOf(name); got != want {
			t.Errorf("number of %q = %d, want %d", name, got, want)
		}
	}
}
