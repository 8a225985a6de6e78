package compose_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/goccy/go-yaml"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/json"
)

// manifest reads a file of k8s/ as strictly as a cluster does that is asked to:
// with fields of its kind and nothing else.
func manifest[T any](t *testing.T, file string) T {
	t.Helper()
	var object T
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	converted, err := yaml.YAMLToJSON(content)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	strict, err := json.UnmarshalStrict(converted, &object)
	if err := errors.Join(append(strict, err)...); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return object
}

// manifests reads all files of k8s/ whose names match, by their names.
func manifests[T any](t *testing.T, pattern string, least int) map[string]T {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("k8s", pattern))
	if err != nil || len(files) < least {
		t.Fatalf("k8s/%s: %v, %v; want %d at least", pattern, files, err, least)
	}
	all := map[string]T{}
	for _, file := range files {
		all[filepath.Base(file)] = manifest[T](t, file)
	}
	return all
}

// A cluster runs what compose runs: one definition of each service.
func TestDeploymentsAreTheServices(t *testing.T) {
	services := load(t, "compose.yaml").Services
	for file, d := range manifests[appsv1.Deployment](t, "*-deployment.yaml", 3) {
		t.Run(file, func(t *testing.T) {
			pod := d.Spec.Template.Spec
			s, ok := services[d.Name]
			if !ok || d.Name+"-deployment.yaml" != file || len(pod.Containers) != 1 || pod.Containers[0].Name != d.Name {
				t.Fatalf("%s with %d containers is no service of compose.yaml", d.Name, len(pod.Containers))
			}
			if d.APIVersion != "apps/v1" || d.Kind != "Deployment" || d.Spec.Replicas != nil {
				t.Errorf("%s %s with replicas %v; want a Deployment of apps/v1 that leaves their number to autoscalers", d.APIVersion, d.Kind, d.Spec.Replicas)
			}
			for label, value := range d.Spec.Selector.MatchLabels {
				if d.Spec.Template.Labels[label] != value {
					t.Errorf("the selector's %s=%s is not on the pods", label, value)
				}
			}
			if grace := time.Duration(*s.StopGracePeriod); pod.TerminationGracePeriodSeconds == nil || time.Duration(*pod.TerminationGracePeriodSeconds)*time.Second != grace {
				t.Errorf("terminationGracePeriodSeconds %v, but stop_grace_period %s", pod.TerminationGracePeriodSeconds, grace)
			}
			c := pod.Containers[0]
			if c.Image != s.Image || !slices.Equal(c.Args, s.Command) || len(c.Command) > 0 {
				t.Errorf("%s runs %q %q, compose.yaml %s with %q", c.Image, c.Command, c.Args, s.Image, s.Command)
			}
			checkResources(t, c.Resources, s.Deploy.Resources)
			checkEnvironment(t, c.Env, s)
			checkProbes(t, c, s)
		})
	}
}

func checkResources(t *testing.T, got corev1.ResourceRequirements, want types.Resources) {
	t.Helper()
	for name, pair := range map[string]struct {
		list corev1.ResourceList
		want *types.Resource
	}{"requests": {got.Requests, want.Reservations}, "limits": {got.Limits, want.Limits}} {
		milli, bytes := int64(pair.want.NanoCPUs*1000+.5), int64(pair.want.MemoryBytes)
		if pair.list.Cpu().MilliValue() != milli || pair.list.Memory().Value() != bytes {
			t.Errorf("%s of %s cpu and %s memory, compose.yaml has %dm and %d bytes", name, pair.list.Cpu(), pair.list.Memory(), milli, bytes)
		}
	}
}

// checkEnvironment wants the variables of the compose file, those that hold
// secrets from a Secret, and not those that only rehearsals set.
func checkEnvironment(t *testing.T, got []corev1.EnvVar, s types.ServiceConfig) {
	t.Helper()
	want := maps.Clone(s.Environment)
	delete(want, "ATELIER_DEFECT")
	delete(want, "PRESCALE_WEBHOOK")
	for _, variable := range got {
		value, known := want[variable.Name]
		delete(want, variable.Name)
		secret := variable.ValueFrom != nil && variable.ValueFrom.SecretKeyRef != nil
		switch {
		case !known:
			t.Errorf("%s is not in compose.yaml", variable.Name)
		case variable.Name == "DATABASE_URL" && !secret:
			t.Errorf("%s holds a password and comes from no Secret", variable.Name)
		case !secret && (value == nil || variable.Value != *value):
			t.Errorf("%s is %q, not as compose.yaml has it", variable.Name, variable.Value)
		}
	}
	for name := range want {
		t.Errorf("%s of compose.yaml is missing", name)
	}
}

