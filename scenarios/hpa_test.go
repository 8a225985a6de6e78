package scenarios

import "testing"

// A cluster takes a List for the manifests in it, and so does a scenario; mistakes are
// placed in the file.
func TestAutoscalerInAList(t *testing.T) {
	const file = "testdata/files/hpa-list.yaml"
	hpa, problems := readHPA(file, read(t, file))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if hpa.Name != "api" || hpa.Spec.MaxReplicas != 5 {
		t.Errorf("got %+v", hpa.Manifest)
	}
	const nested = "kind: List\nitems:\n  - kind: List\n    items:\n      - {kind: HorizontalPodAutoscaler, apiVersion: autoscaling/v1}\n"
	if _, problems = readHPA("nested.yaml", []byte(nested)); len(problems) != 1 || problems[0].Line != 5 || problems[0].Path != "apiVersion" {
		t.Errorf("got %v", problems)
	}
}

// Neither an autoscaler of a List nor its mistakes are silently left out beside others.
func TestListsAreLookedAt(t *testing.T) {
	const service = "kind: Service\n---\n"
	for text, want := range map[string]string{
		service + "kind: List\nitems: [{kind: Service}]\n":                                "none of the 2 documents is a HorizontalPodAutoscaler",
		service + "kind: List\nitems: {kind: Service}\n":                                  "none of the 2 documents is a HorizontalPodAutoscaler",
		service + "kind: List\n":                                                          "none of the 2 documents is a HorizontalPodAutoscaler",
		service + "kind: HorizontalPodAutoscalerList\nitems: [{spec: {}}]\n":              `"HorizontalPodAutoscalerList" is a list of manifests, not a HorizontalPodAutoscaler`,
		"kind: List\nitems: []\n":                                                         "the list has no HorizontalPodAutoscaler",
		"kind: List\nitems: [{kind: HorizontalPodAutoscaler, kind: Service, spec: *x}]\n": `"kind" is given twice, first in line 2`,
	} {
		_, problems := readHPA("hpa.yaml", []byte(text))
		if len(problems) == 0 || problems[0].Message != want || problems[0].Suggestion == "" {
			t.Errorf("%q: got %v, want %s", text, problems, want)
		}
	}
}
