package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A move is one thing that happens to a gateway's list.
type move struct {
	kind string // "add", "hold", "switch", "probe", "terminate", "remove", "wait"
	name string
	to   []string
	ok   bool // of a probe
	lag  time.Duration
}

func (m move) String() string {
	switch m.kind {
	case "switch":
		return fmt.Sprintf("switch to %v after %s", m.to, m.lag)
	case "probe":
		return fmt.Sprintf("probe %s: %t", m.name, m.ok)
	case "terminate":
		return fmt.Sprintf("terminate %s after %s", m.name, m.lag)
	case "wait":
		return "wait " + m.lag.String()
	}
	return m.kind + " " + m.name
}

var someNames = []string{"a", "b", "c", "d"}

func drawMove(t *rapid.T) move {
	kinds := []string{"add", "hold", "switch", "switch", "probe", "probe", "probe", "terminate", "remove", "wait", "wait"}
	lag := time.Duration(rapid.SampledFrom([]int{0, 1, 3, 7}).Draw(t, "ms")) * time.Millisecond
	return move{
		kind: rapid.SampledFrom(kinds).Draw(t, "kind"), name: rapid.SampledFrom(someNames).Draw(t, "name"),
		to: rapid.SliceOfN(rapid.SampledFrom(someNames), 0, 3).Draw(t, "to"),
		ok: rapid.IntRange(0, 3).Draw(t, "ok") > 0, lag: lag,
	}
}

// replica is an instance as the model has it: a few facts and two deadlines.
type replica struct {
	held, ready, terminating, listed bool
	switched, dropped                time.Duration // when the lags are over, never if 0
}

// model says what the list must be. It knows nothing of timers and locks.
type model struct {
	ignore bool // Config.IgnoreReadiness
	now    time.Duration
	all    map[string]*replica
	events []string // that must have been written, "a added", "a removed: unready"
}

func (m *model) list(name string) {
	if r := m.all[name]; !r.listed && !r.held && !r.terminating && (r.ready || m.ignore) {
		r.listed = true
		m.events = append(m.events, name+" added")
	}
}

func (m *model) unlist(name, reason string) {
	if r := m.all[name]; r.listed {
		r.listed = false
		m.events = append(m.events, name+" removed: "+reason)
	}
}

// do makes a move and tells whether it is one.
func (m *model) do(v move) bool {
	r := m.all[v.name]
	switch v.kind {
	case "add", "hold":
		if r != nil {
			return false
		}
		m.all[v.name] = &replica{held: v.kind == "hold"}
		m.list(v.name)
	case "switch":
		return m.turn(v)
	case "probe":
		if r == nil {
			return true
		}
		if r.ready = v.ok; !v.ok && !r.terminating && !m.ignore {
			m.unlist(v.name, "unready")
		}
		m.list(v.name)
	case "terminate":
		if r == nil {
			return false
		}
		if !r.terminating {
			r.terminating, r.dropped = true, m.now+v.lag
			m.pass()
		}
	case "remove":
		if r == nil {
			return false
		}
		m.unlist(v.name, "gone")
		delete(m.all, v.name)
	case "wait":
		for end := m.now + v.lag; m.now < end; {
			m.now += time.Millisecond
			m.pass()
		}
	}
	return true
}

func (m *model) turn(v move) bool {
	for _, name := range v.to {
		if r := m.all[name]; r == nil || r.terminating {
			return false
		}
	}
	if len(v.to) == 0 {
		return false
	}
	for _, name := range v.to {
		m.all[name].held, m.all[name].switched = false, 0
		m.list(name)
	}
	for _, name := range slices.Sorted(maps.Keys(m.all)) {
		r := m.all[name]
		if r.terminating || slices.Contains(v.to, name) {
			continue
		}
		r.held = true
		if due := m.now + v.lag; r.listed && (r.switched == 0 || due < r.switched) {
			r.switched = due
		}
	}
	m.pass()
	return true
}

// pass lets the lags end that are over.
func (m *model) pass() {
	for _, name := range slices.Sorted(maps.Keys(m.all)) {
		r := m.all[name]
		if r.terminating && r.dropped <= m.now {
			m.unlist(name, "terminating")
		}
		if r.switched > 0 && r.switched <= m.now {
			m.unlist(name, "switched")
		}
	}
}

// tie tells whether two lags end at the same moment, so that there is no order
// that must be.
func (m *model) tie() bool {
	seen := map[time.Duration]bool{}
	for _, r := range m.all {
		for _, due := range []time.Duration{r.switched, r.dropped} {
			if due > m.now && seen[due] {
				return true
			}
			seen[due] = true
		}
	}
	return false
}

