package scaffold

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/shakedown-dev/shakedown/scenarios"
)

//go:embed templates/*.tmpl
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{"quote": quote, "sub": func(a, b int) int { return a - b }, "add": func(a, b int) int { return a + b }}).ParseFS(files, "templates/*.tmpl"))

// Templates are the kinds of scenarios that Write knows, and what each rehearses.
func Templates() []Template {
	return []Template{
		{"smoke", "a steady stream of requests: does the stack answer, and how fast"},
		{"drain", "an instance more, then fewer, under traffic: does anybody notice"},
		{"import-burst", "heavy work that begins all at once, beside everybody else's"},
		{"gameday", "an instance is killed and answers get slow, against what was expected"},
	}
}

// A Template is a kind of scenario.
type Template struct{ Name, Summary string }

// Choices are what a user, or nobody, has decided.
type Choices struct {
	Template string
	Name     string   // of the scenario; "" for one made of the template and the service
	Compose  []string // compose files, as the scenario is to name them
	Service  string   // the one that is driven; "" for the likeliest
	Port     int      // of it; 0 for the likeliest
	Ready    string   // path of its readiness probe; "" for that of its healthcheck
	Path     string   // that is asked; "" for /
	Rate     string   // as in 20/s; "" for 20/s
	Schema   string   // what the modeline names; "" for no modeline
}

// Driveable are the services that can be driven, the likeliest first.
func Driveable(services []Service) []Service {
	can := slices.DeleteFunc(slices.Clone(services), func(s Service) bool { return s.Data != "" || len(s.Ports) == 0 })
	rank := func(s Service) int {
		return cmp.Or(slices.Index(entries, s.Name)+1, len(entries)+1)
	}
	slices.SortStableFunc(can, func(a, b Service) int { return cmp.Compare(rank(a), rank(b)) })
	return can
}

// entries are the names that the service which users meet usually has.
var entries = []string{"gateway", "proxy", "nginx", "caddy", "traefik", "web", "frontend", "front", "www", "app", "api", "backend", "server"}

// Resolve fills in what was not chosen and tells what cannot be. The error says what to
// do.
func Resolve(services []Service, c Choices) (Choices, error) {
	c.Template, c.Path, c.Rate = cmp.Or(c.Template, "smoke"), cmp.Or(c.Path, "/"), cmp.Or(c.Rate, "20/s")
	if !slices.ContainsFunc(Templates(), func(t Template) bool { return t.Name == c.Template }) {
		return c, fmt.Errorf("there is no template %q; choose one of %s", c.Template, templateNames())
	}
	s, err := chosen(services, c.Service)
	if err != nil {
		return c, err
	}
	c.Service = s.Name
	if c.Port == 0 {
		c.Port = s.Ports[0]
	}
	c.Ready = cmp.Or(c.Ready, s.Ready)
	c.Name = cmp.Or(c.Name, slug(c.Template+"-"+c.Service))
	for what, p := range map[string]string{"readiness probe": c.Ready, "request": c.Path} {
		if p != "" && (p[0] != '/' || strings.ContainsAny(p, " \t\n")) {
			return c, fmt.Errorf("the path %q of the %s: write it from its slash on, without spaces, as in /healthz", p, what)
		}
	}
	return c, nil
}

// chosen is the service of that name, or the likeliest.
func chosen(services []Service, name string) (Service, error) {
	can := Driveable(services)
	var names []string
	for _, s := range can {
		names = append(names, s.Name)
	}
	if name == "" {
		if len(can) == 0 {
			return Service{}, nothing(services)
		}
		return can[0], nil
	}
	for _, s := range services {
		switch {
		case s.Name != name:
		case len(s.Ports) > 0:
			return s, nil
		default:
			return s, fmt.Errorf("service %s exposes no port that speaks HTTP: add expose: [\"%d\"] to it in the compose file, or choose another (%s)", name, cmp.Or(s.Asked, 8080), cmp.Or(strings.Join(names, ", "), "there is none"))
		}
	}
	return Service{}, fmt.Errorf("the compose project has no service %q; those that can be driven are %s", name, cmp.Or(strings.Join(names, ", "), "none"))
}

// nothing says why no service can be driven.
func nothing(services []Service) error {
	for _, s := range services {
		if s.Data == "" {
			return fmt.Errorf("no service exposes a port that speaks HTTP: add, for example, expose: [\"%d\"] to service %s in the compose file", cmp.Or(s.Asked, 8080), s.Name)
		}
	}
	return errors.New("every service of the compose project holds data (databases, caches, queues); name the one to drive with --service, if it speaks HTTP")
}

func templateNames() string {
	var names []string
	for _, t := range Templates() {
		names = append(names, t.Name)
	}
	return strings.Join(names, ", ")
}

// slug makes a name for a scenario out of anything.
func slug(text string) string {
	text = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(text))
	return strings.Trim(text, "-")
}

// quote writes a YAML scalar that is text whatever is in it.
func quote(text string) string {
	plain := text != "" && strings.IndexFunc(text, func(r rune) bool {
		return r != '-' && r != '_' && r != '/' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
	if first := (text + " ")[0]; plain && (first >= 'a' && first <= 'z' || first >= 'A' && first <= 'Z' || first == '/' || first == '.') {
		switch strings.ToLower(text) {
		case "yes", "no", "on", "off", "true", "false", "null", "y", "n":
		default:
			return text
		}
	}
	return fmt.Sprintf("%q", text)
}

// page is what templates see.
type page struct {
	Choices
	Main     Service
	Others   []Service // that take requests as well
	Left     []Service // that take part as they are
	Replicas int
	// ReadyAssumed, PortAssumed and so on tell what nobody decided.
	PathAssumed, PortAssumed, RateAssumed bool
}

// Write renders the scenario. Given are the choices as the user made them, resolved what
// Resolve made of them: what differs is marked as assumed. Services are those of Detect.
func Write(services []Service, given, resolved Choices) ([]byte, error) {
	p := page{Choices: resolved, PathAssumed: given.Path == "", RateAssumed: given.Rate == ""}
	for _, s := range services {
		switch {
		case s.Name == resolved.Service:
			p.Main = s
			p.PortAssumed = given.Port == 0 && len(s.Ports) > 1
		case s.Data == "" && len(s.Ports) > 0:
			p.Others = append(p.Others, s)
		default:
			p.Left = append(p.Left, s)
		}
	}
	p.Replicas = max(2, p.Main.Replicas)
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, resolved.Template+".tmpl", p); err != nil {
		return nil, fmt.Errorf("render the template %s: %w", resolved.Template, err)
	}
	return out.Bytes(), nil
}

// Check reads what Write made as a run would: with the project that it is for. Mistakes
// come back as scenarios.Problems.
func Check(file, dir string, source []byte, info scenarios.StackInfo) error {
	document, problems := scenarios.Parse(file, source, scenarios.Options{Dir: dir})
	if len(problems) > 0 {
		return problems
	}
	if _, problems := document.Compile(info); len(problems) > 0 {
		return problems
	}
	return nil
}
