package stack

import (
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func prescaled(p *scenarios.Prescale) *scenarios.Plan {
	return &scenarios.Plan{Services: map[string]scenarios.PlannedService{
		"api":      {Port: 8080, Replicas: 2, Process: &scenarios.Process{Command: []string{"api"}, Environment: map[string]string{"HOOK": ""}}},
		"importer": {Port: 8081, Replicas: 1, Prescale: p, Process: &scenarios.Process{Command: []string{"importer"}}},
		"worker":   {Replicas: 1, Process: &scenarios.Process{Command: []string{"worker"}}},
	}}
}

const prescaling = `
services:
  api: {image: shop, environment: {HOOK: ""}}
  importer: {image: shop}
  worker: {image: shop}
  hooked: {image: shop, expose: [9199]}
`

func webhook() *scenarios.Prescale {
	return &scenarios.Prescale{
		Webhook: &scenarios.PrescaleWebhook{Service: "api", Variable: "HOOK"},
		Header:  &scenarios.PrescaleHeader{Service: "api", Tier: "X-Tier", Account: "X-Account"},
	}
}

// The service that announces sessions is told where, whatever else sets the
// variable; its gateway listens there and looks at the headers.
func TestSessionsAreHeard(t *testing.T) {
	for name, c := range map[string]struct {
		on     ground
		want   string
		listen string
	}{
		"containers": {ground{images: true}, "http://api:9199/v1/sessions", ":9199"},
		"processes": {ground{process: true, address: func(service string, n int) string {
			if service == "api" && n == 0 {
				return "127.9.9.9"
			}
			return "127.0.0.1"
		}}, "http://127.9.9.9:9199/v1/sessions", "127.9.9.9:9199"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := arrange(project(t, prescalingWithoutHooked), prescaled(webhook()), c.on)
			if err != nil {
				t.Fatal(err)
			}
			spec, err := l.service("api").versioned(1, &version{}, c.on)
			if err != nil {
				t.Fatal(err)
			}
			if have := spec.Config.Environment["HOOK"]; have == nil || *have != c.want {
				t.Errorf("HOOK is %v, want %s", have, c.want)
			}
			job := l.service("api").jobOf(&scenarios.Job{Name: "j", Service: "api", Process: []string{"j"}}, c.on)
			if spec, err = job.versioned(1, &version{}, c.on); err != nil || *spec.Config.Environment["HOOK"] != c.want {
				t.Errorf("of a job HOOK is %v, %v", spec.Config.Environment["HOOK"], err)
			}
			api := l.service("api")
			_, listen := api.gatewaySpec(c.on)
			if have := hookAddress(listen); !api.hook || have != c.listen {
				t.Errorf("its gateway listens for announcements on %q (%v), want %q", have, api.hook, c.listen)
			}
			if api.headers == nil || *api.headers != (gateway.SessionHeaders{Tier: "X-Tier", Account: "X-Account"}) {
				t.Errorf("headers %+v", api.headers)
			}
			if other := l.service("importer"); other.hook || other.headers != nil || other.given != nil {
				t.Errorf("importer: %+v", other)
			}
		})
	}
}

var prescalingWithoutHooked = strings.Split(prescaling, "  hooked:")[0]

func TestSessionsThatCannotBeHeard(t *testing.T) {
	for want, change := range map[string]func(*scenarios.Plan){
		"prescale of importer: webhook: service worker has no port": func(p *scenarios.Plan) {
			p.Services["importer"].Prescale.Webhook.Service = "worker"
		},
		"prescale of importer: header: service nobody does not run here": func(p *scenarios.Plan) {
			p.Services["importer"].Prescale.Header.Service = "nobody"
		},
		"hooked has port 9199 itself": func(p *scenarios.Plan) {
			p.Services["hooked"] = scenarios.PlannedService{Port: 9199}
			p.Services["importer"].Prescale.Webhook.Service = "hooked"
		},
		"prescale of worker: header: the gateway of api looks for X-Tier and X-Account already": func(p *scenarios.Plan) {
			worker := p.Services["worker"]
			worker.Prescale = &scenarios.Prescale{Header: &scenarios.PrescaleHeader{Service: "api", Tier: "Plan", Account: "X-Account"}}
			p.Services["worker"] = worker
		},
	} {
		plan := prescaled(webhook())
		change(plan)
		if _, err := arrange(project(t, prescaling), plan, ground{images: true}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
