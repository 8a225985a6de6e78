package verify

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// fit is a generator that nobody suspects: 100 seconds, 10,000 requests.
func fit() generator {
	g := generator{
		lag: journal.NewHistogram(), starts: journal.NewHistogram(), timeout: 10 * time.Second,
		requests: tally{intended: 10_000, sent: 10_000, ok: 10_000}, sessions: tally{intended: 1000, sent: 1000, ok: 1000},
		all: tally{intended: 10_000, sent: 10_000, ok: 10_000},
	}
	g.delayed(9_900, time.Millisecond)
	for i := range 100 {
		s := timed[journal.Generator]{time.Duration(i+1) * time.Second, journal.Generator{For: time.Second, Area: 10, Sojourn: 10,
			CPU: time.Second, Thread: 500 * time.Millisecond, CPUs: 2, Steal: .05, Files: 100, FileLimit: 1000}}
		g.seconds = append(g.seconds, s)
	}
	g.run = g.seconds
	return g
}

// delayed records the lag of some requests.
func (g *generator) delayed(n int64, lag time.Duration) {
	_ = g.lag.RecordValues(lag.Microseconds(), n)
}

// in changes the first n seconds.
func (g *generator) in(n int, change func(*journal.Generator)) {
	for i := range n {
		change(&g.seconds[i].body)
	}
}

// Each limit is where it is said to be: what is just within raises no
// suspicion, what is just past it does.
func TestLimitsOfSuspicion(t *testing.T) {
	const limit = time.Second // 50ms of lag are tolerable
	behind := func(g *generator) { g.delayed(200, 30*time.Millisecond) }
	thread := func(b *journal.Generator) { b.Thread = 901 * time.Millisecond }
	tests := []struct {
		name   string
		change func(*generator)
		reason string // "" for none
	}{
		{"fit", func(*generator) {}, ""},
		{"lag within", func(g *generator) { g.delayed(200, 49*time.Millisecond) }, ""},
		{"lag past", func(g *generator) { g.delayed(200, 51*time.Millisecond) }, "late itself: 1 request in 100 was sent"},
		{"sessions past", func(g *generator) { _ = g.starts.RecordValues(51_000, 10) }, "late itself: 1 session in 100 began"},
		{"short within", func(g *generator) { g.requests.intended = 10_050 }, ""},
		{"short past", func(g *generator) { g.requests.intended = 10_051 }, "sent 10,000 of 10,051 intended requests"},
		{"sessions short within", func(g *generator) { g.sessions.intended = 1005 }, ""},
		{"sessions short past", func(g *generator) { g.sessions.intended = 1006 }, "began 1,000 of 1,006 intended sessions"},
		{"not sent but refused", func(g *generator) { g.requests = tally{intended: 100, sent: 50, ok: 50, failed: 50} }, ""},
		{"not sent for want of ports is not short", func(g *generator) { g.requests = tally{intended: 10_000, sent: 9960, ok: 9960, failed: 40, own: 40} }, ""},
		{"what lacked ports makes up for nothing else", func(g *generator) { g.requests = tally{intended: 10_000, sent: 9900, ok: 9900, failed: 40, own: 40} }, "sent 9,940 of 10,000 intended requests"},
		{"books within", func(g *generator) { g.run[0].body.Sojourn += 10 }, ""},
		{"books past", func(g *generator) { g.run[0].body.Sojourn += 10.5 }, "contradicts itself"},
		{"books past, the other way", func(g *generator) { g.run[0].body.Area += 10.5 }, "contradicts itself"},
		{"under way at the end", func(g *generator) { g.run[0].body.Area += 20; g.run[99].body.InFlight = 1 }, ""},
		{"under way at the end explains no loss", func(g *generator) { g.run[0].body.Sojourn += 20; g.run[99].body.InFlight = 9 }, "contradicts itself"},
		{"books nearly empty", func(g *generator) {
			g.run = []timed[journal.Generator]{{time.Second, journal.Generator{For: time.Second, Area: .19, Sojourn: .1}}}
		}, ""},
		{"thread short, in time", func(g *generator) { g.in(100, thread) }, ""},
		{"behind, thread free", behind, ""},
		{"behind, thread short in 5 seconds of 100", func(g *generator) { behind(g); g.in(5, thread) }, ""},
		{"behind, thread short in 6", func(g *generator) { behind(g); g.in(6, thread) }, "own thread was busy for more than 90% of the time in 6 of 100 seconds"},
		{"thread at its limit", func(g *generator) {
			behind(g)
			g.in(100, func(b *journal.Generator) { b.Thread = 900 * time.Millisecond })
		}, ""},
		{"half of the tolerable, thread short", func(g *generator) { g.delayed(200, 24*time.Millisecond); g.in(100, thread) }, ""},
		{"late, thread short", func(g *generator) { g.delayed(200, 60*time.Millisecond); g.in(6, thread) }, "tolerable; the generator's own thread"},
		{"behind, process at its limit", func(g *generator) {
			behind(g)
			g.in(100, func(b *journal.Generator) { b.CPU = 1890 * time.Millisecond })
		}, ""},
		{"behind, process past", func(g *generator) {
			behind(g)
			g.in(100, func(b *journal.Generator) { b.CPU = 1910 * time.Millisecond })
		}, "the process of the generator used more than 95% of its CPUs"},
		{"behind, process of unknown CPUs", func(g *generator) {
			behind(g)
			g.in(100, func(b *journal.Generator) { b.CPU, b.CPUs = 9*time.Second, -1 })
		}, ""},
		{"behind, stolen within", func(g *generator) { behind(g); g.in(100, func(b *journal.Generator) { b.Steal = .1 }) }, ""},
		{"behind, stolen past", func(g *generator) { behind(g); g.in(100, func(b *journal.Generator) { b.Steal = .11 }) }, "hypervisor gave more than 10%"},
		{"stolen, in time", func(g *generator) { g.in(100, func(b *journal.Generator) { b.Steal = .5 }) }, ""},
		{"exhausted within", func(g *generator) { g.in(1, exhaust(50)) }, ""},
		{"exhausted past", func(g *generator) { g.in(1, exhaust(51)) }, "could not send 51 of 10,000 intended requests for want of ports"},
		{"own of the journey within", func(g *generator) { g.all.intended = 1e6; g.requests.own = 50 }, ""},
		{"own of the journey past", func(g *generator) { g.all.intended = 1e6; g.requests.own = 51 }, "could not send 51 of 10,000 intended requests"},
		{"own of all journeys past", func(g *generator) { g.all.own = 51 }, "could not send 51 of 10,000 intended requests"},
		{"descriptors within", func(g *generator) { g.in(1, func(b *journal.Generator) { b.Files = 899 }) }, ""},
		{"descriptors past", func(g *generator) { g.in(1, func(b *journal.Generator) { b.Files = 900 }) }, "900 of 1,000 descriptors"},
		{"descriptors unknown", func(g *generator) { g.in(1, func(b *journal.Generator) { b.Files, b.FileLimit = 900, -1 }) }, ""},
		{"an older record", func(g *generator) { g.seconds, g.run = nil, nil }, ""},
		{"no length", func(g *generator) { behind(g); g.in(100, func(b *journal.Generator) { b.For, b.Thread = 0, 0 }) }, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := fit()
			test.change(&g)
			have := g.suspect(limit)
			if (have.reason == "") != (test.reason == "") || !strings.Contains(have.reason, test.reason) {
				t.Errorf("have %q, want %q", have.reason, test.reason)
			}
		})
	}
}

