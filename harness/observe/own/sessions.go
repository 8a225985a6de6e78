package own

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// sessions is what prescaling is told of sessions, and what accounts ask for.
type sessions struct{ signals, claims *family }

func newSessions(c *catalogue) *sessions {
	return &sessions{
		signals: c.counter("shakedown_session_signals_total",
			"Times that a gateway was told of a session that begins or goes on, by how: webhook or header.", "service", "via", "tier"),
		claims: c.counter("shakedown_claims_total",
			"Claims of accounts to larger instances, by what became of them: granted, renewed, queued, rejected, released.", "service", "state"),
	}
}

func (s *sessions) observe(_ time.Duration, b journal.Body) {
	switch b := b.(type) {
	case journal.SessionSignal:
		s.signals.add(1, b.Service, b.Via, b.Tier)
	case journal.Claim:
		s.claims.add(1, b.Service, b.State)
	}
}
