package measure

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// ledger is what a recorder should come to, the plain way.
type ledger struct {
	counts map[journal.Tag]counts
	times  map[journal.Tag]*hdrhistogram.Histogram
}

func newLedger() *ledger {
	return &ledger{map[journal.Tag]counts{}, map[journal.Tag]*hdrhistogram.Histogram{}}
}

func (l *ledger) record(tag journal.Tag, measure string, d time.Duration) {
	tag.Measure = measure
	if l.times[tag] == nil {
		l.times[tag] = journal.NewHistogram()
	}
	if err := l.times[tag].RecordValue(min(max(d.Microseconds(), 1), 600_000_000)); err != nil {
		panic(err)
	}
}

func (l *ledger) equal(t *rapid.T, b *book) {
	b.compare()
	got := b.sums()
	for tag, want := range l.counts {
		if got[tag] != want {
			t.Fatalf("%v: %+v, want %+v", tag, got[tag], want)
		}
	}
	if len(b.times) != len(l.times) {
		t.Fatalf("%d tags have times, want %d", len(b.times), len(l.times))
	}
	for tag, want := range l.times {
		if h := b.times[tag]; h == nil || !h.Equals(want) {
			t.Fatalf("the times of %v are not those that were recorded", tag)
		}
	}
}

// Whatever is recorded when, and however cuts and writes fall, it is on record
// once, under its tag.
func TestNothingIsLostOrDoubled(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		loads, phases, steps := rapid.IntRange(1, 2).Draw(rt, "loads"), rapid.IntRange(1, 3).Draw(rt, "phases"), rapid.IntRange(0, 2).Draw(rt, "steps")
		r, sink, want := New(planOf(loads, phases, steps), time.Second), newBook(t), newLedger()
		var pending *Batch
		now := time.Second
		times := rapid.Int64Range(-int64(time.Second), int64(20*time.Minute))
		instances := rapid.SampledFrom([]string{"", "api-1", "api-2"})
		record := func() {
			load, at := rapid.IntRange(0, loads-1).Draw(rt, "load"), time.Duration(rapid.Int64Range(0, int64(4*time.Second)).Draw(rt, "at"))
			row := r.Row(load, at)
			phase := min(int(at/time.Second), phases-1)
			tag := journal.Tag{Phase: "phase " + name(phase), Cohort: "cohort " + name(load), Tier: "gold", Journey: "shop"}
			meter := row.Session
			if k := rapid.IntRange(0, len(row.Steps)).Draw(rt, "step"); k > 0 {
				meter, tag.Step = row.Steps[k-1], "step "+name(k-1)
			}
			c, d := want.counts[tag], time.Duration(times.Draw(rt, "time"))
			switch rapid.IntRange(0, 6).Draw(rt, "what") {
			case 0:
				meter.Intend()
				c.intended++
			case 1:
				meter.Sent()
				c.sent++
			case 2:
				meter.Own()
				meter.End(Fail, d, 0, "")
				c.own++
				c.failed++
			case 3:
				meter.Lag(d)
				want.record(tag, journal.Lag, d)
			case 4:
				meter.Waited(d)
				want.record(tag, journal.Waited, d)
			case 5:
				instance, service := instances.Draw(rt, "instance"), d/2
				meter.End(OK, d, service, instance)
				c.ok++
				if service > 0 {
					want.record(tag, journal.Service, service)
				}
				of := tag
				of.Instance = instance
				want.record(of, journal.Response, d)
			case 6:
				o := rapid.SampledFrom([]Outcome{Fail, Unknown}).Draw(rt, "outcome")
				meter.End(o, d, d, "api-1")
				if o == Fail {
					c.failed++
				} else {
					c.unknown++
				}
				if tag.Step != "" {
					want.record(tag, journal.Failed, d)
				}
			}
			want.counts[tag] = c
		}
		finish := func() {
			if err := pending.Write(sink); err != nil {
				rt.Fatal(err)
			}
			pending = nil
		}
		for range rapid.IntRange(0, 80).Draw(rt, "actions") {
			switch rapid.IntRange(0, 9).Draw(rt, "action") {
			case 0:
				now += time.Duration(rapid.IntRange(0, 2000).Draw(rt, "ms")) * time.Millisecond
				b := r.Cut(now, Gauges{})
				if (b == nil) != (pending != nil) {
					rt.Fatalf("batch %v while the one before is %v", b, pending)
				}
				if b != nil {
					pending = b
				}
			case 1:
				finish()
			default:
				record()
			}
		}
		finish()
		pending = r.Cut(now+time.Second, Gauges{})
		finish()
		want.equal(rt, sink)
		totals(rt, r, want)
		for tag, spans := range sink.spans {
			for i := 1; i < len(spans); i++ {
				if spans[i][0] < spans[i-1][1] {
					rt.Fatalf("intervals of %v overlap: %v", tag, spans)
				}
			}
		}
	})
}

