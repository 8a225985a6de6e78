// Package workspace has room made for accounts that are about to import large
// models: it announces their sessions to whoever runs the stack, which gives the
// importers more resources before the first model arrives, or says that there
// are none left.
package workspace

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// Tier is the tier whose sessions are announced.
const Tier = "enterprise"

// The sizes of a workspace, as an account is told them.
const (
	Standard = "standard" // what everybody has
	Large    = "large"    // there is room for large models
	Queued   = "queued"   // there will be, or a refusal
)

// remembered is how long an answer is remembered, which is as long as a session
// lasts.
const remembered = time.Hour

// Workspaces are the workspaces of all accounts. It keeps nothing in memory:
// which instance of a service asks makes no difference. Its fields are not
// changed once it is used; it is safe for concurrent use.
type Workspaces struct {
	// Late is the defect prescale-late: a session is not announced when it begins.
	Late bool
	// Seen are the accounts that the defect prescale-never-returned has seen; nil
	// without it. See Insist.
	Seen *Seen

	hook      *hook // nil: nothing is announced
	memory    *redis.Client
	announced *prometheus.CounterVec
	log       *slog.Logger
}

// New returns workspaces that are announced to an address; without one, nothing
// is, and everybody has the standard one. It contacts nobody.
func New(to *url.URL, client *redis.Client, m *telemetry.Metrics, log *slog.Logger) *Workspaces {
	w := &Workspaces{
		memory: client, log: log,
		announced: m.Counter("workspace_announcements_total", "Sessions and uploads announced, by state: granted, queued, rejected, none, failed.", "state"),
	}
	if to != nil {
		w.hook = newHook(to.String())
	}
	return w
}

// Begin announces a session that begins, and returns the size of the account's
// workspace. The larger one has taken effect by then. It never fails: a session
// without room for large models is better than none.
func (w *Workspaces) Begin(ctx context.Context, account, tier string) (size string) {
	if w.Late {
		return Standard
	}
	switch w.ask(ctx, account, tier).state {
	case granted:
		return Large
	case queued:
		return Queued
	}
	return Standard
}

// Admit announces an upload, which keeps a larger workspace for longer. wait is
// 0 if the upload may begin: the account has a larger workspace, or there is none
// for anybody like it. Otherwise the account was refused one, or is still waiting for it, and
// wait is how long to let pass before asking again; at least a second.
func (w *Workspaces) Admit(ctx context.Context, account, tier string) (wait time.Duration) {
	switch a := w.ask(ctx, account, tier); a.state {
	case queued, rejected:
		return max(a.after, time.Second)
	}
	return 0
}

// Close closes idle connections.
func (w *Workspaces) Close() {
	if w.hook != nil {
		w.hook.client.CloseIdleConnections()
	}
}

// ask announces an account. When nobody answers, what was answered last still
// holds: an account that was refused is not let in by a failure.
func (w *Workspaces) ask(ctx context.Context, account, tier string) answer {
	if w.hook == nil || tier != Tier {
		return answer{}
	}
	if w.Seen != nil {
		w.Seen.add(account)
	}
	a, err := w.announce(ctx, account)
	if err != nil {
		return answer{state: w.recall(ctx, account)}
	}
	w.remember(ctx, account, a.state)
	return a
}

// announce posts an announcement, and counts and logs what becomes of it.
func (w *Workspaces) announce(ctx context.Context, account string) (answer, error) {
	a, err := w.hook.announce(ctx, account, Tier)
	if err != nil {
		w.announced.WithLabelValues("failed").Inc()
		w.log.Warn("session not announced", "account", account, "error", err.Error())
		return answer{}, err
	}
	w.announced.WithLabelValues(string(a.state)).Inc()
	return a, nil
}

func (w *Workspaces) remember(ctx context.Context, account string, s state) {
	if err := w.memory.Set(ctx, key(account), string(s), remembered).Err(); err != nil {
		w.log.Warn("state of a workspace not stored", "account", account, "error", err.Error())
	}
}

// recall is the last answer about an account, "" if there is none.
func (w *Workspaces) recall(ctx context.Context, account string) state {
	last, err := w.memory.Get(ctx, key(account)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		w.log.Warn("state of a workspace not read", "account", account, "error", err.Error())
	}
	return state(last)
}

func key(account string) string { return "workspace:" + account }
