package gateway

import (
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// What is taken of a session: longer names, in bytes, and names with characters
// that cannot be shown are no names of accounts.
const (
	longestAccount = 200
	longestTier    = 64
)

// sightingsLimit bounds the accounts that are told of in one second.
const sightingsLimit = 4096

// sightings are the sessions that a gateway sees by the headers of requests.
// Each account is told of once a second: its requests are many, and once is
// enough to keep what it has.
type sightings struct {
	headers SessionHeaders

	mu     sync.Mutex
	second time.Duration // of seen, in seconds
	seen   map[string]struct{}
	missed bool // a note says that there were more than sightingsLimit
}

// watchSessions is nil where no headers are to be watched.
func watchSessions(headers *SessionHeaders) *sightings {
	if headers == nil || headers.Account == "" || headers.Tier == "" {
		return nil
	}
	return &sightings{headers: *headers, seen: map[string]struct{}{}}
}

// see takes a request's head in. What it carries is told once a second.
func (g *Gateway) see(head *wire.Head) {
	account, tier := head.Get(g.sightings.headers.Account), head.Get(g.sightings.headers.Tier)
	if !isName(account, longestAccount) || !isName(tier, longestTier) {
		return
	}
	first, crowded := g.sightings.first(account, g.clk.Now())
	if first {
		g.Signal(journal.SessionSignal{Service: g.cfg.Service, Via: "header", Account: string(account), Tier: string(tier)})
	}
	if crowded {
		g.note("warning", "more accounts a second than it tells of; some sessions were not seen by their headers")
	}
}

// first says whether an account was not seen yet in this second, and once
// whether it is one too many.
func (s *sightings) first(account []byte, now time.Duration) (first, crowded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if second := now / time.Second; second != s.second {
		s.second = second
		clear(s.seen)
	}
	if _, ok := s.seen[string(account)]; ok {
		return false, false
	}
	if len(s.seen) >= sightingsLimit {
		crowded, s.missed = !s.missed, true
		return false, crowded
	}
	s.seen[string(account)] = struct{}{}
	return true, false
}

// Signal journals that the gateway was told of a session.
func (g *Gateway) Signal(signal journal.SessionSignal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.event(signal)
}

// isName tells whether a text can name an account or a tier.
func isName(text []byte, longest int) bool {
	if len(text) == 0 || len(text) > longest || !utf8.Valid(text) {
		return false
	}
	for _, r := range string(text) {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
