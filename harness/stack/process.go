package stack

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// onProcesses finishes a layout for a platform without images and names: every
// service needs a command, and addresses take the place of names.
func onProcesses(l *layout, on ground) error {
	var without []string
	for _, s := range l.services {
		if s.plan.Process == nil || len(s.plan.Process.Command) == 0 {
			without = append(without, s.name)
		}
	}
	if len(without) > 0 {
		return fmt.Errorf("the process platform does not know how to run %s: write x-shakedown: {process: {command: [program, argument]}} "+
			"under services.%s in the compose file (or stack.services.%s.process in the scenario), or process: {omit: true} to leave it out",
			list(without), without[0], without[0])
	}
	names := map[string]string{}
	for _, s := range l.services {
		names[s.name] = on.address(s.name, s.entrance())
		if s.proxied() {
			names[gatewayName(s.name)] = s.gatewayAddress(on)
		}
	}
	for _, s := range l.parties {
		for _, name := range append([]string{s.name}, s.party.Aliases...) {
			names[name] = on.address(s.name, 0)
		}
	}
	for _, s := range l.services {
		s.image, s.names = false, names
		keep := s.config
		s.config = types.ServiceConfig{Name: keep.Name, Deploy: keep.Deploy, Scale: keep.Scale}
		s.config.Environment, s.config.StopSignal = keep.Environment, keep.StopSignal
		s.config.Expose, s.config.CPUS, s.config.MemLimit = keep.Expose, keep.CPUS, keep.MemLimit
		for key, value := range s.config.Environment {
			if value != nil {
				rewritten := addressed(*value, names)
				s.config.Environment[key] = &rewritten
			}
		}
		process := *s.plan.Process
		process.Command = slices.Clone(process.Command)
		for i, word := range process.Command {
			process.Command[i] = addressed(word, names)
		}
		process.Environment = maps.Clone(process.Environment)
		for key, value := range process.Environment {
			process.Environment[key] = addressed(value, names)
		}
		s.plan.Process = &process
	}
	return nil
}

// entrance is the number of the instance that a service's name leads to; 0 is
// the gateway, or the proxy before it.
func (s *service) entrance() int {
	if s.gatewayed() {
		return 0
	}
	return 1
}

// nameAndPort is a host name with a port; the name is taken as long as it gets,
// so that "my-api:80" is not taken for "api:80".
var nameAndPort = regexp.MustCompile(`[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?:[0-9]{1,5}`)

// addressed replaces service:port by the service's address and the port,
// wherever it stands as a word: alone, in lists, in URLs. A user name with a
// numeric password (service:123@host) and a version (service:7.2) stay.
func addressed(value string, addresses map[string]string) string {
	var b strings.Builder
	rest := value
	for {
		at := nameAndPort.FindStringIndex(rest)
		if at == nil {
			return b.String() + rest
		}
		match, after := rest[at[0]:at[1]], rest[at[1]:]
		name, port, _ := strings.Cut(match, ":")
		if address, ok := addresses[name]; ok && endsWord(after) {
			match = net.JoinHostPort(address, port)
		}
		b.WriteString(rest[:at[0]])
		b.WriteString(match)
		rest = after
	}
}

// endsWord says whether a port may end before this text.
func endsWord(after string) bool {
	if after == "" {
		return true
	}
	c := after[0]
	if c == '.' || c == '-' { // the end of a sentence, but not of "7.2-alpine"
		return len(after) == 1 || !isWordByte(after[1])
	}
	return c != '@' && c != ':' && !isWordByte(c)
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// placeholders replaces those of x-shakedown.process.
func (s *service) placeholders(spec platform.Spec, on ground) *strings.Replacer {
	port := ""
	if p := s.port(); p > 0 {
		port = strconv.Itoa(p)
	}
	return strings.NewReplacer("{ip}", spec.Address, "{port}", port, "{instance}", spec.Name, "{shared}", on.shared)
}

// expand puts command and environment of x-shakedown.process into a spec, with
// the placeholders replaced.
func (s *service) expand(spec *platform.Spec, on ground) error {
	replace := s.placeholders(*spec, on)
	process := s.plan.Process
	for _, text := range append(slices.Collect(maps.Values(process.Environment)), process.Command...) {
		if s.port() == 0 && strings.Contains(text, "{port}") {
			return fmt.Errorf("%s uses {port} in x-shakedown.process, but has no port; "+
				"set x-shakedown.port, list it under expose, or write the number", s.name)
		}
	}
	spec.Config.Command = nil
	for _, word := range process.Command {
		spec.Config.Command = append(spec.Config.Command, replace.Replace(word))
	}
	environment := maps.Clone(spec.Config.Environment)
	if environment == nil {
		environment = types.MappingWithEquals{}
	}
	for key, value := range process.Environment {
		replaced := replace.Replace(value)
		environment[key] = &replaced
	}
	spec.Config.Environment = environment
	return nil
}

// port is the container port at which the service answers, 0 if nothing tells.
func (s *service) port() int {
	if s.plan.Port > 0 {
		return s.plan.Port
	}
	return s.exposed
}
