package docker

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// stage is a platform on a fake engine with one created instance, "api-1".
type stage struct {
	*fake
	*Platform
	t     *testing.T
	clock int64
}

const apiID = "id of shakedown-run-api-1"

// onStage runs a test in virtual time.
func onStage(t *testing.T, test func(*stage)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{
			states: map[string]*container.State{}, refuse: map[string][]error{},
			streams: []chan events.Message{make(chan events.Message)},
		}
		s := &stage{fake: f, Platform: open(f, "amd64", "run", "owner"), t: t, clock: 100}
		s.create()
		defer s.end()
		test(s)
	})
}

func (s *stage) create() {
	spec := platform.Spec{Name: "api-1"}
	spec.Config.Image = "api"
	if err := s.Create(context.Background(), spec); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) end() {
	if err := s.TearDown(context.Background()); err != nil {
		s.t.Errorf("tear down: %v", err)
	}
}

// message is an event of api-1.
func (s *stage) message(action events.Action, attributes ...string) events.Message {
	s.clock++
	m := events.Message{Action: action, TimeNano: s.clock, Actor: events.Actor{ID: apiID, Attributes: map[string]string{}}}
	for n := 0; n+1 < len(attributes); n += 2 {
		m.Actor.Attributes[attributes[n]] = attributes[n+1]
	}
	return m
}

// received is what has been delivered.
func (s *stage) received() []platform.Event {
	synctest.Wait()
	var all []platform.Event
	for {
		select {
		case e := <-s.Platform.Events():
			e.At = time.Time{}
			all = append(all, e)
		default:
			return all
		}
	}
}

func (s *stage) start() {
	if err := s.Start(context.Background(), "api-1"); err != nil {
		s.t.Fatal(err)
	}
}

func startedThen(exit platform.Exit) []platform.Event {
	return []platform.Event{
		{Kind: platform.Started, Name: "api-1"},
		{Kind: platform.Exited, Name: "api-1", Exit: exit},
	}
}

func (s *stage) expect(want []platform.Event) {
	s.t.Helper()
	if got := s.received(); !reflect.DeepEqual(got, want) {
		s.t.Errorf("events = %+v\n  want %+v", got, want)
	}
}

func TestHowItEnded(t *testing.T) {
	for _, c := range []struct {
		name    string
		play    func(s *stage, say func(events.Action, ...string))
		flagged bool // the engine's own opinion
		want    platform.Exit
		oom     bool // an event of that kind
	}{
		{"clean", func(_ *stage, say func(events.Action, ...string)) {
			say(events.ActionDie, "exitCode", "0")
		}, false, platform.Exit{}, false},
		{"kernel, said in order", func(_ *stage, say func(events.Action, ...string)) {
			say(events.ActionOOM)
			say(events.ActionDie, "exitCode", "137")
		}, false, platform.Exit{Code: 137, OOM: true}, true},
		{"kernel, said late", func(_ *stage, say func(events.Action, ...string)) {
			say(events.ActionDie, "exitCode", "137")
			time.Sleep(oomLate / 2)
			say(events.ActionOOM)
		}, false, platform.Exit{Code: 137, OOM: true}, true},
		{"kernel, said by the flag alone", func(_ *stage, say func(events.Action, ...string)) {
			say(events.ActionDie, "exitCode", "137")
			time.Sleep(2 * oomLate)
		}, true, platform.Exit{Code: 137, OOM: true}, false},
		{"killed from outside", func(_ *stage, say func(events.Action, ...string)) {
			say(events.ActionDie, "exitCode", "137")
			time.Sleep(2 * oomLate)
		}, false, platform.Exit{Code: 137}, false},
		{"killed through the engine", func(_ *stage, say func(events.Action, ...string)) {
			say(events.ActionKill, "signal", "9")
			say(events.ActionDie, "exitCode", "137")
		}, true, platform.Exit{Code: 137}, false},
		{"killed through the engine, said late", func(_ *stage, say func(events.Action, ...string)) {
			say(events.ActionDie, "exitCode", "137")
			say(events.ActionKill, "signal", "9")
		}, true, platform.Exit{Code: 137}, false},
		{"asked to end, killed by the kernel", func(_ *stage, say func(events.Action, ...string)) {
			say(events.ActionKill, "signal", "15")
			say(events.ActionOOM)
			say(events.ActionDie, "exitCode", "137")
		}, false, platform.Exit{Code: 137, OOM: true}, true},
		{"another process ran out of memory long before", func(_ *stage, say func(events.Action, ...string)) {
			say(events.ActionOOM)
			time.Sleep(2 * oomPast)
			say(events.ActionDie, "exitCode", "137")
			time.Sleep(2 * oomLate)
		}, false, platform.Exit{Code: 137}, true},
		{"another process ran out of memory, then an error", func(_ *stage, say func(events.Action, ...string)) {
			say(events.ActionOOM)
			say(events.ActionDie, "exitCode", "1")
		}, false, platform.Exit{Code: 1}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			onStage(t, func(s *stage) {
				s.states[apiID] = &container.State{OOMKilled: c.flagged}
				s.start()
				say := func(action events.Action, attributes ...string) {
					s.happened(context.Background(), s.message(action, attributes...))
				}
				say(events.ActionStart)
				c.play(s, say)
				want := startedThen(c.want)
				got := s.received()
				if c.oom {
					got = withoutOOM(t, got)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("events = %+v\n  want %+v", got, want)
				}
				if exit, err := s.Wait(context.Background(), "api-1"); exit != c.want || err != nil {
					t.Errorf("Wait = %+v, %v; want %+v", exit, err, c.want)
				}
			})
		})
	}
}

