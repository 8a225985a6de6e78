package stack

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// Secrets lists what must never reach a journal, log or report, by a name that
// may: every value of every service's environment as "service.NAME" (those of
// x-shakedown.process as "service.process.NAME", and those of build.args as
// "service.build.NAME"), user and password of URLs
// inside values, and the content of compose secrets as "secret.NAME". Names
// under x-shakedown.public_env are left out, but not the user info of their
// URLs. Empty values are left out; how short a value is worth hiding is for
// the redactor to decide.
func (p *Project) Secrets() map[string]string { return p.SecretsFor(nil) }

// SecretsFor is Secrets with what a scenario says on top: its public_env, its
// process environment, and the environment of its releases (as
// "service.version.NAME") and jobs ("job.NAME"). The plan may be nil.
func (p *Project) SecretsFor(plan *scenarios.Plan) map[string]string {
	g := gathered{map[string]string{}, p.words(plan)}
	for name, config := range p.compose.Services {
		extension := p.extensions[name]
		public, processes := extension.PublicEnv, []*scenarios.Process{extension.Process}
		if plan != nil {
			planned := plan.Services[name]
			public = slices.Concat(public, planned.PublicEnv)
			processes = append(processes, planned.Process)
		}
		g.mapping(name+".", config.Environment, public)
		if config.Build != nil {
			g.mapping(name+".build.", config.Build.Args, public)
		}
		for _, process := range processes {
			if process == nil {
				continue
			}
			for key, value := range process.Environment {
				g.add(name+".process."+key, value, slices.Contains(public, key))
			}
		}
	}
	if plan != nil {
		p.addActionSecrets(g, plan)
	}
	p.addComposeSecrets(g.secrets)
	return g.secrets
}

// addActionSecrets adds what releases and jobs add to the environment.
func (p *Project) addActionSecrets(g gathered, plan *scenarios.Plan) {
	for _, action := range plan.Actions {
		var service, prefix string
		var environment map[string]string
		switch {
		case action.Release != nil:
			service, environment = action.Release.Service, action.Release.Environment
			prefix = service + "." + action.Release.Version + "."
		case action.Job != nil:
			service, environment = action.Job.Service, action.Job.Environment
			prefix = action.Job.Name + "."
		}
		public := slices.Concat(p.extensions[service].PublicEnv, plan.Services[service].PublicEnv)
		for key, value := range environment {
			name := prefix + key
			if other, ok := g.secrets[name]; ok && other != value { // a version that comes twice
				name += "@" + action.At.String()
			}
			g.add(name, value, slices.Contains(public, key))
		}
	}
}

// gathered is what Secrets finds, and the words that are none: those that project
// and scenario use in the open.
type gathered struct {
	secrets map[string]string
	words   map[string]bool
}

// mapping adds the values that a mapping of a compose file gives.
func (g gathered) mapping(prefix string, mapping types.MappingWithEquals, public []string) {
	for key, value := range mapping {
		if value != nil {
			g.add(prefix+key, *value, slices.Contains(public, key))
		}
	}
}

// add adds a value unless it is public, and the user info inside it always, but
// for users that are words and have a password: hiding such a name hides nothing,
// and ruins every text that speaks of the service or the database so called.
func (g gathered) add(name, value string, public bool) {
	if value == "" {
		return
	}
	if !public {
		g.secrets[name] = value
	}
	for i, part := range userinfo(value) {
		if !part.guarded || !g.words[part.text] {
			g.secrets[fmt.Sprintf("%s#%d", name, i+1)] = part.text
		}
	}
}

// A password may contain "@" unescaped: the last one before the path ends the
// user info.
var urlUserinfo = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://([^/?#\s]*)@`)

// A credential is a part of the user info of a URL: guarded is a user who has a
// password.
type credential struct {
	text    string
	guarded bool
}

// userinfo finds user and password of the URLs inside a value, as written and,
// where that differs, with percent escapes resolved.
func userinfo(value string) []credential {
	var found []credential
	for _, match := range urlUserinfo.FindAllStringSubmatch(value, -1) {
		user, password, _ := strings.Cut(match[1], ":")
		for _, part := range []credential{{user, password != ""}, {password, false}} {
			if part.text == "" {
				continue
			}
			found = append(found, part)
			if plain, err := url.PathUnescape(part.text); err == nil && plain != part.text {
				found = append(found, credential{plain, part.guarded})
			}
		}
	}
	return found
}

// words are the names that project and scenario use in the open: of the project,
// its services, volumes and networks, the databases of its URLs, and of the
// scenario, its phases, cohorts and journeys. The plan may be nil.
func (p *Project) words(plan *scenarios.Plan) map[string]bool {
	words := map[string]bool{p.compose.Name: true}
	for name, config := range p.compose.Services {
		words[name] = true
		for _, value := range config.Environment {
			if value == nil {
				continue
			}
			for _, match := range urlDatabase.FindAllStringSubmatch(*value, -1) {
				words[match[1]] = true
			}
		}
	}
	for name := range p.compose.Volumes {
		words[name] = true
	}
	for name := range p.compose.Networks {
		words[name] = true
	}
	if plan == nil {
		return words
	}
	words[plan.Scenario] = true
	for _, phase := range plan.Phases {
		words[phase.Name] = true
	}
	for _, load := range plan.Load {
		words[load.Cohort], words[load.Journey] = true, true
	}
	return words
}

// urlDatabase is the name of a database in a URL with user info: its path.
var urlDatabase = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]*@[^/?#\s]*/([A-Za-z0-9_-]+)(?:[?#\s]|$)`)

// addComposeSecrets adds the content of the project's secrets. A file that
// cannot be read is no secret here: starting the service reports it.
func (p *Project) addComposeSecrets(secrets map[string]string) {
	for name, secret := range p.compose.Secrets {
		content := secret.Content
		if secret.Environment != "" {
			content = p.compose.Environment[secret.Environment]
		}
		if secret.File != "" {
			if b, err := os.ReadFile(secret.File); err == nil {
				content = strings.TrimRight(string(b), "\n")
			}
		}
		if content != "" {
			secrets["secret."+name] = content
		}
	}
}
