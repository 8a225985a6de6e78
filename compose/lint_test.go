package compose_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/compose"
)

// configuration is what environments may change, as paths into a service. What
// rehearsals see of a service is among them, but not what program it runs.
var configuration = []string{
	"deploy.replicas", "deploy.resources", "scale", "environment", "depends_on", "ports",
	"x-shakedown.port", "x-shakedown.ready", "x-shakedown.initialized", "x-shakedown.drain",
}

func TestEnvironmentsAreOneStack(t *testing.T) {
	base := load(t, "compose.yaml")
	for _, file := range environments(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			for _, drift := range drift(t, base, load(t, "compose.yaml", file)) {
				t.Errorf("%s changes %s; environments may change only %s", file, drift, strings.Join(configuration, ", "))
			}
		})
	}
}

// environments lists the files of all environments.
func environments(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("environments/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("environments: %v, %v; want dev, staging, prod and rehearsal", files, err)
	}
	return files
}

func TestDriftingEnvironmentIsCaught(t *testing.T) {
	got := drift(t, load(t, "compose.yaml"), load(t, "compose.yaml", "testdata/drifting.yaml"))
	want := []string{"services.api.image", "services.api.stop_grace_period", "services.debugger", "services.redis.volumes", "services.worker.command", "services.worker.x-shakedown"}
	if !slices.Equal(got, want) {
		t.Errorf("drift = %q, want %q", got, want)
	}
}

func TestEveryServiceIsLimitedProbedAndStoppable(t *testing.T) {
	for _, environment := range append(environments(t), "") {
		files := slices.DeleteFunc([]string{"compose.yaml", environment}, func(f string) bool { return f == "" })
		for name, s := range load(t, files...).Services {
			switch {
			case s.Deploy == nil || s.Deploy.Resources.Limits == nil || s.Deploy.Resources.Limits.NanoCPUs == 0 || s.Deploy.Resources.Limits.MemoryBytes == 0:
				t.Errorf("%s in %v has no limit on CPU and memory", name, files)
			case s.HealthCheck == nil || len(s.HealthCheck.Test) == 0 || s.HealthCheck.Test[0] == "CMD-SHELL":
				t.Errorf("%s in %v has no health check that runs without a shell", name, files)
			case s.StopGracePeriod == nil:
				t.Errorf("%s in %v leaves its grace period to the platform's default", name, files)
			}
		}
	}
}

// What a drain takes fits into the grace period, which is the one that the
// compose file gives.
func TestDrainsFitIntoTheirGracePeriods(t *testing.T) {
	for _, file := range environments(t) {
		drains := 0
		for name, s := range load(t, "compose.yaml", file).Services {
			role, _ := s.Extensions["x-shakedown"].(map[string]any)
			drain, _ := role["drain"].(map[string]any)
			if role["port"] != nil && drain == nil {
				t.Errorf("%s with %s has a port and says nothing about its drain", name, file)
			}
			if drain == nil {
				continue
			}
			drains++
			preStop, grace, takes := length(t, drain["pre_stop"]), length(t, drain["grace"]), length(t, drain["takes"])
			if takes == 0 || preStop+takes > grace {
				t.Errorf("%s with %s: pre_stop %s and takes %s in a grace period of %s", name, file, preStop, takes, grace)
			}
			if grace != time.Duration(*s.StopGracePeriod) {
				t.Errorf("%s with %s: grace %s, but stop_grace_period %s", name, file, grace, s.StopGracePeriod)
			}
		}
		if drains < 4 {
			t.Errorf("%d services with %s say what their drain takes, want web, api, importer and worker", drains, file)
		}
	}
}