func withoutOOM(t *testing.T, all []platform.Event) (rest []platform.Event) {
	for _, e := range all {
		if e.Kind != platform.OOM {
			rest = append(rest, e)
		}
	}
	if len(rest) != len(all)-1 {
		t.Errorf("events = %+v, want one %s among them", all, platform.OOM)
	}
	return rest
}

// TestKilledRightAfterItsStart: the engine may not listen to the kernel yet.
func TestKilledRightAfterItsStart(t *testing.T) {
	for _, c := range []struct {
		name    string
		limit   int64
		after   time.Duration
		signal  string // through the engine
		wantOOM bool
	}{
		{"with a limit", 64 << 20, deaf / 2, "", true},
		{"without one", 0, deaf / 2, "", false},
		{"with a limit, later", 64 << 20, deaf, "", false},
		{"with a limit, asked for", 64 << 20, deaf / 2, "9", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			onStage(t, func(s *stage) {
				s.Platform.instances["api-1"].limited = c.limit > 0
				s.states[apiID] = &container.State{}
				s.start()
				s.happened(context.Background(), s.message(events.ActionStart))
				time.Sleep(c.after)
				if c.signal != "" {
					s.happened(context.Background(), s.message(events.ActionKill, "signal", c.signal))
				}
				s.happened(context.Background(), s.message(events.ActionDie, "exitCode", "137"))
				time.Sleep(2 * oomLate)
				s.expect(startedThen(platform.Exit{Code: 137, OOM: c.wantOOM}))
			})
		})
	}
}

// TestFlagOfAnEarlierLife: the engine's flag stays set after a restart.
func TestFlagOfAnEarlierLife(t *testing.T) {
	onStage(t, func(s *stage) {
		s.states[apiID] = &container.State{OOMKilled: true}
		for _, want := range []platform.Exit{{Code: 137, OOM: true}, {Code: 137}} {
			s.start()
			s.happened(context.Background(), s.message(events.ActionStart))
			s.happened(context.Background(), s.message(events.ActionDie, "exitCode", "137"))
			time.Sleep(2 * oomLate)
			s.expect(startedThen(want))
		}
	})
}

// TestFailedStartIsNoLife: the engine says that a container died which it could
// not start.
func TestFailedStartIsNoLife(t *testing.T) {
	onStage(t, func(s *stage) {
		s.refuse[apiID] = []error{errors.New("no such file")}
		if err := s.Start(context.Background(), "api-1"); err == nil || !strings.Contains(err.Error(), "api-1: no such file") {
			t.Errorf("Start = %v", err)
		}
		s.happened(context.Background(), s.message(events.ActionDie, "exitCode", "127"))
		s.expect(nil)
		if _, err := s.Wait(context.Background(), "api-1"); err == nil {
			t.Error("Wait for what could not be started returns no error")
		}
		s.start()
		s.happened(context.Background(), s.message(events.ActionStart))
		s.happened(context.Background(), s.message(events.ActionDie, "exitCode", "0"))
		s.expect(startedThen(platform.Exit{}))
	})
}