// nowhere is a network on which probes get no answer, so that the test is the
// only one that tells the gateway about readiness.
func nowhere() network {
	p := &pipes{clients: make(chan net.Conn), closed: make(chan struct{})}
	n := p.network()
	n.dial = func(ctx context.Context, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	return n
}

// listGateway is a gateway whose probes are the test's.
func listGateway(ignore bool) (*Gateway, *recorder, error) {
	r := newRecorder()
	g, err := newGateway(Config{Service: "api", Listen: ":0", IgnoreReadiness: ignore, Tally: time.Hour,
		Ready: Probe{Success: 1, Failure: 1, Period: time.Hour, Timeout: time.Hour}}, clock.Start(), r.emit, nowhere())
	return g, r, err
}

// makeMove makes a move on a real gateway.
func makeMove(g *Gateway, v move) error {
	switch v.kind {
	case "add":
		return g.Add(v.name, "10.0.0.1:80")
	case "hold":
		return g.Hold(v.name, "10.0.0.1:80")
	case "switch":
		return g.Switch(v.to, v.lag)
	case "probe":
		g.mu.Lock()
		inst := g.instances[v.name]
		g.mu.Unlock()
		if inst != nil {
			g.probed(context.Background(), inst, v.ok, "told", nil)
		}
	case "terminate":
		return g.Terminate(v.name, v.lag)
	case "remove":
		return g.Remove(v.name)
	case "wait":
		time.Sleep(v.lag)
	}
	synctest.Wait()
	return nil
}

// listEvents are the changes of the list that were written, in the model's
// words.
func listEvents(r *recorder) []string {
	var all []string
	for _, e := range r.all() {
		switch body := e.Body.(type) {
		case journal.EndpointAdded:
			all = append(all, body.Instance+" added")
		case journal.EndpointRemoved:
			all = append(all, body.Instance+" removed: "+body.Reason)
		}
	}
	return all
}

// checkMove holds the gateway against the model after a move.
func checkMove(g *Gateway, r *recorder, m *model, err error, legal bool) error {
	synctest.Wait()
	if (err == nil) != legal {
		return fmt.Errorf("is it a move at all: %t; the error is %w", legal, err)
	}
	if got := listEvents(r); !slices.Equal(got, m.events) {
		return fmt.Errorf("events %q, want %q", got, m.events)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, want := range m.all {
		inst := g.instances[name]
		if inst == nil || inst.listed != want.listed || slices.Contains(g.listed, inst) != want.listed {
			return fmt.Errorf("%s is %+v, want %+v", name, inst, want)
		}
	}
	if len(g.instances) != len(m.all) {
		return fmt.Errorf("%d instances are known, want %d", len(g.instances), len(m.all))
	}
	return nil
}

// checkList is what holds whatever the model says: one removal for each
// addition, and a switch to something ready never empties the list.
func checkList(events []string, switchedFrom int) error {
	listed := map[string]bool{}
	for i, e := range events {
		name, added := e[:1], e[1:] == " added"
		if listed[name] == added {
			return fmt.Errorf("event %d, %q, says nothing new", i, e)
		}
		if listed[name] = added; !added {
			delete(listed, name)
		}
		if i >= switchedFrom && len(listed) == 0 {
			return fmt.Errorf("after %q the list is empty in the middle of a switch", e)
		}
	}
	return nil
}

// playMoves makes the moves in virtual time and says what went wrong.
func playMoves(t *testing.T, ignore bool, moves []move) (wrong error) {
	synctest.Test(t, func(*testing.T) {
		g, r, err := listGateway(ignore)
		if err != nil {
			wrong = err
			return
		}
		defer func() { _ = g.Close() }()
		m := &model{ignore: ignore, all: map[string]*replica{}, now: time.Millisecond}
		for i, v := range moves {
			before := len(m.events)
			legal := m.do(v)
			if m.tie() {
				return // nobody can say in which order they go
			}
			err := checkMove(g, r, m, makeMove(g, v), legal)
			from := 1 << 30
			if v.kind == "switch" && legal && slices.ContainsFunc(v.to, func(n string) bool { return m.all[n].listed }) {
				from = before
			}
			if wrong = errors.Join(err, checkList(listEvents(r), from)); wrong != nil {
				wrong = fmt.Errorf("after move %d of %v: %w", i, moves[:i+1], wrong)
				return
			}
		}
	})
	return wrong
}

// Whatever happens in whatever order, the list is what the rules say.
func TestListAgainstItsModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ignore := rapid.Bool().Draw(rt, "ignore readiness")
		moves := rapid.SliceOfN(rapid.Custom(drawMove), 1, 40).Draw(rt, "moves")
		if err := playMoves(t, ignore, moves); err != nil {
			rt.Fatal(err)
		}
	})
}

