package oracle

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/autoscaling"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	"k8s.io/kubernetes/pkg/registry/autoscaling/horizontalpodautoscaler"

	"github.com/shakedown-dev/shakedown/scenarios/manifest"
)

var manifests = flag.Int("manifests", 40000, "how many random manifests")

// A reading of a manifest is what an API server makes of it, or our package: a
// specification, or the paths of what is refused.
type reading struct {
	spec *autoscalingv2.HorizontalPodAutoscalerSpec
	// unreadable: a value has the wrong type. The API server tells no more than that.
	unreadable error
	// unknown are fields that there are not, wrong what is refused otherwise, own
	// what a rehearsal refuses and a cluster need not.
	unknown, wrong, own []string
}

func (r reading) accepted() bool { return r.spec != nil }

var unknownField = regexp.MustCompile(`unknown field "([^"]*)"`)

// asAPIServer reads a manifest as the API server does that is asked to create it
// (kubectl's default, strict): decode, default, prepare, validate.
func asAPIServer(t *testing.T, text []byte) reading {
	t.Helper()
	decoder := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDecoder()
	object, _, err := decoder.Decode(text, nil, nil)
	var r reading
	if err != nil {
		mistakes, ok := runtime.AsStrictDecodingError(err)
		if !ok {
			r.unreadable = err
			return r
		}
		for _, one := range mistakes.Errors() {
			if found := unknownField.FindStringSubmatch(one.Error()); found != nil {
				r.unknown = append(r.unknown, found[1])
				continue
			}
			r.unreadable = one
		}
		return r
	}
	internal, ok := object.(*autoscaling.HorizontalPodAutoscaler)
	if !ok {
		r.unreadable = fmt.Errorf("it is a %T", object)
		return r
	}
	internal.Namespace = cmp.Or(internal.Namespace, namespace)
	if internal.Name == "" && internal.GenerateName != "" {
		internal.Name = horizontalpodautoscaler.Strategy.GenerateName(internal.GenerateName)
	}
	internal.Generation = 1
	// It only logs that it is no request, and so cannot try its new way to validate too.
	ctx := klog.NewContext(t.Context(), logr.Discard())
	horizontalpodautoscaler.Strategy.PrepareForCreate(ctx, internal)
	for _, wrong := range horizontalpodautoscaler.Strategy.Validate(ctx, internal) {
		r.wrong = append(r.wrong, wrong.Field)
	}
	if r.wrong = unique(r.wrong); len(r.wrong) > 0 {
		return r
	}
	var out autoscalingv2.HorizontalPodAutoscaler
	if err := legacyscheme.Scheme.Convert(internal, &out, nil); err != nil {
		t.Fatal(err)
	}
	r.spec = &out.Spec
	return r
}

// asWeDo reads a manifest as the product does.
func asWeDo(text []byte) (reading, []manifest.Problem) {
	m, problems := manifest.Decode(text)
	if m != nil {
		return reading{spec: &m.Spec}, problems
	}
	var r reading
	for _, p := range problems {
		path := written(p.Path)
		switch {
		case p.Key:
			r.unknown = append(r.unknown, path)
		case strings.HasSuffix(p.Message, "is not measured"):
			r.own = append(r.own, path)
		default:
			r.wrong = append(r.wrong, path)
		}
	}
	r.unknown, r.wrong = unique(r.unknown), unique(r.wrong)
	return r, problems
}