// TestStreamBreaksOff: events are neither lost nor doubled.
func TestStreamBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := make(chan events.Message), make(chan events.Message)
		f := &fake{states: map[string]*container.State{apiID: {Running: true}}, streams: []chan events.Message{one, two}}
		s := &stage{fake: f, Platform: open(f, "amd64", "run", "owner"), t: t, clock: 1_700_000_000_000_000_000}
		s.create()
		s.start()
		began := s.message(events.ActionStart)
		one <- began
		synctest.Wait()
		close(one)
		time.Sleep(2 * reconnectEvery)
		two <- began // the new stream begins with what was said last
		late := s.message(events.ActionDie, "exitCode", "3")
		late.TimeNano = began.TimeNano - 1 // stamped earlier, but put in line later
		two <- late
		s.expect(startedThen(platform.Exit{Code: 3}))
		if want := []string{"0.000000001", "1699999990.000000001"}; !reflect.DeepEqual(f.since, want) {
			t.Errorf("subscribed since %q, want %q", f.since, want)
		}
		s.end()
		if _, open := <-s.Platform.Events(); open {
			t.Error("the events go on after the tear-down")
		}
	})
}

// TestExitWhileBrokenOff: what the engine forgot to say is found by asking.
func TestExitWhileBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := make(chan events.Message)
		f := &fake{
			states:  map[string]*container.State{apiID: {ExitCode: 9}},
			streams: []chan events.Message{one, make(chan events.Message)},
		}
		s := &stage{fake: f, Platform: open(f, "amd64", "run", "owner"), t: t}
		s.create()
		s.start()
		s.clock = 5
		one <- s.message(events.ActionStart)
		close(one)
		if exit, err := s.Wait(context.Background(), "api-1"); exit.Code != 9 || err != nil {
			t.Errorf("Wait = %+v, %v; want 9", exit, err)
		}
		s.end()
	})
}

// TestRemovedWhileBrokenOff: a container that is gone has exited, however that
// went unseen.
func TestRemovedWhileBrokenOff(t *testing.T) {
	for name, c := range map[string]struct {
		repeated bool // the engine still knows how it ended
		want     platform.Exit
	}{
		"forgotten": {false, platform.Exit{Code: sigkilled}},
		"repeated":  {true, platform.Exit{Code: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				one, two, three := make(chan events.Message), make(chan events.Message), make(chan events.Message)
				f := &fake{states: map[string]*container.State{}, streams: []chan events.Message{one, two, three}}
				s := &stage{fake: f, Platform: open(f, "amd64", "run", "owner"), t: t}
				s.create()
				s.start()
				one <- s.message(events.ActionStart)
				synctest.Wait()
				close(one)
				if c.repeated {
					two <- s.message(events.ActionDie, "exitCode", "3")
				}
				time.Sleep(2 * reconnectEvery)
				close(two) // a second gap must not double it
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if exit, err := s.Wait(ctx, "api-1"); exit != c.want || err != nil {
					t.Errorf("Wait = %+v, %v; want %+v", exit, err, c.want)
				}
				time.Sleep(2 * repeatPatience)
				s.expect(startedThen(c.want))
				s.end()
			})
		})
	}
}

func TestStopSignal(t *testing.T) {
	onStage(t, func(s *stage) {
		s.states[apiID], s.stop = &container.State{}, "SIGQUIT"
		if signal, err := s.StopSignal(t.Context(), "api-1"); signal != "SIGQUIT" || err != nil {
			t.Errorf("StopSignal = %q, %v; want SIGQUIT", signal, err)
		}
		delete(s.states, apiID)
		for _, name := range []string{"api-1", "nobody-7"} {
			if _, err := s.StopSignal(t.Context(), name); !errors.Is(err, platform.ErrNotFound) {
				t.Errorf("StopSignal of %s, which is gone: %v", name, err)
			}
		}
	})
}

// TestEngineLost: nobody waits for ever for an engine that is gone.
func TestEngineLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := make(chan events.Message)
		f := &fake{streams: []chan events.Message{one}, states: map[string]*container.State{}}
		s := &stage{fake: f, Platform: open(f, "amd64", "run", "owner"), t: t}
		s.create()
		s.start()
		close(one)
		if _, err := s.Wait(context.Background(), "api-1"); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("Wait = %v, want what broke off", err)
		}
		if want := 1 + reconnectTimes; len(f.since) != want {
			t.Errorf("subscribed %d times, want %d", len(f.since), want)
		}
		s.end()
	})
}

// TestUnreadEventsBlockNobody: exits are seen even if no one reads events.
func TestUnreadEventsBlockNobody(t *testing.T) {
	onStage(t, func(s *stage) {
		for n := range 5000 {
			s.start()
			s.happened(context.Background(), s.message(events.ActionStart))
			s.happened(context.Background(), s.message(events.ActionDie, "exitCode", strconv.Itoa(n%100)))
			if exit, err := s.Wait(context.Background(), "api-1"); exit.Code != n%100 || err != nil {
				t.Fatalf("Wait = %+v, %v", exit, err)
			}
		}
	})
}
