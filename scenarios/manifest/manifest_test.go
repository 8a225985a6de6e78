package manifest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// whole is a manifest with a specification, as JSON.
func whole(spec string) string {
	return `{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "api"}, "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}` + spec + `}}`
}

// wrong are the paths of the problems of a manifest, sorted.
func wrong(problems []Problem) []string {
	var paths []string
	for _, p := range problems {
		steps := make([]string, len(p.Path))
		for i, step := range p.Path {
			steps[i] = fmt.Sprint(step)
		}
		paths = append(paths, strings.Join(steps, "."))
	}
	slices.Sort(paths)
	return paths
}

func TestDefaults(t *testing.T) {
	m, problems := Decode([]byte(whole(`, "maxReplicas": 5`)))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if m.Name != "api" || *m.Spec.MinReplicas != 1 || m.Spec.MaxReplicas != 5 || m.Spec.Behavior != nil {
		t.Errorf("got %+v", m)
	}
	if len(m.Spec.Metrics) != 1 || m.Spec.Metrics[0].Resource == nil || m.Spec.Metrics[0].Resource.Name != "cpu" || *m.Spec.Metrics[0].Resource.Target.AverageUtilization != 80 {
		t.Errorf("metrics %+v", m.Spec.Metrics)
	}
}

// What rules leave out is filled in direction by direction, once there is a
// behavior at all; the window down stays open, for the controller has its own.
func TestDefaultBehavior(t *testing.T) {
	for behavior, want := range map[string]string{
		`{}`:   "0 Max [Pods 4/15 Percent 100/15], - Max [Percent 100/15]",
		`null`: "none",
		`{"scaleDown": {"stabilizationWindowSeconds": 30}}`:                                   "0 Max [Pods 4/15 Percent 100/15], 30 Max [Percent 100/15]",
		`{"scaleDown": null, "scaleUp": {"selectPolicy": "Disabled"}}`:                        "0 Disabled [Pods 4/15 Percent 100/15], - Max [Percent 100/15]",
		`{"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}`:      "0 Max [Pods 1/60], - Max [Percent 100/15]",
		`{"scaleUp": {"stabilizationWindowSeconds": 10}, "scaleDown": {"tolerance": "0.05"}}`: "10 Max [Pods 4/15 Percent 100/15], - Max [Percent 100/15] 50m",
	} {
		m, problems := Decode([]byte(whole(`, "maxReplicas": 5, "behavior": ` + behavior)))
		if len(problems) > 0 {
			t.Fatal(behavior, problems)
		}
		got := "none"
		if b := m.Spec.Behavior; b != nil {
			got = words(b.ScaleUp) + ", " + words(b.ScaleDown)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", behavior, got, want)
		}
	}
}

func words(r *autoscalingv2.HPAScalingRules) string {
	window, tolerance := "-", ""
	if r.StabilizationWindowSeconds != nil {
		window = fmt.Sprint(*r.StabilizationWindowSeconds)
	}
	if r.Tolerance != nil {
		tolerance = " " + r.Tolerance.String()
	}
	var policies []string
	for _, p := range r.Policies {
		policies = append(policies, fmt.Sprintf("%s %d/%d", p.Type, p.Value, p.PeriodSeconds))
	}
	return fmt.Sprintf("%s %s %v%s", window, *r.SelectPolicy, policies, tolerance)
}

// Two manifests with defaults have nothing in common that one could change in the
// other.
func TestDefaultsAreNotShared(t *testing.T) {
	one, _ := Decode([]byte(whole(`, "maxReplicas": 5, "behavior": {}`)))
	two, _ := Decode([]byte(whole(`, "maxReplicas": 5, "behavior": {}`)))
	one.Spec.Behavior.ScaleUp.Policies[0].Value = 99
	*one.Spec.Behavior.ScaleUp.SelectPolicy = "Min"
	*one.Spec.MinReplicas = 3
	*one.Spec.Metrics[0].Resource.Target.AverageUtilization = 1
	again, _ := Decode([]byte(whole(`, "maxReplicas": 5, "behavior": {}`)))
	if !reflect.DeepEqual(two, again) {
		t.Errorf("%+v is not %+v", two, again)
	}
}