// What autoscalers count use against is there, and never more than the limit.
func TestReservationsFitIntoTheLimits(t *testing.T) {
	for _, file := range environments(t) {
		for name, s := range load(t, "compose.yaml", file).Services {
			limits, reserved := s.Deploy.Resources.Limits, s.Deploy.Resources.Reservations
			if reserved == nil {
				if slices.Contains([]string{"api", "importer", "worker"}, name) {
					t.Errorf("%s with %s reserves nothing", name, file)
				}
				continue
			}
			if reserved.NanoCPUs <= 0 || reserved.NanoCPUs > limits.NanoCPUs || reserved.MemoryBytes <= 0 || reserved.MemoryBytes > limits.MemoryBytes {
				t.Errorf("%s with %s reserves %g cpus and %d bytes of %g and %d", name, file, reserved.NanoCPUs, reserved.MemoryBytes, limits.NanoCPUs, limits.MemoryBytes)
			}
		}
	}
}

// length reads a duration; none is 0.
func length(t *testing.T, value any) time.Duration {
	t.Helper()
	if value == nil {
		return 0
	}
	d, err := time.ParseDuration(fmt.Sprint(value))
	if err != nil {
		t.Error(err)
	}
	return d
}

// In rehearsals the bank is somebody else's service with a gateway: it keeps
// what compose.yaml says of it besides.
func TestRehearsalAddsAGatewayToPayments(t *testing.T) {
	services := load(t, "compose.yaml", "environments/rehearsal.yaml").Services
	role, _ := services["payments"].Extensions["x-shakedown"].(map[string]any)
	process, _ := role["process"].(map[string]any)
	if fmt.Sprint(role["port"]) != "8080" || role["ready"] != "/readyz" || fmt.Sprint(process["command"]) != "[atelier payments]" {
		t.Errorf("x-shakedown of payments = %v", role)
	}
	for name, replicas := range map[string]int{"api": 2, "importer": 2, "worker": 1} {
		if s := services[name]; s.Deploy.Replicas == nil || *s.Deploy.Replicas != replicas {
			t.Errorf("%s does not run %d times", name, replicas)
		}
		if role, _ := services[name].Extensions["x-shakedown"].(map[string]any); (role["port"] != nil) != (name == "api") {
			t.Errorf("%s has the port %v", name, role["port"])
		}
	}
	for _, name := range []string{"importer", "worker"} {
		if lease := services[name].Environment["ATELIER_LEASE"]; lease == nil || *lease != "2s" {
			t.Errorf("lease of %s = %v, want 2s", name, lease)
		}
	}
}

// Values of variables that are not named are left out of reports.
func TestSettingsAreNoSecrets(t *testing.T) {
	for _, file := range environments(t) {
		for name, s := range load(t, "compose.yaml", file).Services {
			role, _ := s.Extensions["x-shakedown"].(map[string]any)
			public := fmt.Sprint(role["public_env"])
			for variable := range s.Environment {
				if variable == "ATELIER_PURGE_TOKEN" {
					continue // it is one
				}
				if (strings.HasPrefix(variable, "ATELIER_") || strings.HasPrefix(variable, "PRESCALE_")) && !strings.Contains(public, variable) {
					t.Errorf("%s with %s: %s is not in public_env", name, file, variable)
				}
			}
		}
	}
}

func TestPortsArePublishedOnlyInDevAndOnLoopback(t *testing.T) {
	for _, environment := range []string{"staging", "prod", "rehearsal", "dev"} {
		published := 0
		for name, s := range load(t, "compose.yaml", "environments/"+environment+".yaml").Services {
			for _, port := range s.Ports {
				published++
				if port.HostIP != "127.0.0.1" {
					t.Errorf("%s publishes %d of %s on %q, want 127.0.0.1", environment, port.Target, name, port.HostIP)
				}
			}
		}
		if (published > 0) != (environment == "dev") {
			t.Errorf("%s publishes %d ports", environment, published)
		}
	}
}

func TestDefectReachesTheServicesUnderTest(t *testing.T) {
	t.Setenv("ATELIER_DEFECT", "ready-early")
	project := load(t, "compose.yaml")
	for _, name := range []string{"web", "api", "importer", "worker"} {
		if v := project.Services[name].Environment["ATELIER_DEFECT"]; v == nil || *v != "ready-early" {
			t.Errorf("ATELIER_DEFECT of %s = %v, want ready-early", name, v)
		}
	}
}

