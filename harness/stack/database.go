package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// endpointPatience bounds the question at which port a database answers.
const endpointPatience = 10 * time.Second

// Database is the URL at which the harness reaches the database that a query
// is for: the address that the service has, with the host replaced by where
// that answers on loopback. It is known once Up has returned. It holds
// credentials; errors never show any of it.
func (s *Stack) Database(read scenarios.SQLRead) (string, error) {
	return s.databaseOf(read.Service, read.URLFrom)
}

// databaseOf is the URL of the database whose address a variable of a service
// holds.
func (s *Stack) databaseOf(service, variable string) (string, error) {
	at, err := s.database(service, variable)
	if err != nil {
		return "", fmt.Errorf("database of %s (%s): %w", service, variable, err)
	}
	return at, nil
}

func (s *Stack) database(service, variable string) (string, error) {
	of := s.layout.service(service)
	if of == nil {
		return "", errors.New("the stack has no such service")
	}
	spec, err := of.versioned(1, s.versionOf(of, Operation{}), s.on)
	if err != nil {
		return "", err
	}
	address, err := addressIn(spec.Config.Environment, variable)
	if err != nil {
		return "", err
	}
	if address.file() {
		return address.raw, address.check(s.layout, s.on)
	}
	if err := address.check(s.layout, s.on); err != nil {
		return "", err
	}
	if s.on.process {
		return address.url.String(), nil // with "@" in passwords escaped, where readers differ
	}
	published, err := s.published(s.layout.service(address.url.Hostname()), address.port())
	if err != nil {
		return "", err
	}
	reached := *address.url
	reached.Host = published
	return reached.String(), nil
}

// published is where the harness reaches a port of a service's oldest instance.
func (s *Stack) published(of *service, port int) (string, error) {
	ctx, done, err := s.begin(context.Background())
	if err != nil {
		return "", err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, endpointPatience)
	defer cancel()
	for _, i := range s.replicas(of) {
		if i.exited.fired() {
			continue
		}
		endpoint, err := s.cfg.Platform.Endpoint(ctx, i.name, port)
		if err != nil {
			return "", err
		}
		if endpoint.Published != "" {
			return endpoint.Published, nil
		}
	}
	return "", fmt.Errorf("no instance of %s answers on 127.0.0.1 for its port %d", of.name, port)
}

// dbAddress is the address of a database as a service is told it.
type dbAddress struct {
	raw string
	url *url.URL
}

// addressIn reads the address that a variable of an environment holds. The
// errors are about names alone: what cannot be parsed is a secret too.
func addressIn(environment types.MappingWithEquals, name string) (dbAddress, error) {
	value, ok := environment[name]
	if !ok || value == nil || *value == "" {
		return dbAddress{}, fmt.Errorf("the service has no variable %s with a value; it has %s", name, orNone(slices.Sorted(maps.Keys(environment))))
	}
	raw := withoutDriver(*value)
	parsed, err := url.Parse(raw)
	if err != nil || parsed.Scheme == "" || strings.Contains(parsed.Host, ",") {
		return dbAddress{}, fmt.Errorf("%s holds no URL that can be read; write postgres://user:password@host:port/database, with one host", name)
	}
	a := dbAddress{raw: raw, url: parsed}
	switch parsed.Scheme {
	case "postgres", "postgresql":
		if parsed.Hostname() == "" {
			return a, fmt.Errorf("the URL in %s names no host", name)
		}
		for key := range parsed.Query() { // of all databases only those of the stack are read
			if key = strings.TrimSpace(key); key == "host" || key == "hostaddr" || key == "port" {
				return a, fmt.Errorf("the URL in %s has the parameter %s, which names another server; write host and port in front of the path", name, key)
			}
		}
	case "sqlite", "sqlite3", "file":
	default:
		return a, fmt.Errorf("the URL in %s is of a database that cannot be read; postgres:// and sqlite:// can", name)
	}
	return a, nil
}

// withoutDriver is a URL without what SQLAlchemy puts behind the kind of a
// database: postgresql+asyncpg://.
func withoutDriver(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	kind, _, _ := strings.Cut(scheme, "+")
	return kind + "://" + rest
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return list(names)
}

// file tells that the database is a file.
func (a dbAddress) file() bool { return !strings.HasPrefix(a.url.Scheme, "postgres") }

func (a dbAddress) port() int {
	if port, err := strconv.Atoi(a.url.Port()); err == nil {
		return port
	}
	return 5432
}

// check says why the harness could not reach the address.
func (a dbAddress) check(l *layout, on ground) error {
	host := a.url.Hostname()
	switch {
	case a.file() && !on.process:
		return errors.New("it is a file inside of containers, which the harness cannot read; use a database with a port, or --platform process")
	case a.file():
		return nil
	case on.process:
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return errors.New("its host is no service of the stack; only databases of the stack are read (write the port after the name)")
		}
		return nil
	case l.service(host) == nil:
		return fmt.Errorf("its host is no service of the stack, which has %s; only databases of the stack are read", orNone(l.names()))
	}
	return nil
}

func (l *layout) names() []string {
	var names []string
	for _, s := range l.services {
		names = append(names, s.name)
	}
	return names
}

// takeLedgers finds out whether the databases that the plan reads from can be
// reached, and publishes their ports for the harness.
func (l *layout) takeLedgers(plan *scenarios.Plan, on ground) error {
	for _, ledger := range plan.Ledgers {
		if ledger.SQL == nil {
			continue
		}
		if _, err := l.takeDatabase(ledger.SQL.Service, ledger.SQL.URLFrom, on); err != nil {
			return fmt.Errorf("%s reads from the database of %s (%s): %w", ledger.ID, ledger.SQL.Service, ledger.SQL.URLFrom, err)
		}
	}
	return nil
}

// takeFaults does the same for the databases in which faults hold connections or
// run queries.
func (l *layout) takeFaults(plan *scenarios.Plan, on ground) error {
	for _, fault := range plan.Faults {
		var access scenarios.DatabaseAccess
		switch {
		case fault.Spec.PoolExhaustion != nil:
			access = fault.Spec.PoolExhaustion.Access
		case fault.Spec.SlowQueries != nil:
			access = fault.Spec.SlowQueries.Access
		default:
			continue
		}
		address, err := l.takeDatabase(access.Service, access.URLFrom, on)
		if err == nil && address.file() {
			err = errors.New("it is a file; only a PostgreSQL has connections that could be held")
		}
		if err != nil {
			return fmt.Errorf("fault %s is done to the database of %s (%s): %w", fault.ID, access.Service, access.URLFrom, err)
		}
	}
	return nil
}

// takeDatabase publishes the port of a database that can be reached.
func (l *layout) takeDatabase(service, variable string, on ground) (none dbAddress, _ error) {
	of := l.service(service)
	if of == nil {
		return none, errors.New("the service does not run here")
	}
	spec, err := of.spec(1, on)
	if err != nil {
		return none, err
	}
	address, err := addressIn(spec.Config.Environment, variable)
	if err != nil {
		return none, err
	}
	if err := address.check(l, on); err != nil {
		return none, err
	}
	if on.process || address.file() {
		return address, nil
	}
	host := l.service(address.url.Hostname())
	if !slices.Contains(host.publish, address.port()) {
		host.publish = append(host.publish, address.port())
	}
	return address, nil
}
