// Package defects holds the switches that break one behaviour of the services
// on purpose, so that a check can be shown to fail.
package defects

import (
	"fmt"
	"slices"
	"strings"
)

// Env is the environment variable that lists the defects, comma-separated.
const Env = "ATELIER_DEFECT"

// Defect is the name of one broken behaviour.
type Defect string

// The defects there are.
const (
	// DrainIgnored exits at once on SIGTERM; what is in flight is lost.
	DrainIgnored Defect = "drain-ignored"
	// DrainListenerFirst closes the listener and idle connections at SIGTERM,
	// without waiting until the endpoint list has moved on.
	DrainListenerFirst Defect = "drain-listener-first"
	// DrainKeepaliveCut goes on taking new connections after SIGTERM, and closes
	// kept-alive ones in the moment in which the client sends on them.
	DrainKeepaliveCut Defect = "drain-keepalive-cut"
	// DrainTooSlow takes longer to drain than the grace period lasts.
	DrainTooSlow Defect = "drain-too-slow"
	// DrainExitNonzero drains as it should and exits with code 3.
	DrainExitNonzero Defect = "drain-exit-nonzero"
	// DrainDropsQueue acknowledges jobs before their work is done, and drops those
	// in hand at SIGTERM.
	DrainDropsQueue Defect = "drain-drops-queue"
	// ReadyEarly reports ready from process start, while initialization runs.
	ReadyEarly Defect = "ready-early"
	// ReadyCold reports ready before caches are warm: the first requests are slow.
	ReadyCold Defect = "ready-cold"
	// ReadyFlaps loses readiness again and again although all is well.
	ReadyFlaps Defect = "ready-flaps"
	// ReadySharedDependency makes readiness depend on the third party, which all
	// instances share.
	ReadySharedDependency Defect = "ready-shared-dependency"
	// ReadyStaysTrueOnTerm reports ready until the process exits.
	ReadyStaysTrueOnTerm Defect = "ready-stays-true-on-term"
	// SessionInMemory keeps sessions in the memory of the instance they began on.
	SessionInMemory Defect = "session-in-memory"
	// MigrationTwice has every new instance run the data migration again.
	MigrationTwice Defect = "migration-twice"
	// OrderLostOnTerm acknowledges orders that are still in memory, and drops them
	// at SIGTERM.
	OrderLostOnTerm Defect = "order-lost-on-term"
	// NoIdempotency ignores the client's idempotency key.
	NoIdempotency Defect = "no-idempotency"
	// ScaleMetricStuck shows the metric that the api is scaled on as it was when the
	// process started.
	ScaleMetricStuck Defect = "scale-metric-stuck"
	// ScaleSlowStart has every instance of the api take long to get ready.
	ScaleSlowStart Defect = "scale-slow-start"
	// PrescaleOff announces no session.
	PrescaleOff Defect = "prescale-off"
	// PrescaleLate announces a session only when its import has arrived.
	PrescaleLate Defect = "prescale-late"
	// PrescaleNeverReturned goes on announcing sessions that are over.
	PrescaleNeverReturned Defect = "prescale-never-returned"
	// WorkerKilledBusy drops the jobs in hand at SIGTERM; they are delivered again
	// when their lease is over.
	WorkerKilledBusy Defect = "worker-killed-busy"
	// RetryStorm asks the payment API again and again, without a pause and whatever
	// its breaker says.
	RetryStorm Defect = "retry-storm"
	// RetryNoJitter has all who try again wait for the same time.
	RetryNoJitter Defect = "retry-no-jitter"
	// IgnoresRetryAfter comes back before the payment API wanted it to.
	IgnoresRetryAfter Defect = "ignores-retry-after"
	// NoTimeout waits for the payment API for as long as it takes.
	NoTimeout Defect = "no-timeout"
	// NoBreaker goes on asking a payment API that does not answer.
	NoBreaker Defect = "no-breaker"
	// DoubleCharge has every attempt at a charge be a charge of its own.
	DoubleCharge Defect = "double-charge"
	// CacheStampede reads the database for everybody who does not find a hot read in
	// the cache.
	CacheStampede Defect = "cache-stampede"
	// PoolLeak does not give a connection to the database back when its query fails
	// or is cancelled.
	PoolLeak Defect = "pool-leak"
	// DNSCachedForever looks the hosts of database and payment API up once.
	DNSCachedForever Defect = "dns-cached-forever"
	// HardDependency shows the catalogue only when the payment API says that it is up.
	HardDependency Defect = "hard-dependency"
	// MetricsUnlabelled shows requests without their route and status code.
	MetricsUnlabelled Defect = "metrics-unlabelled"
	// MetricsStop shows no metrics any more once a request has failed.
	MetricsStop Defect = "metrics-stop"
)

var known = []Defect{
	DrainIgnored, DrainListenerFirst, DrainKeepaliveCut, DrainTooSlow, DrainExitNonzero, DrainDropsQueue,
	ReadyEarly, ReadyCold, ReadyFlaps, ReadySharedDependency, ReadyStaysTrueOnTerm,
	SessionInMemory, MigrationTwice, OrderLostOnTerm, NoIdempotency,
	ScaleMetricStuck, ScaleSlowStart, PrescaleOff, PrescaleLate, PrescaleNeverReturned, WorkerKilledBusy,
	RetryStorm, RetryNoJitter, IgnoresRetryAfter, NoTimeout, NoBreaker, DoubleCharge,
	CacheStampede, PoolLeak, DNSCachedForever, HardDependency,
	MetricsUnlabelled, MetricsStop,
}

// All lists the defects in the order of their documentation.
func All() []Defect { return slices.Clone(known) }

// Set is the defects of one process. The zero value has none. It is read-only
// after Parse and so safe for concurrent use.
type Set map[Defect]bool

// Parse reads a comma-separated list; blanks and empty entries are ignored. An
// unknown name is an error that lists the known ones: a misspelt defect must
// not look like a healthy stack.
func Parse(list string) (Set, error) {
	set := Set{}
	for entry := range strings.SplitSeq(list, ",") {
		name := Defect(strings.TrimSpace(entry))
		switch {
		case name == "":
		case slices.Contains(known, name):
			set[name] = true
		default:
			return nil, fmt.Errorf("%s: there is no defect %q; use any of %s, or leave it empty", Env, name, join(known))
		}
	}
	return set, nil
}

// Has tells whether the defect is switched on.
func (s Set) Has(d Defect) bool { return s[d] }

// String lists the defects that are on in the order of their documentation.
func (s Set) String() string {
	var on []Defect
	for _, d := range known {
		if s[d] {
			on = append(on, d)
		}
	}
	return join(on)
}

func join(defects []Defect) string {
	names := make([]string, len(defects))
	for i, d := range defects {
		names[i] = string(d)
	}
	return strings.Join(names, ", ")
}