// totals are right whatever was written when.
func totals(t *rapid.T, r *Recorder, l *ledger) {
	var want Totals
	lags := journal.NewHistogram()
	for tag, c := range l.counts {
		if tag.Step == "" {
			want.Sessions += c.intended
			continue
		}
		want.Intended, want.Requests = want.Intended+c.intended, want.Requests+c.sent
		want.OK, want.Failed, want.Unknown = want.OK+c.ok, want.Failed+c.failed, want.Unknown+c.unknown
	}
	for tag, h := range l.times {
		if tag.Step != "" && tag.Measure == journal.Lag {
			lags.Merge(h)
		}
	}
	want.LagP50, want.LagP99, want.LagMax = at(lags, 50), at(lags, 99), time.Duration(lags.Max())*time.Microsecond
	if got := r.Totals(); got != want {
		t.Fatalf("totals %+v, want %+v", got, want)
	}
}

// While one goroutine writes, the loop goes on: for the race detector, too.
func TestRecordingWhileWriting(t *testing.T) {
	r, sink := New(planOf(2, 1, 3), 0), newBook(t)
	batches := make(chan *Batch)
	written := make(chan error)
	go func() {
		defer close(written)
		for b := range batches {
			if err := b.Write(sink); err != nil {
				written <- err
				return
			}
		}
	}()
	const requests = 100_000
	skipped := 0
	for i := range requests {
		m := r.Row(i%2, 0).Steps[i%3]
		m.Intend()
		m.End(OK, time.Duration(i)*time.Microsecond, 0, fmt.Sprint("api-", i*7/requests))
		if i%500 == 0 {
			if b := r.Cut(time.Duration(i), Gauges{}); b != nil {
				batches <- b
			} else {
				skipped++
			}
		}
	}
	close(batches)
	for err := range written {
		t.Fatal(err)
	}
	write(t, r, sink, requests)
	sum, times := 0, int64(0)
	for _, c := range sink.sums() {
		sum += c.ok
	}
	for _, h := range sink.times {
		times += h.TotalCount()
	}
	if sum != requests || times != requests {
		t.Errorf("%d requests and %d times on record, want %d (%d cuts came too early)", sum, times, requests, skipped)
	}
}