// checkProbes wants the port that compose exposes, asked for what it asks for.
func checkProbes(t *testing.T, c corev1.Container, s types.ServiceConfig) {
	t.Helper()
	if len(c.Ports) != 1 || !slices.Equal(s.Expose, []string{"8080"}) || c.Ports[0].ContainerPort != 8080 {
		t.Fatalf("ports %v, compose.yaml exposes %v; want 8080", c.Ports, s.Expose)
	}
	if health := s.HealthCheck.Test[len(s.HealthCheck.Test)-1]; health != "http://127.0.0.1:8080/readyz" {
		t.Errorf("the health check asks %s", health)
	}
	for path, probe := range map[string]*corev1.Probe{"/initz": c.StartupProbe, "/readyz": c.ReadinessProbe, "/livez": c.LivenessProbe} {
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != path || probe.HTTPGet.Port.String() != c.Ports[0].Name {
			t.Errorf("no probe asks for %s on the port %s", path, c.Ports[0].Name)
		}
	}
}

// Every Service leads to a port of the pods of its name.
func TestServicesLeadToTheirPods(t *testing.T) {
	for file, s := range manifests[corev1.Service](t, "*-service.yaml", 1) {
		d := manifest[appsv1.Deployment](t, filepath.Join("k8s", s.Name+"-deployment.yaml"))
		if s.APIVersion != "v1" || s.Kind != "Service" || !maps.Equal(s.Spec.Selector, d.Spec.Selector.MatchLabels) {
			t.Errorf("%s selects %v, the pods are %v", file, s.Spec.Selector, d.Spec.Selector.MatchLabels)
		}
		port := d.Spec.Template.Spec.Containers[0].Ports[0]
		if len(s.Spec.Ports) != 1 || s.Spec.Ports[0].TargetPort.String() != port.Name || s.Spec.Ports[0].Port != port.ContainerPort {
			t.Errorf("%s has the ports %v, the pods %v", file, s.Spec.Ports, port)
		}
	}
}

// Every autoscaler scales a Deployment that there is, on what it can know of it.
func TestAutoscalersScaleWhatThereIs(t *testing.T) {
	metrics := map[string]bool{}
	for file, hpa := range manifests[autoscalingv2.HorizontalPodAutoscaler](t, "*-hpa*.yaml", 6) {
		target := hpa.Spec.ScaleTargetRef
		if hpa.APIVersion != "autoscaling/v2" || hpa.Kind != "HorizontalPodAutoscaler" || !strings.HasPrefix(file, target.Name+"-hpa") || hpa.Name != target.Name {
			t.Errorf("%s: %s %s of %s", file, hpa.APIVersion, hpa.Kind, target.Name)
		}
		d := manifest[appsv1.Deployment](t, filepath.Join("k8s", target.Name+"-deployment.yaml"))
		if target.APIVersion != d.APIVersion || target.Kind != d.Kind {
			t.Errorf("%s scales a %s of %s", file, target.Kind, target.APIVersion)
		}
		if least := hpa.Spec.MinReplicas; least == nil || *least < 1 || *least > hpa.Spec.MaxReplicas {
			t.Errorf("%s: at least %v and at most %d instances", file, least, hpa.Spec.MaxReplicas)
		}
		if len(hpa.Spec.Metrics) != 1 {
			t.Errorf("%s has %d metrics", file, len(hpa.Spec.Metrics))
			continue
		}
		switch m := hpa.Spec.Metrics[0]; m.Type {
		case autoscalingv2.ResourceMetricSourceType:
			if d.Spec.Template.Spec.Containers[0].Resources.Requests.Cpu().IsZero() || m.Resource.Target.AverageUtilization == nil {
				t.Errorf("%s wants a share of CPU that nobody requests", file)
			}
			metrics[string(m.Resource.Name)] = true
		case autoscalingv2.PodsMetricSourceType:
			metrics[m.Pods.Metric.Name] = m.Pods.Target.AverageValue.Sign() > 0
		case autoscalingv2.ExternalMetricSourceType:
			metrics[m.External.Metric.Name] = m.External.Target.AverageValue.Sign() > 0
		}
	}
	want := map[string]bool{"cpu": true, "http_requests_per_second": true, "queue_depth": true}
	if !maps.Equal(metrics, want) {
		t.Errorf("scaled on %v, want %v", metrics, want)
	}
}