// What upstream refuses is refused, at the place of the mistake, and what it
// takes is taken.
func TestValidation(t *testing.T) {
	metric := func(text string) string { return `, "maxReplicas": 5, "metrics": [` + text + `]` }
	up := func(text string) string { return `, "maxReplicas": 5, "behavior": {"scaleUp": ` + text + `}` }
	cpu := func(target string) string {
		return metric(`{"type": "Resource", "resource": {"name": "cpu", "target": ` + target + `}}`)
	}
	object := func(target string) string {
		return metric(`{"type": "Object", "object": {"describedObject": {"apiVersion": "v1/b", "kind": "Ingress", "name": "a"}, "metric": {"name": "m"}, "target": ` + target + `}}`)
	}
	const external = `{"type": "External", "external": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "1"}}}`
	for spec, want := range map[string]string{
		`, "maxReplicas": 1`:                    "",
		``:                                      "spec.maxReplicas",
		`, "maxReplicas": 0`:                    "spec.maxReplicas",
		`, "maxReplicas": -1`:                   "spec.maxReplicas",
		`, "maxReplicas": 3, "minReplicas": 3`:  "",
		`, "maxReplicas": 3, "minReplicas": 4`:  "spec.maxReplicas",
		`, "maxReplicas": 3, "minReplicas": -1`: "spec.minReplicas",
		`, "maxReplicas": 3, "minReplicas": 0`:  "spec.minReplicas",
		`, "minReplicas": 0` + metric(external): "spec.minReplicas", // the gate HPAScaleToZero is off
		metric(external):                        "",
		cpu(`{"type": "Utilization", "averageUtilization": 1}`):                                   "",
		cpu(`{"type": "Utilization", "averageUtilization": 0}`):                                   "spec.metrics.0.resource.target.averageUtilization",
		cpu(`{"type": "AverageValue", "averageValue": "1m"}`):                                     "",
		cpu(`{"type": "AverageValue", "averageValue": "0"}`):                                      "spec.metrics.0.resource.target.averageValue",
		cpu(`{"type": "AverageValue", "averageValue": "-1"}`):                                     "spec.metrics.0.resource.target.averageValue",
		cpu(`{"type": "Value", "value": "1"}`):                                                    "spec.metrics.0.resource.target.averageUtilization",
		cpu(`{"averageUtilization": 50}`):                                                         "spec.metrics.0.resource.target.type",
		cpu(`{"type": "Utilization", "averageUtilization": 50, "averageValue": "1"}`):             "spec.metrics.0.resource.target.averageValue",
		object(`{"type": "Value", "value": "5"}`):                                                 "",
		object(`{"type": "Value", "value": "5", "averageValue": "5"}`):                            "", // as upstream
		object(`{"type": "Value"}`):                                                               "spec.metrics.0.object.target.averageValue",
		metric(strings.Replace(external, `"value": "1"`, `"value": "1", "averageValue": "1"`, 1)): "spec.metrics.0.external.target.value",
		metric(strings.Replace(external, `"value": "1"`, `"value": "0"`, 1)):                      "spec.metrics.0.external.target.value",
		metric(`{"type": "Object", "object": {"describedObject": {"apiVersion": "v1", "kind": "Service", "name": "a"}, "metric": {"name": "m"}, "target": {"type": "Value", "value": 1}}}`): "", // of the core group
		// of several sources the first is looked into, and those that are not of the type are too many
		metric(`{"type": "External", "resource": {"name": ""}, ` + external[len(`{"type": "External", `):]): "spec.metrics.0.resource",
		metric(`{"type": "Pods", "resource": {"name": "cpu", "target": {}}}`):                               "spec.metrics.0.pods spec.metrics.0.resource.target.averageUtilization spec.metrics.0.resource.target.type",
		metric(`{"type": "Resource"}`): "spec.metrics.0.resource",
		metric(`{}`):                   "spec.metrics.0.type",
		metric(`{"type": "Pods", "pods": {"metric": {"name": "a/b"}, "target": {"type": "AverageValue", "averageValue": 5}}}`):                                           "spec.metrics.0.pods.metric.name",
		metric(`{"type": "Pods", "pods": {"metric": {}, "target": {"type": "Value", "value": 5}}}`):                                                                      "spec.metrics.0.pods.metric.name spec.metrics.0.pods.target.averageValue",
		metric(`{"type": "ContainerResource", "containerResource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 5}}}`):                        "spec.metrics.0.containerResource.container",
		metric(`{"type": "ContainerResource", "containerResource": {"name": "memory", "container": "A b", "target": {"type": "Utilization", "averageUtilization": 5}}}`): "spec.metrics.0.containerResource.container",
		up(`{"stabilizationWindowSeconds": 3600}`):                                "",
		up(`{"stabilizationWindowSeconds": 3601}`):                                "spec.behavior.scaleUp.stabilizationWindowSeconds",
		up(`{"stabilizationWindowSeconds": -1}`):                                  "spec.behavior.scaleUp.stabilizationWindowSeconds",
		up(`{"policies": []}`):                                                    "spec.behavior.scaleUp.policies",
		up(`{"selectPolicy": "max"}`):                                             "spec.behavior.scaleUp.selectPolicy",
		up(`{"tolerance": 0}`):                                                    "",
		up(`{"tolerance": "-1m"}`):                                                "spec.behavior.scaleUp.tolerance",
		up(`{"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1800}]}`): "",
		up(`{"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1801}]}`): "spec.behavior.scaleUp.policies.0.periodSeconds",
		up(`{"policies": [{"type": "Pods", "value": 1, "periodSeconds": 0}]}`):    "spec.behavior.scaleUp.policies.0.periodSeconds",
		up(`{"policies": [{"type": "Pods", "value": 0, "periodSeconds": 1}]}`):    "spec.behavior.scaleUp.policies.0.value",
		up(`{"policies": [{"type": "pods", "value": 1, "periodSeconds": 1}]}`):    "spec.behavior.scaleUp.policies.0.type",
	} {
		m, problems := Decode([]byte(whole(spec)))
		if got := strings.Join(wrong(problems), " "); got != want || (m == nil) != (want != "") {
			t.Errorf("%s: problems with %q, want %q", spec, got, want)
		}
	}
}