func written(p manifest.Path) string {
	var b strings.Builder
	for _, step := range p {
		if index, ok := step.(int); ok {
			fmt.Fprintf(&b, "[%d]", index)
			continue
		}
		fmt.Fprintf(&b, ".%v", step)
	}
	return strings.TrimPrefix(b.String(), ".")
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// readDifferently says in what the two differ, "" if in nothing.
func readDifferently(upstream, ours reading) string {
	switch {
	case upstream.accepted() && ours.accepted():
		if !apiequality.Semantic.DeepEqual(upstream.spec, ours.spec) {
			return fmt.Sprintf("upstream has\n%s\nand ours is\n%s", asYAML(upstream.spec), asYAML(ours.spec))
		}
		return ""
	case upstream.accepted() && len(ours.own) > 0 && len(ours.wrong)+len(ours.unknown) == 0:
		return ""
	case upstream.accepted() != ours.accepted():
		return fmt.Sprintf("accepted upstream: %t, here: %t", upstream.accepted(), ours.accepted())
	case upstream.unreadable != nil: // it told of nothing else
		return ""
	case !slices.Equal(unique(upstream.unknown), ours.unknown):
		return fmt.Sprintf("unknown fields upstream: %v, here: %v", upstream.unknown, ours.unknown)
	case len(upstream.unknown) > 0: // nor was anything validated
		return ""
	}
	zero := slices.Contains(upstream.wrong, "spec.minReplicas")
	want := slices.DeleteFunc(slices.Clone(upstream.wrong), func(path string) bool {
		// A minimum of 0 is refused whatever the metrics are.
		return zero && path == "spec.metrics" || slices.Contains(ours.own, path)
	})
	if !slices.Equal(want, ours.wrong) {
		return fmt.Sprintf("refused upstream: %v, here: %v", want, ours.wrong)
	}
	return ""
}

// The paths that random manifests must have had refused upstream, indexes left
// out: agreement about others would not have been tried.
var refusals = []string{
	"metadata.annotations", "metadata.generateName", "metadata.labels", "metadata.name", "metadata.namespace",
	"spec.minReplicas", "spec.maxReplicas", "spec.scaleTargetRef.apiVersion", "spec.scaleTargetRef.kind", "spec.scaleTargetRef.name",
	"spec.metrics[].type", "spec.metrics[].resource", "spec.metrics[].containerResource", "spec.metrics[].pods", "spec.metrics[].object", "spec.metrics[].external",
	"spec.metrics[].resource.name", "spec.metrics[].resource.target.type", "spec.metrics[].resource.target.averageUtilization",
	"spec.metrics[].resource.target.averageValue", "spec.metrics[].containerResource.container", "spec.metrics[].containerResource.name",
	"spec.metrics[].containerResource.target.averageUtilization", "spec.metrics[].containerResource.target.averageValue",
	"spec.metrics[].pods.metric.name", "spec.metrics[].pods.target.averageValue", "spec.metrics[].pods.target.value",
	"spec.metrics[].object.describedObject.apiVersion", "spec.metrics[].object.describedObject.kind", "spec.metrics[].object.describedObject.name",
	"spec.metrics[].object.metric.name", "spec.metrics[].object.target.type", "spec.metrics[].object.target.value", "spec.metrics[].object.target.averageValue",
	"spec.metrics[].external.metric.name", "spec.metrics[].external.target.value", "spec.metrics[].external.target.averageValue",
	"spec.behavior.scaleUp.stabilizationWindowSeconds", "spec.behavior.scaleUp.selectPolicy", "spec.behavior.scaleUp.policies", "spec.behavior.scaleUp.tolerance",
	"spec.behavior.scaleUp.policies[].type", "spec.behavior.scaleUp.policies[].value", "spec.behavior.scaleUp.policies[].periodSeconds",
	"spec.behavior.scaleDown.stabilizationWindowSeconds", "spec.behavior.scaleDown.selectPolicy", "spec.behavior.scaleDown.policies", "spec.behavior.scaleDown.tolerance",
	"spec.behavior.scaleDown.policies[].type", "spec.behavior.scaleDown.policies[].value", "spec.behavior.scaleDown.policies[].periodSeconds",
}

var index = regexp.MustCompile(`\[\d+\]`)

func TestRandomManifestsMustBeReadAsUpstreamDoes(t *testing.T) {
	var accepted, unreadable, unknown, refused, here int
	paths := map[string]int{}
	for i := range *manifests {
		text := randomManifest(*seed, i)
		upstream := asAPIServer(t, text)
		ours, problems := asWeDo(text)
		if what := readDifferently(upstream, ours); what != "" {
			t.Fatalf("seed %d, manifest %d: %s\nupstream could not read: %v\nproblems here: %+v\n%s", *seed, i, what, upstream.unreadable, problems, text)
		}
		switch {
		case ours.accepted():
			accepted++
		case upstream.accepted():
			here++
		case upstream.unreadable != nil:
			unreadable++
		case len(upstream.unknown) > 0:
			unknown++
		default:
			refused++
		}
		for _, path := range upstream.wrong {
			paths[index.ReplaceAllString(path, "[]")]++
		}
	}
	fmt.Printf("oracle: %d manifests: %d accepted with the same defaults, %d with unreadable values, %d with unknown fields, %d refused for the same fields (%d different ones), %d not measurable here\n",
		*manifests, accepted, unreadable, unknown, refused, len(paths), here)
	for _, path := range refusals {
		if paths[path] == 0 && *manifests >= 40000 {
			t.Errorf("no manifest was refused for %s: agreement about that was not tried", path)
		}
	}
}

// What random changes do not come by: each is read alike, and so it is said.
func TestManifestsMustBeReadAsUpstreamDoes(t *testing.T) {
	manifestOf := func(metadata, spec string) string {
		return `{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {` + metadata + `}, "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}, ` + spec + `}}`
	}
	metric := func(m string) string { return manifestOf(`"name": "a"`, `"maxReplicas": 5, "metrics": [`+m+`]`) }
	for name, c := range map[string]struct {
		text     string
		accepted bool
	}{
		"the least": {manifestOf(`"name": "a"`, `"maxReplicas": 1`), true},
		"an object of the core group": {metric(`{"type": "Object", "object": {"describedObject": {"apiVersion": "v1", "kind": "Service", "name": "a"},
			"metric": {"name": "m"}, "target": {"type": "Value", "value": "1"}}}`), true},
		"an object without a group":                {metric(`{"type": "Object", "object": {"describedObject": {"kind": "Service", "name": "a"}, "metric": {"name": "m"}, "target": {"type": "Value", "value": "1"}}}`), true},
		"both targets of an object":                {metric(`{"type": "Object", "object": {"describedObject": {"kind": "Service", "name": "a"}, "metric": {"name": "m"}, "target": {"type": "Value", "value": "1", "averageValue": "1"}}}`), true},
		"none to scale to":                         {manifestOf(`"name": "a"`, `"minReplicas": 0, "maxReplicas": 5, "metrics": [{"type": "External", "external": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "1"}}}]`), false},
		"none to scale to, by CPU":                 {manifestOf(`"name": "a"`, `"minReplicas": 0, "maxReplicas": 5`), false},
		"a selector that cannot be used":           {metric(`{"type": "External", "external": {"metric": {"name": "m", "selector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}, "target": {"type": "Value", "value": "1"}}}`), true},
		"two sources, one of the type":             {metric(`{"type": "External", "resource": {"name": "cpu", "target": {}}, "external": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "1"}}}`), false},
		"three sources, none of the type":          {metric(`{"type": "Odd", "resource": {"name": "cpu"}, "pods": {}, "external": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "1"}}}`), false},
		"a metric that is null":                    {metric(`null`), false},
		"a field twice":                            {manifestOf(`"name": "a"`, `"maxReplicas": 5, "maxReplicas": 5`), false},
		"a field in capitals":                      {manifestOf(`"name": "a"`, `"maxreplicas": 5, "maxReplicas": 5`), false},
		"a tolerance below zero":                   {manifestOf(`"name": "a"`, `"maxReplicas": 5, "behavior": {"scaleUp": {"tolerance": "-1n"}}`), false},
		"a tolerance that is a number":             {manifestOf(`"name": "a"`, `"maxReplicas": 5, "behavior": {"scaleUp": {"tolerance": 0.05}}`), true},
		"a tolerance of many digits":               {manifestOf(`"name": "a"`, `"maxReplicas": 5, "behavior": {"scaleUp": {"tolerance": "0.0000000001234567890123456789"}}`), true},
		"a generated name":                         {manifestOf(`"generateName": "a-"`, `"maxReplicas": 5`), true},
		"a generated name of capitals":             {manifestOf(`"generateName": "A"`, `"maxReplicas": 5`), false},
		"a label with a space":                     {manifestOf(`"name": "a", "labels": {"a b": ""}`, `"maxReplicas": 5`), false},
		"a whole number with a fraction":           {manifestOf(`"name": "a"`, `"maxReplicas": 5.0`), false},
		"a whole number with an exponent":          {manifestOf(`"name": "a"`, `"maxReplicas": 1e1`), false},
		"more than 32 bits":                        {manifestOf(`"name": "a"`, `"maxReplicas": 2147483648`), false},
		"the most that 32 bits hold":               {manifestOf(`"name": "a"`, `"maxReplicas": 2147483647`), true},
		"a status of its own":                      {strings.TrimSuffix(manifestOf(`"name": "a"`, `"maxReplicas": 5`), "}") + `, "status": {"desiredReplicas": -1}}`, true},
		"a period at the limit":                    {manifestOf(`"name": "a"`, `"maxReplicas": 5, "behavior": {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1800}]}}`), true},
		"a period beyond the limit":                {manifestOf(`"name": "a"`, `"maxReplicas": 5, "behavior": {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1801}]}}`), false},
		"a list":                                   {`{"apiVersion": "v1", "kind": "List", "items": [` + manifestOf(`"name": "a"`, `"maxReplicas": 1`) + `]}`, false},
		"a behavior without rules in one way":      {manifestOf(`"name": "a"`, `"maxReplicas": 5, "behavior": {"scaleDown": {"selectPolicy": "Disabled"}}`), true},
		"a policy of more percent than fit in one": {manifestOf(`"name": "a"`, `"maxReplicas": 5, "behavior": {"scaleDown": {"policies": [{"type": "Percent", "value": 2147483647, "periodSeconds": 1}]}}`), true},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := asAPIServer(t, []byte(c.text))
			ours, problems := asWeDo([]byte(c.text))
			if what := readDifferently(upstream, ours); what != "" {
				t.Errorf("%s\nproblems here: %+v", what, problems)
			}
			if ours.accepted() != c.accepted {
				t.Errorf("accepted: %t; %+v", ours.accepted(), problems)
			}
			for _, p := range problems {
				if len(p.Path) > 0 && !p.Key && p.Suggestion == "" && p.Message == "" {
					t.Errorf("nothing is said of %v", p.Path)
				}
			}
		})
	}
}

