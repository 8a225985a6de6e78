package traffic

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/acknowledged"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// book makes the book of a plan's ledgers, and keys reads one of them.
func book(t *testing.T, plan *scenarios.Plan) *acknowledged.Book {
	t.Helper()
	b, err := acknowledged.Create(t.TempDir(), plan.Ledgers, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func keys(t *testing.T, b *acknowledged.Book, ledger int) (all []string) {
	t.Helper()
	if err := b.Read(ledger, func(text []byte) error {
		all = append(all, string(text))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// A shop confirms orders, and knows which.
type shop struct {
	mutex     sync.Mutex
	requests  int
	confirmed []string
}

// order answers every kind of way: each request in its turn.
func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.requests++
	id := fmt.Sprintf("o-%03d", s.requests)
	switch s.requests % 6 {
	case 1:
		http.Error(w, `{"id": "`+id+`"}`, http.StatusInternalServerError)
	case 2:
		_, _ = fmt.Fprint(w, `{"note": "no id"}`)
	case 3:
		w.Header().Set("Content-Length", "1000")
		_, _ = fmt.Fprintf(w, `{"id": %q}`, id)
		panic(http.ErrAbortHandler) // the answer is cut off
	case 4:
		_, _ = fmt.Fprintf(w, `{"id": %q, "state": "rejected"}`, id)
	default:
		s.confirmed = append(s.confirmed, r.URL.Query().Get("uuid")+" "+id)
		_, _ = fmt.Fprintf(w, `{"id": %q, "state": "taken"}`, id)
	}
}

// What is written down is what a client may rely on: no failure, no answer that
// was cut off, none that says something else, none without its id.
func TestAcknowledgedIsWhatSucceeded(t *testing.T) {
	var s shop
	addr := serve(t, s.order)
	order := get("/orders?uuid=${uuid}")
	order.Name, order.Extract = "order", map[string]scenarios.Extract{"order": {JSON: "$.id"}}
	order.Expect = scenarios.Expect{Status: []int{200}, JSON: map[string]string{"$.state": "taken"}}
	after := get("/after") // the shop does not care what it is asked
	plan := planOf(200, ms(600), order, after)
	plan.Ledgers = []scenarios.PlannedLedger{
		{ID: "integrity/orders", Journey: "shop", Step: "order", Key: "${uuid} ${order}"},
		{ID: "integrity/drift"}, // acknowledges nothing
		{ID: "drain/worker", Journey: "shop", Step: "order", Key: "${order}"},
		{ID: "integrity/elsewhere", Journey: "other", Step: "order", Key: "${order}"},
	}
	b := book(t, plan)
	play(t, plan, addr, func(c *Config) { c.Acknowledged = b })
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	confirmed := slices.DeleteFunc(s.confirmed, func(key string) bool { return strings.HasPrefix(key, " ") }) // those of the step after
	slices.Sort(confirmed)
	if got := keys(t, b, 0); len(got) == 0 || !slices.Equal(got, confirmed) {
		t.Errorf("acknowledged %v, the shop confirmed %v", got, confirmed)
	}
	var ids []string
	for _, key := range confirmed {
		ids = append(ids, key[strings.Index(key, " ")+1:])
	}
	slices.Sort(ids)
	if got := keys(t, b, 2); !slices.Equal(got, ids) {
		t.Errorf("acknowledged %v for the worker, want %v", got, ids)
	}
	if got := keys(t, b, 3); len(got) != 0 || b.Takes(1) {
		t.Errorf("keys of nobody's step: %v", got)
	}
	for i := range plan.Ledgers {
		if b.Lost(i) != 0 {
			t.Errorf("%s lost %d", plan.Ledgers[i].ID, b.Lost(i))
		}
	}
}

// A polling acknowledges once, when it has what it waits for.
func TestAPollingAcknowledgesItsEnd(t *testing.T) {
	var n int
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) { // one connection: one at a time
		n++
		_, _ = fmt.Fprintf(w, `{"state": %q}`, map[bool]string{true: "done", false: "running"}[n%3 == 0])
	})
	state := get("/state")
	state.Poll = &scenarios.Poll{Until: scenarios.Expect{JSON: map[string]string{"$.state": "done"}}, Every: ms(1), Within: ms(60_000)}
	plan := connections(planOf(10, ms(100), state), 1)
	plan.Ledgers = []scenarios.PlannedLedger{{ID: "integrity/imports", Journey: "shop", Step: "state", Key: "s${session}"}}
	b := book(t, plan)
	play(t, plan, addr, func(c *Config) { c.Acknowledged = b })
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, b, 0); len(got) != 1 || n != 3 {
		t.Errorf("%d requests, acknowledged %v; want 3 and one key", n, got)
	}
}

// Nobody knows what a key without its variable stands for: lost, and said once.
func TestAKeyWithoutItsVariableIsLost(t *testing.T) {
	addr := serve(t, func(http.ResponseWriter, *http.Request) {})
	plan := planOf(200, ms(100), get("/a"))
	plan.Ledgers = []scenarios.PlannedLedger{{ID: "integrity/orders", Journey: "shop", Step: "a", Key: "${order}"}}
	b := book(t, plan)
	totals, rec := play(t, plan, addr, func(c *Config) { c.Acknowledged = b })
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if totals.OK != 20 || b.Lost(0) != 20 || len(keys(t, b, 0)) != 0 {
		t.Errorf("%d requests, %d lost, written %v; want 20, 20 and nothing", totals.OK, b.Lost(0), keys(t, b, 0))
	}
	var notes []string
	for _, body := range rec.others {
		if note, ok := body.(journal.Note); ok {
			notes = append(notes, note.Text)
		}
	}
	want := []string{"integrity/orders: acknowledgements of step a have no key: variable order has no value; have that step, or one before it, extract it"}
	if !slices.Equal(notes, want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
}

func TestAKeyThatIsNoTemplateIsRefused(t *testing.T) {
	plan := planOf(200, ms(100), get("/a"))
	plan.Ledgers = []scenarios.PlannedLedger{{ID: "integrity/orders", Journey: "shop", Step: "a", Key: "${order"}}
	b := book(t, plan)
	defer func() { _ = b.Close() }()
	_, err := newDriver(Config{Plan: plan, Targets: map[string]string{"api": "127.0.0.1:1"}, Sink: &recorder{}, Acknowledged: b})
	if err == nil || !strings.Contains(err.Error(), "the key of ledger integrity/orders") {
		t.Errorf("error %v", errors.Unwrap(err))
	}
}