// Sessions are announced where somebody asks for it, and nowhere else.
func TestPrescaleWebhookReachesTheAPI(t *testing.T) {
	const address = "http://api:9199/v1/sessions"
	for _, set := range []string{"", address} {
		loaded, err := project(t, []string{"PRESCALE_WEBHOOK=" + set}, "compose.yaml")
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range loaded.Services {
			if v := s.Environment["PRESCALE_WEBHOOK"]; (v != nil) != (name == "api") || v != nil && *v != set {
				t.Errorf("PRESCALE_WEBHOOK of %s = %v, want %q for the api alone", name, v, set)
			}
		}
	}
}

func TestProductionHasNoDefaultPassword(t *testing.T) {
	_, err := project(t, nil, "compose.yaml", "environments/prod.yaml")
	if err == nil || !strings.Contains(err.Error(), "set POSTGRES_PASSWORD") {
		t.Errorf("prod without POSTGRES_PASSWORD: %v, want to be told to set it", err)
	}
}

func TestMaterializedStackIsTheSame(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stack")
	for range 2 { // the second time over the first
		if err := compose.Materialize(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"compose.yaml", "environments/prod.yaml", "environments/tight.yaml", "k8s/api-hpa.yaml", "k8s/worker-deployment.yaml", "alerts/payments.yaml", "alerts/defects/alert-missing.yaml", "images/build", "images/postgres/entrypoint", "images/atelier/Dockerfile"} {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s differs after Materialize (%v)", file, err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "images/build"))
	if err != nil || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("images/build is not executable: %v, %v", info, err)
	}
}

// load merges compose files as every compose command does.
func load(t *testing.T, files ...string) *types.Project {
	t.Helper()
	loaded, err := project(t, []string{"POSTGRES_PASSWORD=secret", "ATELIER_DEFECT=" + os.Getenv("ATELIER_DEFECT")}, files...)
	if err != nil {
		t.Fatalf("load %v: %v", files, err)
	}
	return loaded
}

func project(t *testing.T, environment []string, files ...string) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions(files, cli.WithName("atelier"), cli.WithEnv(environment))
	if err != nil {
		t.Fatalf("load %v: %v", files, err)
	}
	return options.LoadProject(t.Context())
}

// drift lists what differs between two projects beyond configuration, as
// sorted paths.
func drift(t *testing.T, a, b *types.Project) []string {
	t.Helper()
	var found []string
	for name := range maps.Keys(union(a.Services, b.Services)) {
		left, inA := a.Services[name]
		right, inB := b.Services[name]
		if !inA || !inB {
			found = append(found, "services."+name)
			continue
		}
		found = append(found, differences("services."+name, definition(t, left), definition(t, right))...)
	}
	found = append(found, differences("volumes", generic(t, a.Volumes), generic(t, b.Volumes))...)
	found = append(found, differences("networks", generic(t, a.Networks), generic(t, b.Networks))...)
	slices.Sort(found)
	return found
}

// definition is a service without its configuration.
func definition(t *testing.T, s types.ServiceConfig) map[string]any {
	t.Helper()
	all := generic(t, s)
	if role, ok := s.Extensions["x-shakedown"]; ok { // not in the JSON of a service
		all["x-shakedown"] = generic(t, role)
	}
	for _, path := range configuration {
		parent, keys := all, strings.Split(path, ".")
		for _, key := range keys[:len(keys)-1] {
			parent, _ = parent[key].(map[string]any)
		}
		delete(parent, keys[len(keys)-1])
	}
	return all
}

func differences(path string, a, b map[string]any) []string {
	var found []string
	for key := range maps.Keys(union(a, b)) {
		if !reflect.DeepEqual(a[key], b[key]) {
			found = append(found, path+"."+key)
		}
	}
	return found
}

func union[V any](a, b map[string]V) map[string]V {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]V{}
	}
	maps.Copy(all, b)
	return all
}

func generic(t *testing.T, v any) map[string]any {
	t.Helper()
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(fmt.Errorf("encode: %w", err))
	}
	var decoded map[string]any
	if err := json.Unmarshal(encoded, &decoded); err != nil {
		t.Fatal(fmt.Errorf("decode: %w", err))
	}
	return decoded
}
