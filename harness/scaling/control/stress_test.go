package control

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Whatever comes together (sessions of many accounts, load, breakdowns, refused
// and slow resizes, changes that wait), everybody is answered, the budget is kept,
// and in the end everything is given back.
func TestEverythingAtOnce(t *testing.T) {
	for seed := range uint64(8) {
		for _, instances := range []string{"all", "one"} {
			t.Run(fmt.Sprint(instances, " ", seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { everythingAtOnce(t, seed, instances) })
			})
		}
	}
}

func everythingAtOnce(t *testing.T, seed uint64, instances string) {
	draws := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	chance := func(p float64) bool {
		mu.Lock()
		defer mu.Unlock()
		return draws.Float64() < p
	}
	upTo := func(most time.Duration) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(draws.Int64N(int64(most)))
	}
	service := cpuHPA()
	service.Limits = scenarios.ResourceClass{CPUs: 0.25, Memory: 192 << 20}
	p := importers(scenarios.ProactivePolicy).Prescale
	p.Instances, p.Beyond = instances, []string{"reject", "queue"}[seed%2]
	service.Prescale = p
	r := newRun(t, planOf(5, service))
	r.cluster.add("api", 3, true)
	r.cluster.load = func(at time.Duration) float64 {
		if at > 30*time.Second && at < 60*time.Second {
			return 0.8
		}
		return 0.2
	}
	lives := map[string]time.Duration{}
	r.cluster.lives = func(name string) (time.Duration, int, bool) { // under its mu
		if _, known := lives[name]; !known && chance(0.3) {
			lives[name] = time.Second + upTo(40*time.Second)
		} else if !known {
			lives[name] = 0
		}
		return lives[name], 137, chance(0.5)
	}
	quiet := 90 * time.Second
	r.cluster.refuse = func(string, string) error {
		if r.clock.Now() < quiet && chance(0.2) {
			return errors.New("no")
		}
		return nil
	}
	r.cluster.adjusting = func(ctx context.Context) error {
		select {
		case <-time.After(upTo(3 * time.Second)):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.cluster.resizing = 200 * time.Millisecond
	r.begin()
	synctest.Wait()
	var sessions sync.WaitGroup
	for n := range 60 {
		sessions.Go(func() {
			r.until(upTo(quiet))
			account := fmt.Sprint("account ", n%7)
			if chance(0.3) {
				r.emit(journal.SessionSignal{Service: "web", Via: "header", Account: account, Tier: "enterprise"})
				return
			}
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond+upTo(4*time.Second))
			defer cancel()
			began := r.clock.Now()
			a := r.Session(ctx, journal.SessionSignal{Service: "api", Via: "webhook", Account: account, Tier: "enterprise"})
			if a.State == "" || ctx.Err() != nil {
				t.Errorf("%s asked at %v: %+v at %v: %v", account, began, a, r.clock.Now(), ctx.Err())
			}
		})
	}
	sessions.Wait()
	r.until(quiet + 60*time.Second)
	for _, m := range r.cluster.Members("api") {
		if m.Class != "base" {
			t.Errorf("%s is %s in the end", m.Name, m.Class)
		}
	}
	if c := r.cluster.class["api"]; c == "large" {
		t.Error("created large in the end")
	}
	r.end()
	for _, d := range all[journal.ScaleDecision](r) {
		if d.Body.Autoscaler == scenarios.ProactivePolicy && *d.Body.Metrics[0].Value > 2 {
			t.Errorf("%v accounts hold a claim", *d.Body.Metrics[0].Value)
		}
	}
}
