package truth

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/redact"
	"github.com/shakedown-dev/shakedown/harness/traffic/acknowledged"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// orders is a ledger of acknowledged orders.
func orders(within time.Duration) scenarios.PlannedLedger {
	return scenarios.PlannedLedger{
		ID: "integrity/orders", Journey: "shop", Step: "order", Key: "${order}", Want: "once", Within: scenarios.Duration(within),
	}
}

// bookOf is a closed book in which these keys of the first ledger stand.
func bookOf(t testing.TB, ledgers []scenarios.PlannedLedger, redacted func(string) string, keys ...string) *acknowledged.Book {
	t.Helper()
	b, err := acknowledged.Create(filepath.Join(t.TempDir(), "acknowledged"), ledgers, redacted)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if b.Takes(0) {
			b.Add(0, key)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return b
}

// A script is a source that shows one thing after the other, the last for ever.
type script struct {
	readings []reading
	at       []time.Duration // when it was read
	clock    clock.Clock
}

type reading struct {
	keys       []string
	deliveries []int64
	err        error
	hangs      bool
}

func (s *script) read(ctx context.Context, each func(string, int64) error) error {
	s.at = append(s.at, s.clock.Now())
	r := s.readings[min(len(s.at), len(s.readings))-1]
	if r.hangs {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	for i, key := range r.keys {
		var n int64
		if i < len(r.deliveries) {
			n = r.deliveries[i]
		}
		if err := each(key, n); err != nil {
			return err
		}
	}
	return r.err
}

// follow compares a ledger with what a script shows, on virtual time. Traffic
// ended so long ago.
func follow(t *testing.T, l scenarios.PlannedLedger, ago time.Duration, s *script, acknowledgedKeys ...string) (result journal.Ledger) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		result = compareWith(t.Context(), t, l, ago, s, acknowledgedKeys...)
	})
	return result
}

func compareWith(ctx context.Context, t *testing.T, l scenarios.PlannedLedger, ago time.Duration, s *script, keys ...string) journal.Ledger {
	t.Helper()
	s.clock = clock.Start()
	cfg := &Config{Ledgers: []scenarios.PlannedLedger{l}, Book: bookOf(t, []scenarios.PlannedLedger{l}, nil, keys...), Clock: s.clock, Ended: -ago}
	return cfg.compareSource(ctx, 0, func() (source, error) { return s, nil })
}

