package harness

import (
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestTimelineOrdersWhatFallsTogether(t *testing.T) {
	second := scenarios.Duration(time.Second)
	plan := &scenarios.Plan{
		Phases: []scenarios.PlannedPhase{{Name: "a", Start: 0, End: second}, {Name: "b", Start: second, End: 2 * second}},
		Actions: []scenarios.PlannedAction{
			{At: second, Scale: &scenarios.Scale{Service: "api", To: 3}}, // with the change of phases
			{At: second / 2, Scale: &scenarios.Scale{Service: "api", To: 2}},
		},
	}
	var have []string
	for _, m := range timeline(plan) {
		switch {
		case m.begins != nil:
			have = append(have, "begin "+m.begins.Name)
		case m.ends != nil:
			have = append(have, "end "+m.ends.Name)
		default:
			have = append(have, m.action.String())
		}
	}
	want := []string{"begin a", "scale api to 2", "end a", "begin b", "scale api to 3", "end b"}
	if len(have) != len(want) {
		t.Fatalf("have %q, want %q", have, want)
	}
	for i := range want {
		if have[i] != want[i] {
			t.Errorf("moment %d is %q, want %q", i, have[i], want[i])
		}
	}
}
