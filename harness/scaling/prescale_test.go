package scaling

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// prescaled is a policy with a budget of two accounts.
func prescaled(instances, beyond string) scenarios.Prescale {
	return scenarios.Prescale{
		Policy: scenarios.ProactivePolicy, Tier: "enterprise", Instances: instances, Beyond: beyond,
		Hold: scenarios.Duration(10 * time.Minute), Budget: 2, QueueFor: scenarios.Duration(10 * time.Second),
	}
}

// A story is a policy on the move: what it says of each step, in words.
type story struct {
	t         *testing.T
	spec      scenarios.Prescale
	claims    Claims
	instances []string
}

var origin = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// step is one step some time after the beginning, with signals like "acme" or
// "acme>importer-2", which names an instance.
func (s *story) step(after time.Duration, signals string, want ...string) {
	s.t.Helper()
	var list []journal.SessionSignal
	for _, text := range strings.Fields(signals) {
		account, wants, _ := strings.Cut(text, ">")
		list = append(list, journal.SessionSignal{Via: "webhook", Account: account, Tier: "enterprise", Wants: wants})
	}
	before := fmt.Sprint(s.claims)
	next, said := Prescale(s.spec, s.claims, list, s.instances, origin.Add(after))
	if now := fmt.Sprint(s.claims); now != before {
		s.t.Errorf("after %v: the claims that were given have changed from %s to %s", after, before, now)
	}
	s.claims = next
	got := make([]string, len(said))
	for i, c := range said {
		got[i] = strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", c.Account, c.State, c.Instance, c.Reason)), " ")
		if c.Waited > 0 {
			got[i] += fmt.Sprintf(" waited %v", c.Waited)
		}
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("after %v: %q, want %q", after, got, want)
	}
}

func (s *story) classes(created string, each ...string) {
	s.t.Helper()
	classes, born := s.claims.Classes(s.spec, s.instances)
	var got []string
	for _, name := range s.instances {
		got = append(got, classes[name])
	}
	if !slices.Equal(got, each) || born != created || len(classes) != len(s.instances) {
		s.t.Errorf("classes %v of %v, created %s; want %v, created %s", got, s.instances, born, each, created)
	}
}

const usedUp = "the budget of 2 accounts is used up"

func TestClaimsAreGrantedHeldAndReleased(t *testing.T) {
	s := story{t: t, spec: prescaled("all", "reject"), instances: []string{"importer-1", "importer-2"}}
	s.step(0, "")
	s.classes(BaseClass, BaseClass, BaseClass)
	s.step(time.Second, "acme", "acme granted")
	s.classes(LargeClass, LargeClass, LargeClass)
	s.step(5*time.Minute, "acme globex acme", "acme renewed", "globex granted", "acme renewed")
	s.step(6*time.Minute, "initech", "initech rejected "+usedUp)
	if free := s.claims.Free(s.spec, origin.Add(6*time.Minute)); free != 9*time.Minute {
		t.Errorf("a place may be free in %v, want 9m", free)
	}
	s.step(15*time.Minute-1, "")
	s.step(15*time.Minute, "initech", "acme released no sign of it for 10m0s", "globex released no sign of it for 10m0s", "initech granted")
	s.classes(LargeClass, LargeClass, LargeClass)
	s.step(25*time.Minute, "", "initech released no sign of it for 10m0s")
	s.classes(BaseClass, BaseClass, BaseClass)
	if s.claims.Free(s.spec, origin) != 0 {
		t.Error("nobody holds anything, and it takes time until a place is free")
	}
}

func TestClaimsOfOneInstance(t *testing.T) {
	s := story{t: t, spec: prescaled("one", "reject"), instances: []string{"importer-1", "importer-2", "importer-3"}}
	s.spec.Budget = 10
	s.step(0, "a>importer-2", "a granted importer-2")
	s.classes(BaseClass, BaseClass, LargeClass, BaseClass)
	s.step(1, "b>nobody c d", "b granted importer-1", "c granted importer-3", "d granted importer-1")
	s.step(2, "a>importer-3", "a renewed importer-2") // it stays where it is
	s.instances = []string{"importer-2", "importer-3"}
	s.step(3, "", "b renewed importer-2 importer-1 is gone", "d renewed importer-3 importer-1 is gone")
	s.instances = nil
	s.step(4, "e", "e rejected no instance runs that could be made larger")
	s.instances = []string{"importer-4"}
	s.step(5, "", "a renewed importer-4 importer-2 is gone", "b renewed importer-4 importer-2 is gone",
		"c renewed importer-4 importer-3 is gone", "d renewed importer-4 importer-3 is gone")
	s.classes(BaseClass, LargeClass)
}

// The claims on an instance that was given notice go with what takes its place;
// others stay, and those that were passed in do not change.
func TestClaimsFollow(t *testing.T) {
	s := story{t: t, spec: prescaled("one", "reject"), instances: []string{"importer-1", "importer-2"}}
	s.spec.Budget = 10
	s.step(0, "a>importer-1 b>importer-2 c>importer-1", "a granted importer-1", "b granted importer-2", "c granted importer-1")
	before := s.claims
	next, said := s.claims.Follow(map[string]string{"importer-1": "importer-3", "importer-9": "importer-4"})
	if len(said) != 2 || said[0].Account != "a" || said[1].Account != "c" || said[0].Instance != "importer-3" || said[0].State != Renewed || said[0].Reason != "importer-1 was given notice, and this takes its place" {
		t.Errorf("%+v", said)
	}
	if !next.On("importer-3") || !next.On("importer-2") || next.On("importer-1") || !before.On("importer-1") || (Claims{}).On("importer-1") {
		t.Errorf("%+v, before %+v", next, before)
	}
	if again, said := next.Follow(map[string]string{"importer-1": "importer-3"}); len(said) != 0 || !again.On("importer-3") {
		t.Errorf("again: %+v", said)
	}
	s.claims, s.instances = next, []string{"importer-2", "importer-3"}
	s.classes(BaseClass, LargeClass, LargeClass)
	s.step(time.Second, "")
}

