// Package scaffold writes a first scenario for a compose project: it finds out which
// services take requests, where, and when they are ready, and says of everything that it
// could not find out that it is assumed.
package scaffold

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/harness/stack"
)

// A Service is what a compose project tells of one of its services.
type Service struct {
	Name string
	// Data says what holds state and is not driven: "a database", "a cache"; "" for
	// what is of the team's own.
	Data string
	// Ports are the container ports that may speak HTTP, the likeliest first.
	Ports []int
	// Ready is the path that the healthcheck asks, "" where it asks none; Asked is its
	// port, 0 where it names none.
	Ready string
	Asked int
	// Grace is the stop_grace_period as compose has it, "" when not set.
	Grace    string
	Replicas int
}

// Detect looks at the services of a project, in order of name.
func Detect(project *stack.Project) []Service {
	info := project.Info()
	var all []Service
	for name, config := range project.Compose().Services {
		known := info.Services[name]
		s := Service{Name: name, Data: dataService(config), Replicas: known.Replicas, Ports: likely(known.Ports)}
		s.Ready, s.Asked = probeOf(config)
		if known.StopGrace > 0 {
			s.Grace = known.StopGrace.String()
		}
		if x := known.Extension; x != nil {
			if x.Port > 0 {
				s.Ports = append([]int{x.Port}, slices.DeleteFunc(s.Ports, func(p int) bool { return p == x.Port })...)
			}
			if x.Ready != nil && x.Ready.Path != "" {
				s.Ready = x.Ready.Path
			}
		}
		if s.Asked > 0 && slices.Contains(s.Ports, s.Asked) && (known.Extension == nil || known.Extension.Port == 0) {
			s.Ports = append([]int{s.Asked}, slices.DeleteFunc(s.Ports, func(p int) bool { return p == s.Asked })...)
		}
		if s.Data == "" && len(known.Ports) > 0 && len(s.Ports) == 0 {
			s.Data = "not a service over HTTP, by its ports"
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Service) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// images are the last parts of the names of images that hold state, and what they are.
var images = map[string][]string{
	"a database": {"postgres", "postgresql", "postgis", "timescaledb", "timescaledb-ha", "pgvector", "mysql", "mysql-server", "mariadb", "percona",
		"percona-server", "mongo", "mongodb", "cockroach", "clickhouse-server", "clickhouse", "cassandra", "scylla", "neo4j", "couchdb", "influxdb"},
	"a cache":         {"redis", "redis-stack", "redis-stack-server", "valkey", "keydb", "dragonfly", "memcached"},
	"a queue":         {"rabbitmq", "nats", "kafka", "cp-kafka", "redpanda", "zookeeper", "cp-zookeeper", "activemq-classic", "pulsar"},
	"a search engine": {"elasticsearch", "opensearch", "meilisearch", "typesense", "solr"},
	"a store":         {"minio", "etcd", "consul", "vault", "localstack"},
	"no part of the product": {"prometheus", "grafana", "jaeger", "all-in-one", "opentelemetry-collector", "opentelemetry-collector-contrib",
		"loki", "tempo", "mailhog", "mailpit", "adminer", "pgadmin4", "phpmyadmin", "redis-commander"},
}

// dataService says what holds state, by the name of its image, or of itself where it is
// built from nothing of the team's.
func dataService(config types.ServiceConfig) string {
	name := imageName(config.Image)
	if name == "" && config.Build == nil {
		name = config.Name
	}
	for what, names := range images {
		if slices.Contains(names, name) {
			return what
		}
	}
	return ""
}

// imageName is the last part of an image's name, without tag and digest.
func imageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	name, _, _ := strings.Cut(path.Base(image), ":")
	return strings.TrimSuffix(name, ".")
}

// spoken are ports that usually speak something else than HTTP.
var spoken = []int{22, 25, 53, 443, 465, 587, 1433, 1521, 1025, 2181, 2379, 3306, 4222, 5432, 5672, 6379, 8443, 9042, 9092, 9229, 11211, 26257, 27017}

// usual are those that usually do, the likeliest first.
var usual = []int{80, 8080, 8000, 3000, 5000}

// likely leaves the ports that may speak HTTP, the likeliest first.
func likely(ports []int) []int {
	rank := func(p int) int {
		if i := slices.Index(usual, p); i >= 0 {
			return i
		}
		return len(usual)
	}
	ports = slices.DeleteFunc(slices.Clone(ports), func(p int) bool { return slices.Contains(spoken, p) })
	slices.SortStableFunc(ports, func(a, b int) int { return cmp.Compare(rank(a), rank(b)) })
	return ports
}

// asked finds what a healthcheck asks of its own container.
var asked = regexp.MustCompile(`(?:(https?)://|[\s"'(])(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|\$?\{?HOSTNAME\}?)(?::(\d{1,5}))?(/[^\s"'|;)&?#$]*)?`)

// probeOf is the path, and the port, that a service's healthcheck asks over HTTP.
func probeOf(config types.ServiceConfig) (path string, port int) {
	if config.HealthCheck == nil || config.HealthCheck.Disable || len(config.HealthCheck.Test) == 0 || config.HealthCheck.Test[0] == "NONE" {
		return "", 0
	}
	test := strings.Join(config.HealthCheck.Test, " ")
	found := asked.FindStringSubmatch(test)
	if found == nil || found[1] == "https" {
		return "", 0
	}
	port, _ = strconv.Atoi(found[2])
	if path = found[3]; path == "" && (found[1] == "http" || strings.Contains(test, "curl") || strings.Contains(test, "wget")) {
		path = "/"
	}
	return path, port
}
