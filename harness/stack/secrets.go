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
	secrets := map[string]string{}
	for name, config := range p.compose.Services {
		extension := p.extensions[name]
		public, processes := extension.PublicEnv, []*scenarios.Process{extension.Process}
		if plan != nil {
			planned := plan.Services[name]
			public = slices.Concat(public, planned.PublicEnv)
			processes = append(processes, planned.Process)
		}
		addMapping(secrets, name+".", config.Environment, public)
		if config.Build != nil {
			addMapping(secrets, name+".build.", config.Build.Args, public)
		}
		for _, process := range processes {
			if process == nil {
				continue
			}
			for key, value := range process.Environment {
				addSecret(secrets, name+".process."+key, value, slices.Contains(public, key))
			}
		}
	}
	if plan != nil {
		p.addActionSecrets(secrets, plan)
	}
	p.addComposeSecrets(secrets)
	return secrets
}

// addActionSecrets adds what releases and jobs add to the environment.
func (p *Project) addActionSecrets(secrets map[string]string, plan *scenarios.Plan) {
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
			if other, ok := secrets[name]; ok && other != value { // a version that comes twice
				name += "@" + action.At.String()
			}
			addSecret(secrets, name, value, slices.Contains(public, key))
		}
	}
}

// addMapping adds the values that a mapping of a compose file gives.
func addMapping(secrets map[string]string, prefix string, mapping types.MappingWithEquals, public []string) {
	for key, value := range mapping {
		if value != nil {
			addSecret(secrets, prefix+key, *value, slices.Contains(public, key))
		}
	}
}

// addSecret adds a value unless it is public, and the user info inside it
// always.
func addSecret(secrets map[string]string, name, value string, public bool) {
	if value == "" {
		return
	}
	if !public {
		secrets[name] = value
	}
	for i, part := range userinfo(value) {
		secrets[fmt.Sprintf("%s#%d", name, i+1)] = part
	}
}

// A password may contain "@" unescaped: the last one before the path ends the
// user info.
var urlUserinfo = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://([^/?#\s]*)@`)

// userinfo finds user and password of the URLs inside a value, as written and,
// where that differs, with percent escapes resolved.
func userinfo(value string) []string {
	var found []string
	for _, match := range urlUserinfo.FindAllStringSubmatch(value, -1) {
		user, password, _ := strings.Cut(match[1], ":")
		for _, text := range []string{user, password} {
			if text == "" {
				continue
			}
			found = append(found, text)
			if plain, err := url.PathUnescape(text); err == nil && plain != text {
				found = append(found, plain)
			}
		}
	}
	return found
}

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