func TestReferences(t *testing.T) {
	for ref, want := range map[string]string{
		`{"apiVersion": "apps/v1", "kind": "Deployment", "name": "a.b"}`:         "",
		`{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "a"}`: "",
		`{"apiVersion": "v1", "kind": "ReplicationController", "name": "a"}`:     "",
		`{"kind": "ReplicationController", "name": "a"}`:                         "",
		`{"apiVersion": "v1", "kind": "Deployment", "name": "a"}`:                "spec.scaleTargetRef.apiVersion",
		`{"kind": "Deployment", "name": "a"}`:                                    "spec.scaleTargetRef.apiVersion",
		`{"apiVersion": "a/b/c", "kind": "Deployment", "name": "a"}`:             "spec.scaleTargetRef.apiVersion",
		`{"apiVersion": "apps/v1"}`:                                              "spec.scaleTargetRef.kind spec.scaleTargetRef.name",
		`{"apiVersion": "apps/v1", "kind": "Deployment", "name": "a/b"}`:         "spec.scaleTargetRef.name",
		`{"apiVersion": "apps/v1", "kind": "Deployment", "name": ".."}`:          "spec.scaleTargetRef.name",
	} {
		_, problems := Decode([]byte(`{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "api"}, "spec": {"maxReplicas": 2, "scaleTargetRef": ` + ref + `}}`))
		if got := strings.Join(wrong(problems), " "); got != want {
			t.Errorf("%s: problems with %q, want %q", ref, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for metadata, right := range map[string]bool{
		`{"name": "api"}`: true, `{"name": "a.b-c"}`: true, `{"generateName": "api-"}`: true, `{"name": "api", "namespace": "shop", "labels": {"a": "b"}}`: true,
		`{"generateName": "` + strings.Repeat("a", 250) + `"}`: true, `{"name": "api", "generation": -1}`: true,
		`{}`: false, `{"name": "Api"}`: false, `{"name": "-a"}`: false, `{"name": "` + strings.Repeat("a", 254) + `"}`: false,
	} {
		_, problems := Decode([]byte(strings.Replace(whole(`, "maxReplicas": 2`), `{"name": "api"}`, metadata, 1)))
		if got := wrong(problems); (len(got) == 0) != right || !right && got[0] != "metadata.name" {
			t.Errorf("%s: problems with %v", metadata, got)
		}
	}
}

// The rest of the metadata is judged too: labels that a cluster refuses are
// refused, at the place that upstream's error names.
func TestMetadata(t *testing.T) {
	for metadata, want := range map[string]string{
		`"labels": {"app.kubernetes.io/name": "api"}, "annotations": {"a/b": "any text at all"}`: "",
		`"labels": {"a b": "c"}`:                       "metadata.labels",
		`"labels": {"a": "b c"}`:                       "metadata.labels",
		`"annotations": {"a b": ""}`:                   "metadata.annotations",
		`"namespace": "a.b"`:                           "metadata.namespace",
		`"generateName": "A"`:                          "metadata.generateName",
		`"ownerReferences": [{"apiVersion": "v1"}]`:    "metadata.ownerReferences.0.kind metadata.ownerReferences.0.name metadata.ownerReferences.0.uid",
		`"ownerReferences": [{"apiVersion": "a/b/c"}]`: "metadata.ownerReferences.0.apiVersion metadata.ownerReferences.0.kind metadata.ownerReferences.0.name metadata.ownerReferences.0.uid",
	} {
		_, problems := Decode([]byte(strings.Replace(whole(`, "maxReplicas": 2`), `"name": "api"`, `"name": "api", `+metadata, 1)))
		if got := strings.Join(wrong(problems), " "); got != want {
			t.Errorf("%s: problems with %q, want %q: %+v", metadata, got, want, problems)
		}
		for _, p := range problems {
			if p.Message == "" || p.Suggestion == "" {
				t.Errorf("%s: incomplete: %+v", metadata, p)
			}
		}
	}
}

func TestOfAnotherType(t *testing.T) {
	for text, want := range map[string]string{
		`[]`: "", `"a"`: "", `{`: "", `{} {}`: "", `{}`: "kind", `{"kind": "Deployment"}`: "kind", `{"kind": 3}`: "kind",
		`{"kind": "List", "apiVersion": "v1", "items": []}`:                       "kind",
		`{"kind": "HorizontalPodAutoscalerList", "apiVersion": "autoscaling/v2"}`: "kind",
		`{"kind": "HorizontalPodAutoscaler"}`:                                     "apiVersion",
		`{"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v1"}`:     "apiVersion",
		`{"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v10"}`:    "apiVersion",
	} {
		m, problems := Decode([]byte(text))
		if m != nil || len(problems) != 1 || strings.Join(wrong(problems), "") != want || problems[0].Suggestion == "" {
			t.Errorf("%s: %+v", text, problems)
		}
	}
}

// All that has the wrong type is found, and what only follows from it is not
// reported as well.
func TestStrict(t *testing.T) {
	for spec, want := range map[string]string{
		`, "maxReplica": 5`:                                 "spec.maxReplica",
		`, "maxreplicas": 5`:                                "spec.maxreplicas", // case counts
		`, "maxReplicas": 5.5, "minReplicas": "1"`:          "spec.maxReplicas spec.minReplicas",
		`, "maxReplicas": 3000000000`:                       "spec.maxReplicas",
		`, "maxReplicas": true`:                             "spec.maxReplicas",
		`, "maxReplicas": 5, "metrics": {}`:                 "spec.metrics",
		`, "maxReplicas": 5, "metrics": ["a", {"type": 5}]`: "spec.metrics.0 spec.metrics.1.type",
		`, "maxReplicas": 5, "metrics": null`:               "",
		`, "maxReplicas": 5, "behavior": []`:                "spec.behavior",
		`, "maxReplicas": 5, "behavior": {"scaleUp": {"tolerance": "some", "policies": []}}`:            "spec.behavior.scaleUp.tolerance",
		`, "maxReplicas": 5, "behavior": {"scaleUp": {"tolerance": {}}, "scaleDown": {"policies": []}}`: "spec.behavior.scaleDown.policies spec.behavior.scaleUp.tolerance",
	} {
		m, problems := Decode([]byte(whole(spec)))
		if got := strings.Join(wrong(problems), " "); got != want {
			t.Errorf("%s: problems with %q, want %q: %+v", spec, got, want, problems)
		}
		if m != nil && len(problems) > 0 {
			t.Errorf("%s: a manifest and problems", spec)
		}
		for _, p := range problems {
			if p.Suggestion == "" && !p.Key { // what is known is suggested by whoever has the text
				t.Errorf("%s: nothing to do about %+v", spec, p)
			}
		}
	}
	if _, problems := Decode([]byte(whole(`, "maxReplicas": 5, "maxReplicas": 6`))); len(problems) != 1 || !strings.Contains(problems[0].Message, "duplicate field") {
		t.Errorf("a field that is given twice: %+v", problems)
	}
}

// FuzzDecode holds what must be true of any text: an answer without a panic; a
// manifest that is taken is within the limits, and taken again, unchanged, when
// it is written and read; and nothing is left for the decoder to find that could
// not be pointed at, but for repeated fields.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		whole(`, "maxReplicas": 5`),
		whole(`, "maxReplicas": 5, "minReplicas": 0, "metrics": [{"type": "External", "external": {"metric": {"name": "m", "selector": {"matchLabels": {"a": "b"}}}, "target": {"type": "Value", "value": "1"}}}]`),
		whole(`, "maxReplicas": 5, "behavior": {"scaleUp": {"tolerance": 0.05, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 9}]}}`),
		whole(`, "metrics": [{"type": "Pods", "pods": {"metric": {"name": 5}, "target": {"averageValue": "x"}}}, 5]`),
		whole(`, "maxReplicas": 2}, "status": {"lastScaleTime": "2026-01-01T00:00:00Z", "conditions": [{"type": "a", "status": "True"}]`),
		`{"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2", "metadata": {"managedFields": [{"fieldsV1": {"a": 1}}], "creationTimestamp": 5}}`,
		`[`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, problems := Decode(text)
		if (m == nil) != (len(problems) > 0) {
			t.Fatalf("%+v with problems %+v", m, problems)
		}
		if m == nil {
			checkProblems(t, problems)
			return
		}
		if m.Spec.MaxReplicas < 1 || *m.Spec.MinReplicas < 1 || *m.Spec.MinReplicas > m.Spec.MaxReplicas || len(m.Spec.Metrics) == 0 {
			t.Fatalf("taken: %+v", m.Spec)
		}
		spec, err := json.Marshal(m.Spec)
		if err != nil {
			t.Fatal(err)
		}
		again, problems := Decode([]byte(`{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "again"}, "spec": ` + string(spec) + `}`))
		if len(problems) > 0 {
			t.Fatalf("refused when it was read back: %+v", problems)
		}
		if second, _ := json.Marshal(again.Spec); string(second) != string(spec) {
			t.Fatalf("changed:\n%s\n%s", spec, second)
		}
	})
}

func checkProblems(t *testing.T, problems []Problem) {
	t.Helper()
	for _, p := range problems {
		message := p.Message
		if message == "" || strings.ContainsAny(message, "\n") && len(p.Path) > 0 {
			t.Fatalf("incomplete: %+v", p)
		}
		unplaced := len(p.Path) == 0 && !strings.Contains(message, "is no manifest") && !strings.Contains(message, "not valid JSON") && !strings.Contains(message, "something follows")
		if unplaced && !strings.Contains(message, "duplicate field") {
			t.Fatalf("nobody can point at it: %+v", p)
		}
	}
}