// randomManifest is a manifest that was right before some changes; of the seed,
// number i.
func randomManifest(seed uint64, i int) []byte {
	g := generator{rand.New(rand.NewPCG(seed, 1<<32+uint64(i)))}
	c := generate(seed, i%1000)
	c.Spec.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "app"}
	root := map[string]any{
		"apiVersion": manifest.APIVersion, "kind": manifest.Kind, "spec": plainOf(c.Spec),
		"metadata": map[string]any{"name": "app", "namespace": "shop", "generateName": "app-", "labels": map[string]any{"app": "app"}, "annotations": map[string]any{"a/b": "c"}},
	}
	for range g.IntN(4) {
		g.change(root[one(g, "spec", "spec", "spec", "spec", "metadata")])
	}
	text, err := json.Marshal(root)
	if err != nil {
		panic(err)
	}
	if g.chance(0.02) {
		text = []byte(strings.Replace(string(text), `"maxReplicas":`, `"maxReplicas":9,"maxReplicas":`, 1))
	}
	return text
}

func plainOf(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		panic(err)
	}
	return out
}

// odd are values that stand where others should.
var odd = []any{
	nil, 0, 0, -1, -1, 1, 2, 1800, 1801, 3600, 3601, int64(1) << 31, 1.5, true, "", "", "0", "-1", "-1m", "1", "1m", "0.5", "1e3", "64Mi", "x", "X y", "a/b", "..", "a.b", "%",
	"v1", "apps/v1", "a/b/c", "/", "ReplicationController", "Max", "Min", "Disabled", "max", "Pods", "Percent", "Resource", "ContainerResource", "Object", "External", "pods",
	"Utilization", "Value", "AverageValue", "cpu", "memory", "storage", "hugepages-2Mi", "example.com/gpu", "cpu cores", []any{}, map[string]any{},
	map[string]any{"a b": "c"}, []any{map[string]any{}}, strings.Repeat("a", 64), strings.Repeat("a", 254),
}