// An interval that is never written keeps its counts and quantiles and stays
// small, over a thousand meters as well.
func TestAnUnwrittenIntervalIsBounded(t *testing.T) {
	const meters, values = 1000, 4_000_000
	r, sink := New(planOf(10, 10, 9), 0), newBook(t)
	if len(r.meters) != meters {
		t.Fatalf("%d meters", len(r.meters))
	}
	want := journal.NewHistogram()
	random := rand.New(rand.NewPCG(1, 2))
	before := heap()
	for i := range values {
		d := time.Duration(max(2000+500*random.NormFloat64(), 1)) * time.Microsecond
		m := r.meters[i%7*140] // a few of them hot
		if i%10 == 0 {
			m = r.meters[i/10%meters]
		}
		m.End(OK, d, 0, "")
		_ = want.RecordValue(d.Microseconds())
	}
	if took := heap() - before; took > 64<<20 {
		t.Errorf("%d values of %d meters take %d MB", values, meters, took>>20)
	} else {
		t.Logf("%d values of %d meters take %.1f MB", values, meters, float64(took)/(1<<20))
	}
	write(t, r, sink, time.Second)
	sink.compare()
	sum := journal.NewHistogram()
	for _, h := range sink.times {
		sum.Merge(h)
	}
	if !sum.Equals(want) {
		t.Errorf("%d values on record, p99 %v; want %d, %v", sum.TotalCount(), at(sum, 99), want.TotalCount(), at(want, 99))
	}
	for range 8 {
		write(t, r, discard{}, 2*time.Second)
	}
	if took := heap() - before; took > 8<<20 {
		t.Errorf("%d MB are kept after quiet intervals", took>>20)
	}
	runtime.KeepAlive(r)
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// What the folded part takes for equal is equal to a histogram too.
func TestSlotsAreThoseOfHistograms(t *testing.T) {
	h := journal.NewHistogram()
	rapid.Check(t, func(rt *rapid.T) {
		a := rapid.Uint32Range(1, 600_000_000).Draw(rt, "a")
		if !h.ValuesAreEquivalent(int64(a), int64(slot(a))) || slot(a) > a {
			rt.Fatalf("%d is put down as %d", a, slot(a))
		}
		if b := a + 1; h.ValuesAreEquivalent(int64(a), int64(b)) != (slot(a) == slot(b)) {
			rt.Fatalf("%d and %d are put down as %d and %d", a, b, slot(a), slot(b))
		}
	})
}

func TestInstancesAreCapped(t *testing.T) {
	r, sink := New(planOf(1, 1, 1), 0), newBook(t)
	m := r.Row(0, 0).Steps[0]
	for i := range 3 * maxInstances {
		m.End(OK, time.Millisecond, 0, fmt.Sprint("api-", i))
		m.End(OK, time.Millisecond, 0, fmt.Sprint("api-", i))
	}
	write(t, r, sink, time.Second)
	rest := sink.times[journal.Tag{Phase: "phase aaa", Cohort: "cohort aaa", Tier: "gold", Journey: "shop", Step: "step aaa", Measure: journal.Response}]
	if len(sink.times) != maxInstances+1 || rest == nil || rest.TotalCount() != 4*maxInstances {
		t.Errorf("%d series, the rest %v", len(sink.times), rest)
	}
}

// A sink that fails stops its batch, not the recorder.
func TestASinkThatFails(t *testing.T) {
	r, sink := New(planOf(1, 1, 2), 0), newBook(t)
	full := errors.New("no space left on device")
	record := func() {
		for _, m := range r.Row(0, 0).Steps {
			m.End(OK, time.Millisecond, time.Millisecond, "")
		}
	}
	record()
	sink.err = full
	if err := r.Cut(time.Second, Gauges{}).Write(sink); !errors.Is(err, full) || sink.calls != 1 {
		t.Fatalf("%v after %d calls", err, sink.calls)
	}
	if err := r.Finish(sink, time.Second); err != nil {
		t.Errorf("no groups, yet %v", err)
	}
	sink.err, sink.last = nil, nil
	record()
	before := len(sink.traffic)
	write(t, r, sink, 2*time.Second)
	if got := len(sink.traffic) - before; got != 2 || r.Totals().OK != 4 {
		t.Errorf("%d events, totals %+v", got, r.Totals())
	}
}

// discard is a Sink that keeps nothing.
type discard struct{}

func (discard) Append(journal.Event) error     { return nil }
func (discard) Latency(journal.Interval) error { return nil }
