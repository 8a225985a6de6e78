package oracle

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/util/runtime"
	upstreamapi "k8s.io/kubernetes/pkg/apis/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
	"github.com/shakedown-dev/shakedown/scenarios/manifest"
)

var (
	cases = flag.Int("cases", 200, "how many random cases")
	seed  = flag.Uint64("seed", 1, "of the random cases")
	only  = flag.Int("only", -1, "run this one of the random cases alone")
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Upstream's handlers of errors log, and hold back whoever has many: in virtual
	// time, compared with the real one, for decades.
	runtime.ErrorHandlers = nil
	os.Exit(m.Run())
}

func TestRandomCasesMustScaleAsUpstreamDoes(t *testing.T) {
	seen := newCoverage()
	from, to := 0, *cases
	if *only >= 0 {
		from, to = *only, *only+1
	}
	for i := from; i < to; i++ {
		c := generate(*seed, i)
		mustAgree(t, c, seen, fmt.Sprintf("go test -run %s -args -seed %d -only %d", t.Name(), *seed, i))
	}
	fmt.Println("oracle:", seen)
	if missed := seen.missed(); len(missed) > 0 && to-from >= 200 {
		t.Errorf("no case had %q: agreement about that was not tried. Change the generator, or take more cases", missed)
	}
}

// mustAgree runs both on a case and ends the test at a difference.
func mustAgree(t *testing.T, c *Case, seen *coverage, again string) []step {
	t.Helper()
	sameDefaults(t, c)
	start, trace := upstream(t, c)
	s := sighted(c)
	if d := compare(c, start, trace, hpa.Recommend, differs, s.watch); d != nil {
		t.Fatalf("%s: %s", c.Name, d.tell(c, again))
	}
	seen.add(s)
	return trace
}

// sameDefaults holds hpa.Default to the API server's defaulting.
func sameDefaults(t *testing.T, c *Case) {
	t.Helper()
	specs := []autoscalingv2.HorizontalPodAutoscalerSpec{c.Spec}
	for _, edit := range c.Edits {
		specs = append(specs, edit.Spec)
	}
	for _, spec := range specs {
		want := autoscalingv2.HorizontalPodAutoscaler{Spec: *spec.DeepCopy()}
		upstreamapi.SetDefaults_HorizontalPodAutoscaler(&want)
		have := spec.DeepCopy()
		manifest.Default(have)
		if !reflect.DeepEqual(*have, want.Spec) {
			t.Fatalf("%s: defaulted to\n%s\nupstream to\n%s", c.Name, asYAML(have), asYAML(want.Spec))
		}
	}
}