// added are fields with values that may be put beside others.
var added = map[string][]any{
	"value": {"1", "0", 5, "-5m"}, "averageValue": {"1", "0", "-5m"}, "averageUtilization": {50, 0}, "minReplicas": {0, 1, -1, 40}, "tolerance": {"0.1", 0.2, "-0.1"},
	"stabilizationWindowSeconds": {0, 3600, 3601, -1}, "selectPolicy": {"Max", "Disabled", "Least"}, "container": {"app", "App"}, "unheardOf": {1},
	"policies": {[]any{}, []any{map[string]any{"type": "Pods", "value": 1, "periodSeconds": 1801}}, []any{map[string]any{"type": "Pods"}}},
	"behavior": {map[string]any{}, map[string]any{"scaleUp": map[string]any{}, "scaleDown": nil}},
	"metric":   {map[string]any{"name": "m"}}, "target": {map[string]any{"type": "Value"}},
	"resource":   {map[string]any{"name": "cpu", "target": map[string]any{"type": "Utilization", "averageUtilization": 50}}},
	"pods":       {map[string]any{"metric": map[string]any{"name": "m"}, "target": map[string]any{"type": "AverageValue", "averageValue": "1"}}},
	"external":   {map[string]any{"metric": map[string]any{"name": "m"}, "target": map[string]any{"type": "Value", "value": "1"}}},
	"apiVersion": {"v1", "apps/v1", "a/b/c", "/a/", "", "/"},
	"scaleUp":    {map[string]any{}, map[string]any{"tolerance": "-0.1"}, map[string]any{"stabilizationWindowSeconds": 9999}},
	"scaleDown":  {map[string]any{}, map[string]any{"policies": []any{}}, map[string]any{"selectPolicy": "Min"}},
}