func exhaust(n int) func(*journal.Generator) {
	return func(b *journal.Generator) { b.Exhausted = map[string]int{"ports": n} }
}

func TestTolerable(t *testing.T) {
	for limit, want := range map[time.Duration]time.Duration{
		0: 5 * time.Millisecond, 100 * time.Millisecond: 5 * time.Millisecond, 200 * time.Millisecond: 10 * time.Millisecond, time.Second: 50 * time.Millisecond,
	} {
		if have := tolerable(limit); have != want {
			t.Errorf("limit %v: %v, want %v", limit, have, want)
		}
	}
}

// The evidence is the worst second, not the first bad one.
func TestSuspicionShowsTheWorstSecond(t *testing.T) {
	g := fit()
	g.delayed(200, 30*time.Millisecond)
	g.in(10, func(b *journal.Generator) { b.Thread = 950 * time.Millisecond })
	g.seconds[7].body.Thread = 990 * time.Millisecond
	g.seconds[41].body.Files = 950
	g.seconds[40].body.Files = 940
	g.in(3, exhaust(30))
	g.seconds[50].body.Exhausted = map[string]int{"ports": 20, "files": 20}
	want := map[string]time.Duration{"own thread": 8 * time.Second, "descriptors": 42 * time.Second, "for want of files and ports": 51 * time.Second}
	for words, at := range want {
		found := false
		for _, e := range g.suspect(time.Second).evidence {
			if strings.Contains(e.Text, words) {
				found = true
				if e.From != at-time.Second || e.To != at {
					t.Errorf("%s: from %v to %v, want the second before %v", e.Text, e.From, e.To, at)
				}
			}
		}
		if !found {
			t.Errorf("no evidence with %q", words)
		}
	}
}

// Every suspicion has a run in testdata that raises it, and no other run does
// so by accident: what was fit before is fit still.
func TestEverySuspicionHasItsRun(t *testing.T) {
	raised := map[string][]string{
		"late itself": nil, "at its limit": nil, "own thread": nil, "process of the generator": nil, "hypervisor": nil,
		"contradicts itself": nil, "for want of ports": nil, "descriptors were open": nil, "load was not the one": nil, "missed answers": nil,
	}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range recorded(t, archive).Checks {
			for words := range raised {
				if strings.Contains(f.Reason, words) {
					raised[words] = append(raised[words], file)
					if f.Verdict != Inconclusive {
						t.Errorf("%s: %s is %s: %s", file, f.ID, f.Verdict, f.Reason)
					}
				}
			}
		}
	}
	for words, files := range raised {
		if len(files) == 0 {
			t.Errorf("no run in testdata raises %q", words)
		}
		for _, file := range files {
			if name := filepath.Base(file); !strings.Contains(name, "generator") && !strings.HasSuffix(name, "-late.txtar") {
				t.Errorf("%s raises %q", name, words)
			}
		}
	}
}
