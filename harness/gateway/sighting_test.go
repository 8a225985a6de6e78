package gateway

import (
	"fmt"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// What headers tell of sessions is journaled, each account once a second.
func TestSessionsSeenByHeaders(t *testing.T) {
	g, r := start(t, Config{Sessions: &SessionHeaders{Tier: "X-Tier", Account: "X-Account"}})
	add(t, g, r, "api-1", upstream(t, answers(okResponse)))
	b := open(t, g)
	for _, fields := range []string{
		"X-Account: a-1\r\nX-Tier: enterprise\r\n", "x-account: a-2\r\nx-tier: free\r\n",
		"X-Account: a-3\r\n", "X-Tier: enterprise\r\n", "X-Account: \r\nX-Tier: free\r\n", "X-Account: a\tb\r\nX-Tier: free\r\n",
		"X-Account: a-1\r\nX-Tier: enterprise\r\n",
	} {
		b.send("GET / HTTP/1.1\r\nHost: api\r\n" + fields + "\r\n")
		if resp, _, err := b.receive("GET"); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%q: %v, %v", fields, resp, err)
		}
	}
	_ = g.Close()
	seen := map[journal.SessionSignal]int{}
	for _, s := range of[journal.SessionSignal](r) {
		seen[s]++
	}
	first := journal.SessionSignal{Service: "api", Via: "header", Account: "a-1", Tier: "enterprise"}
	second := journal.SessionSignal{Service: "api", Via: "header", Account: "a-2", Tier: "free"}
	if len(seen) != 2 || seen[first] < 1 || seen[second] != 1 {
		t.Errorf("seen %v", seen)
	}
}

func TestSessionsAreNotSeenUnasked(t *testing.T) {
	for _, headers := range []*SessionHeaders{nil, {}, {Tier: "X-Tier"}} {
		if watchSessions(headers) != nil {
			t.Errorf("%+v is watched", headers)
		}
	}
}

func TestSightings(t *testing.T) {
	s := watchSessions(&SessionHeaders{Tier: "T", Account: "A"})
	for _, c := range []struct {
		account string
		at      time.Duration
		want    bool
	}{
		{"a", 0, true}, {"a", 999 * time.Millisecond, false}, {"b", 999 * time.Millisecond, true},
		{"a", time.Second, true}, {"a", 1900 * time.Millisecond, false}, {"a", 2 * time.Second, true},
	} {
		if first, _ := s.first([]byte(c.account), c.at); first != c.want {
			t.Errorf("%s at %v: first %v", c.account, c.at, first)
		}
	}
	told, crowded := 0, 0
	for i := range 2 * sightingsLimit {
		first, many := s.first(fmt.Append(nil, i), 10*time.Second)
		told += map[bool]int{true: 1}[first]
		crowded += map[bool]int{true: 1}[many]
	}
	if told != sightingsLimit || crowded != 1 || len(s.seen) != sightingsLimit {
		t.Errorf("told of %d accounts, %d times of too many, %d are kept", told, crowded, len(s.seen))
	}
	account := []byte("42")
	if n := testing.AllocsPerRun(100, func() { s.first(account, 10*time.Second) }); n != 0 {
		t.Errorf("%v allocations for an account that is known", n)
	}
}
