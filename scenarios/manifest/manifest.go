// Package manifest reads a HorizontalPodAutoscaler as an API server of
// Kubernetes v1.36 would: strictly, with the same defaults, and with the same
// refusals, besides those of what a rehearsal cannot do. It reads JSON and knows
// no file; problems have the path of what they are about, so that the caller can
// point at it.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	strictjson "sigs.k8s.io/json"
)

// The type of manifest that is read.
const (
	Kind       = "HorizontalPodAutoscaler"
	APIVersion = "autoscaling/v2"
)

// A Manifest is a HorizontalPodAutoscaler without mistakes, defaults filled in.
type Manifest struct {
	Name string
	Spec autoscalingv2.HorizontalPodAutoscalerSpec
}

// A Path leads to a value: names of fields and indexes of items.
type Path []any

// to is the path of something below.
func (p Path) to(steps ...any) Path { return append(slices.Clone(p), steps...) }

// parent is the path of what holds the value; that of the whole has none.
func (p Path) parent() Path { return p[:max(0, len(p)-1)] }

// A Problem is one mistake in a manifest.
type Problem struct {
	// Path leads to the value that it is about, or to where one is missing.
	Path Path
	// Message says what is wrong, Suggestion what to do about it.
	Message, Suggestion string
	// Key tells that the name of the field is wrong, and Known which there are.
	Key   bool
	Known []string
}

// Decode reads one manifest. Either it has problems, all that were found, in no
// order, or they are nil.
func Decode(text []byte) (*Manifest, []Problem) {
	value, err := parse(text)
	if err != nil {
		return nil, []Problem{{Message: err.Error(), Suggestion: "is it the right file?"}}
	}
	if wrong := checkType(value); wrong != nil {
		return nil, []Problem{*wrong}
	}
	var hpa autoscalingv2.HorizontalPodAutoscaler
	s := &strict{}
	value, _ = s.value(value, reflect.TypeOf(hpa), nil)
	if len(s.problems) > 0 { // what is right is judged all the same
		if text, err = json.Marshal(value); err != nil {
			return nil, s.problems
		}
	}
	if err := unmarshal(text, &hpa); err != nil {
		return nil, append(s.problems, Problem{Message: err.Error()})
	}
	Default(&hpa.Spec)
	v := &validation{}
	v.manifest(&hpa)
	if s.problems = append(s.problems, s.others(v.problems)...); len(s.problems) > 0 {
		return nil, s.problems
	}
	return &Manifest{Name: hpa.Name, Spec: hpa.Spec}, nil
}

// parse reads JSON to plain values, numbers as they are written.
func parse(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, fmt.Errorf("not valid JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the manifest")
	}
	return value, nil
}

// unmarshal is how the API server reads.
func unmarshal(text []byte, hpa *autoscalingv2.HorizontalPodAutoscaler) error {
	mistakes, err := strictjson.UnmarshalStrict(text, hpa)
	return errors.Join(append(mistakes, err)...)
}

// checkType refuses what is no HorizontalPodAutoscaler, autoscaling/v2.
func checkType(value any) *Problem {
	fields, ok := value.(map[string]any)
	if !ok {
		return &Problem{Message: describe(value) + " is no manifest", Suggestion: "begin it with apiVersion: " + APIVersion}
	}
	kind, version := fields["kind"], fields["apiVersion"]
	switch {
	case kind == nil:
		return &Problem{Path: Path{"kind"}, Message: "is missing", Suggestion: "write kind: " + Kind}
	case kind == "List", kind == Kind+"List":
		return &Problem{Path: Path{"kind"}, Message: fmt.Sprintf("%s is a list of manifests, not a %s", describe(kind), Kind), Suggestion: "take the autoscaler out of it: a file may have several documents, with --- between them"}
	case kind != Kind:
		return &Problem{Path: Path{"kind"}, Message: fmt.Sprintf("%s is not %s", describe(kind), Kind), Suggestion: "name the manifest of an autoscaler"}
	case version == nil:
		return &Problem{Path: Path{"apiVersion"}, Message: "is missing", Suggestion: "write apiVersion: " + APIVersion}
	case version == APIVersion:
		return nil
	}
	p := &Problem{Path: Path{"apiVersion"}, Message: fmt.Sprintf("%s is not %s", describe(version), APIVersion), Suggestion: "write apiVersion: " + APIVersion}
	switch version {
	case "autoscaling/v1":
		p.Suggestion += ", and a metric in place of targetCPUUtilizationPercentage; kubectl get hpa.v2.autoscaling NAME -o yaml shows how"
	case "autoscaling/v2beta2":
		p.Suggestion += ", which has the same fields; Kubernetes has not served v2beta2 since v1.26"
	case "autoscaling/v2beta1":
		p.Suggestion += ", and move each target under target; Kubernetes has not served v2beta1 since v1.25"
	}
	return p
}