func TestWhatIsFound(t *testing.T) {
	one := func(keys ...string) []reading { return []reading{{keys: keys}} }
	once, none, alone := orders(0), orders(0), orders(0)
	none.Want, none.Journey = "none", ""
	alone.Journey = ""
	for name, c := range map[string]struct {
		ledger       scenarios.PlannedLedger
		acknowledged []string
		readings     []reading
		want         journal.Ledger
	}{
		"everything once":          {once, []string{"a", "b"}, one("b", "a"), journal.Ledger{Acknowledged: 2, Found: 2}},
		"acknowledged twice":       {once, []string{"a", "b", "a"}, one("b", "a"), journal.Ledger{Acknowledged: 2, Found: 2}},
		"others besides":           {once, []string{"a"}, one("x", "a", "y"), journal.Ledger{Acknowledged: 1, Found: 3}},
		"missing":                  {once, []string{"a", "b", "c", "b"}, one("a"), journal.Ledger{Acknowledged: 3, Found: 1, Missing: 2, MissingKeys: []string{"b", "c"}}},
		"repeated":                 {once, []string{"a", "b"}, one("a", "b", "a", "a"), journal.Ledger{Acknowledged: 2, Found: 4, Repeated: 1, RepeatedKeys: []string{"a"}}},
		"another repeated":         {once, []string{"a"}, one("x", "a", "x"), journal.Ledger{Acknowledged: 1, Found: 3, Repeated: 1, RepeatedKeys: []string{"x"}}},
		"nothing acknowledged":     {once, nil, one("a"), journal.Ledger{Found: 1}},
		"mistakes":                 {none, nil, one("p-1", "p-2"), journal.Ledger{Found: 2, FoundKeys: []string{"p-1", "p-2"}}},
		"no mistakes":              {none, nil, one(), journal.Ledger{}},
		"only what is read":        {alone, nil, one("slugs", "slugs"), journal.Ledger{Found: 2, Repeated: 1, RepeatedKeys: []string{"slugs"}}},
		"delivered again":          {once, []string{"a", "b"}, []reading{{keys: []string{"a", "b"}, deliveries: []int64{1, 3}}}, journal.Ledger{Acknowledged: 2, Found: 2, Again: 1, MostDeliveries: 3}},
		"done and delivered again": {once, []string{"a"}, []reading{{keys: []string{"a", "a"}, deliveries: []int64{2, 3}}}, journal.Ledger{Acknowledged: 1, Found: 2, Repeated: 1, RepeatedKeys: []string{"a"}, Again: 1, MostDeliveries: 3}},
		"keys of several lines":    {once, []string{"a\nb"}, one("a\nb"), journal.Ledger{Acknowledged: 1, Found: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.ID, c.want.Readings = "integrity/orders", 1
			if got := follow(t, c.ledger, 0, &script{readings: c.readings}, c.acknowledged...); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

// The system has its time, from the end of traffic, and not a reading more than
// it takes.
func TestItIsReadUntilItIsShown(t *testing.T) {
	none := orders(10 * time.Second)
	none.Want, none.Journey = "none", ""
	alone := orders(10 * time.Second)
	alone.Journey = ""
	broken := errors.New("relation does not exist")
	for name, c := range map[string]struct {
		ledger   scenarios.PlannedLedger
		ago      time.Duration
		readings []reading
		want     string // times of the readings; found, missing and repeated; error
	}{
		"at once":           {orders(10 * time.Second), 0, []reading{{keys: []string{"a", "b"}}}, "[0s] 2 0 0 "},
		"later":             {orders(10 * time.Second), 0, []reading{{keys: nil}, {keys: []string{"a"}}, {keys: []string{"a", "b"}}}, "[0s 100ms 300ms] 2 0 0 "},
		"mended":            {orders(10 * time.Second), 0, []reading{{keys: []string{"a", "a", "b"}}, {keys: []string{"a", "b"}}}, "[0s 100ms] 2 0 0 "},
		"after an error":    {orders(10 * time.Second), 0, []reading{{err: broken}, {keys: []string{"a", "b"}}}, "[0s 100ms] 2 0 0 "},
		"never":             {orders(3 * time.Second), 0, []reading{{keys: []string{"a"}}}, "[0s 100ms 300ms 700ms 1.5s 2.5s 3s] 1 1 0 "},
		"time is over":      {orders(3 * time.Second), time.Minute, []reading{{keys: []string{"a"}}}, "[0s] 1 1 0 "},
		"an error for ever": {orders(time.Second), 0, []reading{{err: broken}}, "[0s 100ms 300ms 700ms 1s] 0 0 0 relation does not exist"},
		"an error at last":  {orders(time.Second), 0, []reading{{keys: []string{"a"}}, {err: broken}}, "[0s 100ms 300ms 700ms 1s] 1 1 0 relation does not exist"},
		"half a reading":    {orders(0), 0, []reading{{keys: []string{"a"}, err: broken}}, "[0s] 0 0 0 relation does not exist"},
		"mistakes go":       {none, 0, []reading{{keys: []string{"x"}}, {}}, "[0s 100ms] 0 0 0 "},
		"something comes":   {alone, 0, []reading{{}, {keys: []string{"x"}}}, "[0s 100ms] 1 0 0 "},
		"a hanging one": {orders(12 * time.Second), 0, []reading{{hangs: true}, {keys: []string{"a", "b"}}},
			"[0s] 0 0 0 no complete answer within 22s"}, // no reading begins when time is over
		"one that hangs for a time": {orders(time.Minute), 0, []reading{{hangs: true}, {keys: []string{"a", "b"}}}, "[0s 30.1s] 2 0 0 "},
		"one that hangs for ever": {orders(time.Minute), 0, []reading{{hangs: true}},
			"[0s 30.1s] 0 0 0 no complete answer within 30s"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{readings: c.readings}
			r := follow(t, c.ledger, c.ago, s, "a", "b")
			got := fmt.Sprintf("%v %d %d %d %s", s.at, r.Found, r.Missing, r.Repeated, r.Error)
			if got != c.want || r.Readings != len(s.at) {
				t.Errorf("%s (%d readings), want %s", got, r.Readings, c.want)
			}
			if last := s.at[len(s.at)-1] + c.ago; r.Took < last || r.Took > last+longestReading {
				t.Errorf("took %v, the last reading was %v after traffic", r.Took, last)
			}
		})
	}
}

// Whoever gives up does not wait.
func TestItCanBeInterrupted(t *testing.T) {
	for name, r := range map[string]reading{"in a reading": {hangs: true}, "in a pause": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				got := compareWith(ctx, t, orders(time.Minute), 0, &script{readings: []reading{r}}, "a")
				if got.Took != 50*time.Millisecond || got.Error != "interrupted before it was over" {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

// Some at a time, and the results in the order of the plan.
func TestFourAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ledgers []scenarios.PlannedLedger
		for i := range 9 {
			l := orders(0)
			l.ID, l.Journey, l.SQL = fmt.Sprint(i), "", &scenarios.SQLRead{Service: "api", URLFrom: "DATABASE_URL"}
			ledgers = append(ledgers, l)
		}
		var mutex sync.Mutex
		now, most := 0, 0
		database := func(scenarios.SQLRead) (string, error) {
			mutex.Lock()
			now++
			most = max(most, now)
			mutex.Unlock()
			time.Sleep(time.Second)
			mutex.Lock()
			now--
			mutex.Unlock()
			return "", errors.New("not there")
		}
		results := Compare(t.Context(), Config{Ledgers: ledgers, Book: bookOf(t, ledgers, nil), Database: database, Clock: clock.Start()})
		for i, r := range results {
			if r.ID != fmt.Sprint(i) || r.Error != "not there" || r.Readings != 1 {
				t.Errorf("result %d: %+v", i, r)
			}
		}
		if most != 4 {
			t.Errorf("%d at once, want 4", most)
		}
	})
}

func TestLostIsSaid(t *testing.T) {
	l := orders(0)
	l.SQL = &scenarios.SQLRead{}
	book, err := acknowledged.Create(t.TempDir(), []scenarios.PlannedLedger{l}, nil)
	if err != nil {
		t.Fatal(err)
	}
	book.Lose(0)
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	got := Compare(t.Context(), Config{Ledgers: []scenarios.PlannedLedger{l}, Book: book, Clock: clock.Start(),
		Database: func(scenarios.SQLRead) (string, error) { return "", errors.New("not there") }})
	if got[0].Lost != 1 {
		t.Errorf("%+v", got)
	}
}

// Keys that hold a secret are told apart all the same, and named without it.
func TestKeysWithSecrets(t *testing.T) {
	r := redact.New()
	r.Add("api.TOKEN", "geheim")
	l := orders(0)
	s := &script{readings: []reading{{keys: []string{"geheim-1", "geheim-2", "geheim-2"}}}, clock: clock.Start()}
	cfg := &Config{Ledgers: []scenarios.PlannedLedger{l}, Clock: s.clock,
		Book: bookOf(t, []scenarios.PlannedLedger{l}, r.String, "geheim-1", "geheim-2", "geheim-3")}
	got := cfg.compareSource(t.Context(), 0, func() (source, error) { return s, nil })
	if got.Acknowledged != 3 || got.Missing != 1 || got.Repeated != 1 || strings.Contains(fmt.Sprint(got), "geheim") ||
		!strings.HasPrefix(strings.Join(got.MissingKeys, ""), "[env api.TOKEN]-3 #") {
		t.Errorf("%+v", got)
	}
}

// What a ledger says is what counting by hand says, whatever was read before.
func TestTallyCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[a-f]{1,2}`)
		tally := newTally(1000)
		acked := map[string]bool{}
		for _, k := range rapid.SliceOf(key).Draw(t, "acknowledged") {
			acked[k] = true
			if err := tally.acknowledge([]byte(k)); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 3).Draw(t, "readings") {
			tally.reset()
			found, again, most := map[string]int{}, map[string]bool{}, 0
			rows := rapid.SliceOf(key).Draw(t, "found")
			for _, k := range rows {
				n := rapid.IntRange(0, 3).Draw(t, "deliveries")
				found[k]++
				most = max(most, n)
				if n > 1 {
					again[k] = true
				}
				if err := tally.find(k, int64(n)); err != nil {
					t.Fatal(err)
				}
			}
			missing, repeated := 0, 0
			for k := range acked {
				if found[k] == 0 {
					missing++
				}
			}
			for _, n := range found {
				if n > 1 {
					repeated++
				}
			}
			got := []int{tally.acknowledged, tally.rows, tally.missing(), tally.repeated, len(tally.repeatedKeys), tally.again, tally.mostDeliveries}
			want := []int{len(acked), len(rows), missing, repeated, min(repeated, mostKeys), len(again), most}
			if !slices.Equal(got, want) {
				t.Fatalf("counted %v, want %v", got, want)
			}
		}
	})
}

func TestTooManyKeys(t *testing.T) {
	tally := newTally(2)
	for i, want := range []bool{true, true, false} {
		if err := tally.acknowledge([]byte{byte(i)}); (err == nil) != want {
			t.Errorf("acknowledged key %d: %v", i, err)
		}
		if err := tally.find(string([]byte{byte(i)}), 0); (err == nil) != want {
			t.Errorf("found key %d: %v", i, err)
		}
	}
	if err := tally.acknowledge([]byte{0}); err != nil {
		t.Errorf("the same again: %v", err)
	}
}

// A ledger names some keys, not all of a hundred.
func TestNamesAreCapped(t *testing.T) {
	var keys, twice []string
	for i := range 100 {
		keys = append(keys, fmt.Sprintf("o-%03d", i))
		twice = append(twice, fmt.Sprintf("x-%03d", i), fmt.Sprintf("x-%03d", i))
	}
	got := follow(t, orders(0), 0, &script{readings: []reading{{keys: twice}}}, keys...)
	if got.Missing != 100 || got.Repeated != 100 || len(got.MissingKeys) != mostKeys || len(got.RepeatedKeys) != mostKeys || got.MissingKeys[0] != "o-000" {
		t.Errorf("%+v", got)
	}
}
