package gameday

import (
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/race"
	"github.com/shakedown-dev/shakedown/harness/steer"
)

// second is what a busy run says in one second: 5,000 requests that matter one by one
// with ten services, forty steps and thirty instances.
func second(observe func(journal.Event), t time.Duration) {
	for i := range 5000 {
		observe(journal.Event{T: t, Body: journal.Request{Service: "api", Instance: "api-1", Status: 503, Nth: i}})
	}
	for range 40 {
		observe(journal.Event{T: t, Body: journal.Traffic{Journey: "order", Step: "pay", For: time.Second, Intended: 125, Sent: 125, OK: 120, Failed: 5, P50: 20 * time.Millisecond, P99: 90 * time.Millisecond}})
	}
	for range 30 {
		observe(journal.Event{T: t, Body: journal.Tally{Service: "api", For: time.Second, Total: 166}})
		observe(journal.Event{T: t, Body: journal.Usage{Service: "api"}})
	}
	for range 20 { // something happens all the time
		observe(journal.Event{T: t, Body: journal.ProbeChanged{Service: "api", Instance: "api-1", Ready: t%2 == 0}})
	}
	observe(journal.Event{T: t, Body: journal.Generator{For: time.Second}})
}

// BenchmarkSecond is what a second of a busy run costs the server with two readers: its
// ns/op over 1e9 is the share of a core.
func BenchmarkSecond(b *testing.B) {
	f := newFeed(newBoard(Config{Plan: plan, Redact: func(s string) string { return s }}))
	for range 2 {
		_, frames := f.subscribe(-1)
		go func() {
			for range frames { // read and thrown away
			}
		}()
		defer f.unsubscribe(frames)
	}
	state := &steer.State{Kinds: kinds}
	b.ReportAllocs()
	for n := range b.N {
		second(f.observe, time.Duration(n)*time.Second)
		f.publish(state)
	}
}

// A day of a run takes no more room than an hour, and the page still sees all of it.
func TestADayFitsInBoundedMemory(t *testing.T) {
	f := newFeed(newBoard(Config{Plan: plan, Redact: func(s string) string { return s }}))
	f.observe(journal.Event{Body: journal.TrafficStarted{}})
	day := func(from, to int) {
		for n := from; n < to; n++ {
			at := time.Duration(n)*time.Second + time.Second
			f.observe(journal.Event{T: at, Body: journal.Traffic{Step: "pay", For: time.Second, Intended: 10, Sent: 10, OK: 10, P99: time.Millisecond}})
			f.observe(journal.Event{T: at, Body: journal.FaultStarted{Fault: "f" + at.String()}})
			f.observe(journal.Event{T: at, Body: journal.AlertChanged{Alert: at.String(), To: journal.AlertFiring}})
			f.observe(journal.Event{T: at, Body: journal.Steered{By: "ada", Verb: "note", Detail: "x"}})
			if n%30 == 0 {
				f.publish(nil)
			}
		}
	}
	hours := race.Less(24, 6)
	if testing.Short() {
		hours = 6
	}
	day(0, hours*3600)
	all := f.everything()
	if n := len(all.Points); n > maxPoints || n < maxPoints/2 {
		t.Errorf("%d points", n)
	}
	if len(all.Log) > maxEntries || len(all.People) > maxPeople || len(all.Bands.Faults) > maxBands || len(all.Bands.Alerts) > maxBands || len(f.kept) > keptFrames {
		t.Errorf("%d, %d, %d, %d, %d", len(all.Log), len(all.People), len(all.Bands.Faults), len(all.Bands.Alerts), len(f.kept))
	}
	sum, before := 0, int64(-1)
	for _, p := range all.Points {
		sum += p.sent
		if p.number <= before || p.width != all.Width {
			t.Fatalf("point %d of width %d after %d", p.number, p.width, before)
		}
		before = p.number
	}
	if sum != hours*3600*10 {
		t.Errorf("%d requests of %d are on the page", sum, hours*3600*10)
	}
	if size := len(encode(all)); size > 1<<20 {
		t.Errorf("the page begins with %d bytes", size)
	}
}

// Who does not read is sent away instead of holding up the run or the others.
func TestSlowReaders(t *testing.T) {
	f := newFeed(newBoard(Config{Plan: plan, Redact: func(s string) string { return s }}))
	_, slow := f.subscribe(-1)
	for range patience + 1 {
		f.publish(nil)
	}
	n := 0
	for range slow {
		n++
	}
	if n != patience || len(f.readers) != 0 {
		t.Errorf("got %d frames; %d readers are left", n, len(f.readers))
	}
	f.unsubscribe(slow)
}