// change makes one change somewhere below a value.
func (g generator) change(value any) {
	for {
		below := children(value)
		if len(below) == 0 {
			return
		}
		at := one(g, below...)
		if inner := at.get(); len(children(inner)) > 0 && g.chance(0.9) {
			value = inner
			continue
		}
		g.alter(at)
		return
	}
}

// A place holds a value, in a mapping or in a list.
type place struct {
	fields map[string]any
	name   string
	items  []any
	i      int
}

func (p place) get() any {
	if p.fields != nil {
		return p.fields[p.name]
	}
	return p.items[p.i]
}

func (p place) set(v any) {
	if p.fields != nil {
		p.fields[p.name] = v
		return
	}
	p.items[p.i] = v
}

// children are the places in a value, in an order that is always the same.
func children(value any) []place {
	var places []place
	switch v := value.(type) {
	case map[string]any:
		for _, name := range sortedKeys(v) {
			places = append(places, place{fields: v, name: name})
		}
	case []any:
		for i := range v {
			places = append(places, place{items: v, i: i})
		}
	}
	return places
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// suiting are the fields that there are in what has a name, as far as they are
// among those that may be added.
var suiting = map[string][]string{
	"spec": {"minReplicas", "behavior"}, "target": {"value", "averageValue", "averageUtilization"}, "containerResource": {"container"},
	"scaleUp":   {"stabilizationWindowSeconds", "selectPolicy", "tolerance", "policies"},
	"scaleDown": {"stabilizationWindowSeconds", "selectPolicy", "tolerance", "policies"},
	"behavior":  {"scaleUp", "scaleDown"}, "describedObject": {"apiVersion"}, "scaleTargetRef": {"apiVersion"},
	"": {"resource", "pods", "external"}, // an item of a list
}

// alter takes a value away, puts another in its place, misspells its name, or
// adds one beside or below it.
func (g generator) alter(at place) {
	fields, _ := at.get().(map[string]any)
	known := suiting[at.name]
	switch n := g.IntN(12); {
	case n < 2 && at.fields != nil:
		delete(at.fields, at.name)
	case n == 2 && at.fields != nil && g.chance(0.3):
		at.fields[at.name+"s"] = at.get()
		delete(at.fields, at.name)
	case n == 3 && fields != nil:
		extra := one(g, sortedKeys(added)...)
		fields[extra] = plainOf(one(g, added[extra]...))
	case n < 9 && fields != nil && known != nil:
		extra := one(g, known...)
		fields[extra] = plainOf(one(g, added[extra]...))
	default:
		at.set(g.another(at.get()))
	}
}

// another is a value to put in the place of one; most often it is of its type.
func (g generator) another(old any) any {
	for {
		fresh := plainOf(one(g, odd...)) // a copy: it may be changed again
		if reflect.TypeOf(fresh) == reflect.TypeOf(old) || g.chance(0.03) {
			return fresh
		}
	}
}