// The courses that matter most, in words.
func TestListTransitions(t *testing.T) {
	const ms = time.Millisecond
	add, hold := func(n string) move { return move{kind: "add", name: n} }, func(n string) move { return move{kind: "hold", name: n} }
	up, down := func(n string) move { return move{kind: "probe", name: n, ok: true} }, func(n string) move { return move{kind: "probe", name: n} }
	turn := func(lag time.Duration, to ...string) move { return move{kind: "switch", to: to, lag: lag} }
	term := func(n string, lag time.Duration) move { return move{kind: "terminate", name: n, lag: lag} }
	wait := func(d time.Duration) move { return move{kind: "wait", lag: d} }
	for _, test := range []struct {
		name  string
		moves []move
		want  []string
	}{
		{"held until named", []move{hold("a"), up("a"), turn(0, "a")}, []string{"a added"}},
		{"named before it is ready", []move{hold("a"), turn(0, "a"), up("a")}, []string{"a added"}},
		{"blue to green", []move{add("a"), up("a"), hold("b"), up("b"), turn(5*ms, "b"), wait(9 * ms)},
			[]string{"a added", "b added", "a removed: switched"}},
		{"without lag", []move{add("a"), up("a"), hold("b"), up("b"), turn(0, "b")},
			[]string{"a added", "b added", "a removed: switched"}},
		{"and back, while it is still listed", []move{add("a"), up("a"), hold("b"), up("b"), turn(5*ms, "b"), wait(3 * ms), turn(1*ms, "a"), wait(9 * ms)},
			[]string{"a added", "b added", "b removed: switched"}},
		{"and back later", []move{add("a"), up("a"), hold("b"), up("b"), turn(1*ms, "b"), wait(3 * ms), turn(0, "a")},
			[]string{"a added", "b added", "a removed: switched", "a added", "b removed: switched"}},
		{"readiness does not bring it back", []move{add("a"), up("a"), hold("b"), turn(0, "b"), down("a"), up("a")},
			[]string{"a added", "a removed: switched"}},
		{"unready in the lag", []move{add("a"), up("a"), hold("b"), turn(5*ms, "b"), down("a"), up("a"), wait(9 * ms)},
			[]string{"a added", "a removed: unready"}},
		{"terminating first", []move{add("a"), up("a"), hold("b"), turn(7*ms, "b"), term("a", 2*ms), wait(9 * ms)},
			[]string{"a added", "a removed: terminating"}},
		{"terminating last", []move{add("a"), up("a"), hold("b"), turn(2*ms, "b"), term("a", 7*ms), wait(9 * ms)},
			[]string{"a added", "a removed: switched"}},
		{"terminating before the switch", []move{add("a"), up("a"), hold("b"), term("a", 7*ms), turn(2*ms, "b"), wait(9 * ms)},
			[]string{"a added", "a removed: terminating"}},
		{"gone in the lag", []move{add("a"), up("a"), hold("b"), turn(5*ms, "b"), {kind: "remove", name: "a"}, wait(9 * ms)},
			[]string{"a added", "a removed: gone"}},
		{"a second switch shortens the lag", []move{add("a"), up("a"), hold("b"), turn(9*ms, "b"), turn(1*ms, "b"), wait(2 * ms)},
			[]string{"a added", "a removed: switched"}},
		{"and does not lengthen it", []move{add("a"), up("a"), hold("b"), turn(2*ms, "b"), turn(9*ms, "b"), wait(3 * ms)},
			[]string{"a added", "a removed: switched"}},
		{"added after the switch", []move{hold("a"), up("a"), turn(0, "a"), add("b"), up("b")}, []string{"a added", "b added"}},
		{"a name that nobody knows changes nothing", []move{add("a"), up("a"), hold("b"), up("b"), turn(0, "b", "d")}, []string{"a added"}},
		{"nor one that terminates", []move{add("a"), up("a"), hold("b"), up("b"), term("b", ms), turn(0, "b")}, []string{"a added"}},
		{"nor none", []move{add("a"), up("a"), turn(0)}, []string{"a added"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := playMoves(t, false, test.moves); err != nil {
				t.Fatal(err) // the model is held to what this table says
			}
			m := &model{all: map[string]*replica{}, now: time.Millisecond}
			for _, v := range test.moves {
				m.do(v)
			}
			if !slices.Equal(m.events, test.want) {
				t.Errorf("events %q, want %q", m.events, test.want)
			}
		})
	}
}
