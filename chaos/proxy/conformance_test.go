package proxy

import (
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/chaos/order/ordertest"
)

func TestInjector(t *testing.T) {
	ordertest.Run(t, func(t *testing.T) ordertest.Subject {
		p, addr := start(t, Config{Upstream: server(t, nil)})
		c := func(path string, h order.HTTP, hit func(got, time.Duration) bool) ordertest.Case {
			h.Match.Path = path
			client := web(t)
			return ordertest.Case{
				Fault: order.Fault{ID: path[1:], Seed: 1, HTTP: &h}, Counter: "injected",
				Effect: func(testing.TB) bool {
					begun := time.Now()
					if hit(get(client, "http://"+addr+path), time.Since(begun)) {
						return true
					}
					begun = time.Now() // a limit lets one through
					return hit(get(client, "http://"+addr+path), time.Since(begun))
				},
			}
		}
		return ordertest.Subject{
			Injector: p, Blind: true,
			Cases: []ordertest.Case{
				c("/errors", order.HTTP{Errors: &order.Errors{}}, func(g got, _ time.Duration) bool { return g.status == 503 }),
				c("/late", order.HTTP{Errors: &order.Errors{Statuses: map[int]int{500: 1}, AfterWork: true}}, func(g got, _ time.Duration) bool { return g.status == 500 }),
				c("/abort", order.HTTP{Abort: &order.Abort{}}, func(g got, _ time.Duration) bool { return g.err != nil }),
				c("/latency", order.HTTP{Latency: &order.Latency{P50: 60 * time.Millisecond}}, func(_ got, d time.Duration) bool { return d > 55*time.Millisecond }),
				c("/truncate", order.HTTP{Truncate: &order.Truncate{}}, func(g got, _ time.Duration) bool { return g.err != nil && g.status == 200 }),
				c("/corrupt", order.HTTP{Corrupt: &order.Corrupt{}}, func(g got, _ time.Duration) bool { return g.body != greeting }),
				c("/limit", order.HTTP{RateLimit: &order.RateLimit{Burst: 0, Rate: 0.0001, RetryAfter: time.Second}}, func(g got, _ time.Duration) bool { return g.status == 429 }),
				c("/outage", order.HTTP{Outage: &order.Outage{}}, func(g got, _ time.Duration) bool { return g.status == 503 }),
			},
			Wrong: []order.Fault{
				{Packets: &order.Packets{Kind: order.Delay}},
				{HTTP: &order.HTTP{}},
				{HTTP: &order.HTTP{Corrupt: &order.Corrupt{}, Abort: &order.Abort{}}},
				{HTTP: &order.HTTP{Corrupt: &order.Corrupt{}, Existing: "sometimes"}},
				{HTTP: &order.HTTP{Corrupt: &order.Corrupt{}, Match: order.Match{Share: 1.5}}},
				{HTTP: &order.HTTP{SlowBody: &order.SlowBody{}}},
				{HTTP: &order.HTTP{Latency: &order.Latency{P50: 2, P99: 1}}},
				{HTTP: &order.HTTP{Outage: &order.Outage{As: "vanish"}}},
				{HTTP: &order.HTTP{Outage: &order.Outage{As: order.AsRefuse}, Match: order.Match{Path: "/x"}}},
				{HTTP: &order.HTTP{Flapping: &order.Flapping{Down: time.Second}}},
				{HTTP: &order.HTTP{Errors: &order.Errors{Statuses: map[int]int{99: 1}}}},
				{HTTP: &order.HTTP{Expired: &order.TLSNames{}}},
				{HTTP: &order.HTTP{Corrupt: &order.Corrupt{}, Egress: &order.Egress{}}},
			},
		}
	})
}