func TestClaimsWait(t *testing.T) {
	s := story{t: t, spec: prescaled("all", "queue"), instances: []string{"importer-1"}}
	s.spec.Hold = scenarios.Duration(30 * time.Second)
	s.step(0, "a", "a granted")
	s.step(25*time.Second, "b c d", "b granted", "c queued "+usedUp, "d queued "+usedUp)
	s.step(27*time.Second, "d", "d queued "+usedUp+" waited 2s")
	s.step(30*time.Second, "", "a released no sign of it for 30s", "c granted waited 5s")
	s.step(35*time.Second, "", "d rejected no place became free within 10s, "+usedUp+" waited 10s")
	s.step(36*time.Second, "d", "d queued "+usedUp)
	s.claims = s.claims.GiveBack("b")
	if s.claims.Holds("b") || !s.claims.Holds("c") {
		t.Error("b gave its claim back, and c did not")
	}
	s.step(37*time.Second, "", "d granted waited 1s")
	s.step(60*time.Second, "", "c released no sign of it for 30s") // it counts from the grant
}

// Who has waited for too long gets nothing, even if a place is free when somebody
// looks.
func TestWaitingEndsInTime(t *testing.T) {
	s := story{t: t, spec: prescaled("all", "queue"), instances: []string{"importer-1"}}
	s.spec.Budget, s.spec.Hold = 1, scenarios.Duration(30*time.Second)
	s.step(0, "a", "a granted")
	s.step(25*time.Second, "b", "b queued the budget of 1 account is used up")
	s.step(40*time.Second, "", "a released no sign of it for 30s",
		"b rejected no place became free within 10s, the budget of 1 account is used up waited 15s")
}

// Of other tiers nothing is said.
func TestClaimsAreForTheirTier(t *testing.T) {
	_, said := Prescale(prescaled("all", ""), Claims{}, []journal.SessionSignal{{Account: "a", Tier: "free"}}, []string{"importer-1"}, origin)
	if len(said) != 0 {
		t.Errorf("said %v", said)
	}
}

// Whatever happens: no more than the budget holds, no account twice, nothing
// longer than its hold or its time in the queue, each signal one answer, and an
// instance is large only if somebody needs it.
func TestClaimsHoldTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := prescaled(rapid.SampledFrom([]string{"all", "one"}).Draw(t, "instances"), rapid.SampledFrom([]string{"reject", "queue"}).Draw(t, "beyond"))
		spec.Budget = rapid.IntRange(1, 4).Draw(t, "budget")
		now, claims := origin, Claims{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "after")) * time.Second)
			instances := rapid.SampledFrom([][]string{nil, {"i-1"}, {"i-1", "i-2"}, {"i-2", "i-3"}}).Draw(t, "there")
			var signals []journal.SessionSignal
			for _, account := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}), 0, 4).Draw(t, "signals") {
				signals = append(signals, journal.SessionSignal{Account: account, Tier: "enterprise", Wants: "i-2"})
			}
			var said []journal.Claim
			claims, said = Prescale(spec, claims, signals, instances, now)
			checkClaims(t, spec, claims, signals, said, instances, now)
		}
	})
}

func checkClaims(t *rapid.T, spec scenarios.Prescale, claims Claims, signals []journal.SessionSignal, said []journal.Claim, instances []string, now time.Time) {
	if len(claims.Holders) > spec.Budget {
		t.Fatalf("%d claims, the budget is %d", len(claims.Holders), spec.Budget)
	}
	seen := map[string]bool{}
	for _, h := range claims.Holders {
		if seen[h.Account] || now.Sub(h.Last) >= spec.Hold.Std() {
			t.Fatalf("%s holds twice or for too long", h.Account)
		}
		seen[h.Account] = true
		if spec.Instances == "one" && len(instances) > 0 && !slices.Contains(instances, h.Instance) {
			t.Fatalf("%s has %s, which is not there", h.Account, h.Instance)
		}
	}
	for _, w := range claims.Queue {
		if seen[w.Account] || now.Sub(w.Since) >= spec.QueueFor.Std() {
			t.Fatalf("%s waits beside its claim, or for too long", w.Account)
		}
		seen[w.Account] = true
	}
	if len(said) < len(signals) {
		t.Fatalf("%d answers to %d signals", len(said), len(signals))
	}
	for i, s := range signals {
		if answer := said[len(said)-len(signals)+i]; answer.Account != s.Account {
			t.Fatalf("the answer to %s is about %s", s.Account, answer.Account)
		}
	}
	classes, created := claims.Classes(spec, instances)
	for name, class := range classes {
		needed := slices.ContainsFunc(claims.Holders, func(h Holder) bool { return h.Instance == "" || h.Instance == name })
		if needed != (class == LargeClass) {
			t.Fatalf("%s is %s, needed: %v", name, class, needed)
		}
	}
	if (created == LargeClass) != (spec.Instances == "all" && len(claims.Holders) > 0) {
		t.Fatalf("%s is created", created)
	}
}
