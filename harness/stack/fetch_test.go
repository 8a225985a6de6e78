package stack

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// Pages are got by the service's own gateway, else by the first that shares a
// network.
func TestFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `
services:
  api: {image: shop, networks: [front]}
  web: {image: shop, networks: [front, back]}
  worker: {image: shop, networks: [back], expose: [9000]}
  alone: {image: shop, networks: [far], expose: [9000]}
networks: {front: , back: , far: }
`, map[string]scenarios.PlannedService{
			"api": {Port: 80, Replicas: 1}, "web": {Port: 81, Replicas: 1}, "worker": {Replicas: 1}, "alone": {Replicas: 1},
		})
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.platform.exit("web-1", 0)
		synctest.Wait()
		for _, c := range []struct {
			instance string
			port     int
			call     string
			fails    string
		}{
			{"api-1", 0, "fetch by api api-1:80 /metrics", ""},
			{"api-1", 9100, "fetch by api api-1:9100 /metrics", ""},
			{"worker-1", 0, "fetch by web worker-1:9000 /metrics", ""},
			{"alone-1", 0, "", "no service with a port shares a network with alone"},
			{"web-1", 0, "", "it has exited"},
			{"api-7", 0, "", "no such instance"},
			{"gateway-api", 80, "", "no such instance"},
		} {
			body, err := r.Fetch(t.Context(), c.instance, c.port, "/metrics")
			switch {
			case c.fails != "":
				if err == nil || !strings.Contains(err.Error(), "fetch /metrics of "+c.instance) || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("%s: %v, want %q", c.instance, err, c.fails)
				}
			case err != nil || !strings.HasPrefix(string(body), "page of "+c.instance):
				t.Errorf("%s: %q, %v", c.instance, body, err)
			case r.platform.index(c.call) < 0:
				t.Errorf("no call %q in %q", c.call, r.platform.calls)
			}
		}
		r.gateways.status = 404
		if _, err := r.Fetch(t.Context(), "api-1", 0, "/none"); err == nil || !strings.Contains(err.Error(), "status 404") {
			t.Errorf("got %v", err)
		}
		down(t, r)
		if _, err := r.Fetch(t.Context(), "api-1", 0, "/metrics"); err == nil {
			t.Error("it answers after the end")
		}
	})
}

func TestFetchWithoutAPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 1)
		if _, err := r.Fetch(t.Context(), "worker-1", 0, "/metrics"); err == nil || !strings.Contains(err.Error(), "worker has no port; name one") {
			t.Errorf("got %v", err)
		}
		if _, err := r.Fetch(t.Context(), "worker-1", 9000, "/metrics"); err != nil {
			t.Error(err)
		}
		down(t, r)
	})
}
