package scenarios

import (
	"reflect"
	"slices"
	"strings"
)

// Fault is something that is broken on purpose for a time; exactly one kind is
// set. What it does, what it needs, how it is reverted and what proves that it
// took effect: shakedown faults.
type Fault struct {
	// Name names it in plan, record and checks. Default: the kind and what it is
	// done to, as delay-api.
	Name string `json:"name,omitempty" yaml:"name" jsonschema:"pattern=^[a-z0-9][a-z0-9-]*$"`
	// At is when it begins: "phase" or "phase + duration".
	At Moment `json:"at" yaml:"at" jsonschema:"required"`
	// For is how long it lasts, divided by tempo as phases are. Kinds that are over
	// at once (cache_flush, and restart) have none; all others need it, but for a kill or a
	// stop that is permanent.
	For Duration `json:"for,omitempty" yaml:"for"`
	// Target is what it is done to. In YAML it may be just the name of a service.
	Target Selection `json:"target" yaml:"target" jsonschema:"required"`
	// Egress turns a fault of HTTP, of a third party or an outage around: it is done to
	// what the target sends to this host (and port, as api.pay.example:443), inside or
	// outside of the stack, without a change of the target's settings. Containers only.
	Egress string `json:"egress,omitempty" yaml:"egress"`
	// Match narrows faults of HTTP and of third parties to some requests.
	Match *RequestMatch `json:"match,omitempty" yaml:"match"`
	// ExistingConnections says what becomes of connections that are open when a fault
	// of the network, of HTTP or of a third party begins: reset (they are cut, so
	// that what follows is on new ones), new-only (they are spared), or drain (they are
	// closed when the request under way on them is over). Default: they are kept, and
	// the fault is done to them too, where the kind can; reset where it cannot.
	ExistingConnections string `json:"existing_connections,omitempty" yaml:"existing_connections" jsonschema:"enum=reset,enum=new-only,enum=drain"`
	// Permanent leaves what a kill or a stop took away gone until the run ends.
	Permanent bool `json:"permanent,omitempty" yaml:"permanent"`

	// Kill ends instances with SIGKILL; at the end others are started in their place,
	// unless whoever scales the service has done so.
	Kill *KillFault `json:"kill,omitempty" yaml:"kill" jsonschema:"oneof_required=kill"`
	// Stop ends instances with their termination sequence; others take their place at
	// the end.
	Stop *StopFault `json:"stop,omitempty" yaml:"stop" jsonschema:"oneof_required=stop"`
	// Pause freezes instances.
	Pause *PauseFault `json:"pause,omitempty" yaml:"pause" jsonschema:"oneof_required=pause"`
	// Restart stops instances with their termination sequence and starts others in
	// their place at once.
	Restart *RestartFault `json:"restart,omitempty" yaml:"restart" jsonschema:"oneof_required=restart"`
	// CrashLoop kills instances and what takes their place, again and again.
	CrashLoop *CrashLoopFault `json:"crash_loop,omitempty" yaml:"crash_loop" jsonschema:"oneof_required=crash_loop"`
	// ZoneLoss kills all instances of a zone, or cuts them off; the target names the zone.
	ZoneLoss *ZoneLossFault `json:"zone_loss,omitempty" yaml:"zone_loss" jsonschema:"oneof_required=zone_loss"`
	// Reclaim announces that instances will be gone, and kills what is left of them at
	// the end of the notice, as a spot market does. For covers the notice.
	Reclaim *ReclaimFault `json:"reclaim,omitempty" yaml:"reclaim" jsonschema:"oneof_required=reclaim"`

	// Delay holds packets up.
	Delay *DelayFault `json:"delay,omitempty" yaml:"delay" jsonschema:"oneof_required=delay"`
	// Loss drops packets at random.
	Loss *LossFault `json:"loss,omitempty" yaml:"loss" jsonschema:"oneof_required=loss"`
	// Bandwidth limits how much gets through in a second.
	Bandwidth *BandwidthFault `json:"bandwidth,omitempty" yaml:"bandwidth" jsonschema:"oneof_required=bandwidth"`
	// Partition drops all packets.
	Partition *PartitionFault `json:"partition,omitempty" yaml:"partition" jsonschema:"oneof_required=partition"`
	// Reset answers packets with a reset of their connection.
	Reset *ResetFault `json:"reset,omitempty" yaml:"reset" jsonschema:"oneof_required=reset"`
	// ConnectionLimit ignores attempts to connect beyond a number.
	ConnectionLimit *ConnectionLimitFault `json:"connection_limit,omitempty" yaml:"connection_limit" jsonschema:"oneof_required=connection_limit"`
	// DNS spoils the look-up of names.
	DNS *DNSFault `json:"dns,omitempty" yaml:"dns" jsonschema:"oneof_required=dns"`

	// CPUPressure uses CPU in the instance's own limits.
	CPUPressure *CPUPressureFault `json:"cpu_pressure,omitempty" yaml:"cpu_pressure" jsonschema:"oneof_required=cpu_pressure"`
	// CPUThrottle lowers the limit of CPU.
	CPUThrottle *CPUThrottleFault `json:"cpu_throttle,omitempty" yaml:"cpu_throttle" jsonschema:"oneof_required=cpu_throttle"`
	// MemoryPressure uses memory in the instance's own limits.
	MemoryPressure *MemoryPressureFault `json:"memory_pressure,omitempty" yaml:"memory_pressure" jsonschema:"oneof_required=memory_pressure"`
	// DiskFill uses up the space of a volume.
	DiskFill *DiskFillFault `json:"disk_fill,omitempty" yaml:"disk_fill" jsonschema:"oneof_required=disk_fill"`

	// HTTPLatency holds requests up.
	HTTPLatency *LatencyFault `json:"http_latency,omitempty" yaml:"http_latency" jsonschema:"oneof_required=http_latency"`
	// HTTPErrors answers requests with errors.
	HTTPErrors *HTTPErrorsFault `json:"http_errors,omitempty" yaml:"http_errors" jsonschema:"oneof_required=http_errors"`
	// HTTPAbort cuts the connection in place of an answer.
	HTTPAbort *HTTPAbortFault `json:"http_abort,omitempty" yaml:"http_abort" jsonschema:"oneof_required=http_abort"`
	// HTTPSlowBody lets answers trickle.
	HTTPSlowBody *SlowBodyFault `json:"http_slow_body,omitempty" yaml:"http_slow_body" jsonschema:"oneof_required=http_slow_body"`
	// HTTPTruncate ends answers before their end.
	HTTPTruncate *TruncateFault `json:"http_truncate,omitempty" yaml:"http_truncate" jsonschema:"oneof_required=http_truncate"`
	// HTTPCorrupt changes bytes in the bodies of answers.
	HTTPCorrupt *CorruptFault `json:"http_corrupt,omitempty" yaml:"http_corrupt" jsonschema:"oneof_required=http_corrupt"`

	// Brownout is a service that gets slower the more is asked of it, and the longer.
	Brownout *BrownoutFault `json:"brownout,omitempty" yaml:"brownout" jsonschema:"oneof_required=brownout"`
	// Flapping is a service that is there and gone by turns.
	Flapping *FlappingFault `json:"flapping,omitempty" yaml:"flapping" jsonschema:"oneof_required=flapping"`
	// RateLimit answers 429 with Retry-After, and remembers who was told to wait.
	RateLimit *RateLimitFault `json:"rate_limit,omitempty" yaml:"rate_limit" jsonschema:"oneof_required=rate_limit"`
	// Outage is a service that is not there.
	Outage *OutageFault `json:"outage,omitempty" yaml:"outage" jsonschema:"oneof_required=outage"`
	// TLSHandshake slows down the handshakes of TLS.
	TLSHandshake *TLSHandshakeFault `json:"tls_handshake,omitempty" yaml:"tls_handshake" jsonschema:"oneof_required=tls_handshake"`
	// TLSReset cuts connections for the names they ask for.
	TLSReset *TLSResetFault `json:"tls_reset,omitempty" yaml:"tls_reset" jsonschema:"oneof_required=tls_reset"`
	// TLSExpired shows an expired certificate, signed by the authority of the run,
	// which services with trust_ca trust.
	TLSExpired *TLSExpiredFault `json:"tls_expired,omitempty" yaml:"tls_expired" jsonschema:"oneof_required=tls_expired"`

	// CacheFlush empties a cache.
	CacheFlush *CacheFlushFault `json:"cache_flush,omitempty" yaml:"cache_flush" jsonschema:"oneof_required=cache_flush"`
	// PoolExhaustion holds the connections of a database; the target is the database.
	PoolExhaustion *PoolExhaustionFault `json:"pool_exhaustion,omitempty" yaml:"pool_exhaustion" jsonschema:"oneof_required=pool_exhaustion"`
	// SlowQueries keeps a database busy with queries that take long; the target is the
	// database.
	SlowQueries *SlowQueriesFault `json:"slow_queries,omitempty" yaml:"slow_queries" jsonschema:"oneof_required=slow_queries"`
}

// Selection chooses instances. Which of several are picked is drawn from the
// seed; nothing that is picked is an error. Faults of HTTP and of third parties
// are done to the service as its callers see it, and take all of it.
type Selection struct {
	// Service is the service; without it Zone or Label selects among all.
	Service string `json:"service,omitempty" yaml:"service" jsonschema:"anyof_required=service"`
	// Zone narrows to the instances of a zone; see Service.Zones.
	Zone string `json:"zone,omitempty" yaml:"zone" jsonschema:"anyof_required=zone"`
	// Label narrows to services with a label of the compose file: tier=backend.
	Label string `json:"label,omitempty" yaml:"label" jsonschema:"anyof_required=label,pattern=^[^=]+=.*$"`
	// Pick is one, minority (fewer than half, at least one of three), majority (more
	// than half) or all. Default: one for kinds of the life cycle but zone_loss, all
	// for the others.
	Pick string `json:"pick,omitempty" yaml:"pick" jsonschema:"enum=one,enum=minority,enum=majority,enum=all"`
	// Count picks so many; fewer than that is an error.
	Count int `json:"count,omitempty" yaml:"count" jsonschema:"minimum=1,maximum=100"`
	// Percent picks this share, rounded up.
	Percent *Percent `json:"percent,omitempty" yaml:"percent"`
}

// RequestMatch narrows a fault to some requests.
type RequestMatch struct {
	// Method is the method: POST.
	Method string `json:"method,omitempty" yaml:"method" jsonschema:"pattern=^[A-Z]+$"`
	// Path is what the path begins with.
	Path string `json:"path,omitempty" yaml:"path" jsonschema:"pattern=^/"`
	// Share of those that match, drawn from the seed by their number. Default 100%.
	Share *Percent `json:"share,omitempty" yaml:"share"`
}

// BlastRadius caps what faults may take away at one time.
type BlastRadius struct {
	// Percent is the most of a service's instances that faults of the life cycle, of
	// the network and of resources may have in hand at one time.
	Percent *Percent `json:"percent,omitempty" yaml:"percent"`
	// Instances is the same as a number.
	Instances *int `json:"instances,omitempty" yaml:"instances" jsonschema:"minimum=0"`
	// Protect names services to which nothing is done.
	Protect []string `json:"protect,omitempty" yaml:"protect"`
}

// StopCondition ends a run, and heals everything at once, when an objective of a
// journey is missed, or a metric of a service is too high, for some time while the
// run lasts. Exactly one of Journey and Service is set.
type StopCondition struct {
	// Journey is the journey that is watched.
	Journey string `json:"journey,omitempty" yaml:"journey" jsonschema:"oneof_required=journey"`
	// Step narrows to one step.
	Step string `json:"step,omitempty" yaml:"step"`
	// Service is the one whose metric is watched.
	Service string `json:"service,omitempty" yaml:"service" jsonschema:"oneof_required=service"`
	// Metric is the name of one of the service's metrics.
	Metric string `json:"metric,omitempty" yaml:"metric"`
	// Above is the most that the metric may be.
	Above *Value `json:"above,omitempty" yaml:"above" jsonschema:"anyof_required=above"`
	// P50 is the most that half of the requests of a second may reach.
	P50 *Duration `json:"p50,omitempty" yaml:"p50" jsonschema:"anyof_required=p50"`
	// P95 is the same for 95 in 100.
	P95 *Duration `json:"p95,omitempty" yaml:"p95" jsonschema:"anyof_required=p95"`
	// P99 is the same for 99 in 100.
	P99 *Duration `json:"p99,omitempty" yaml:"p99" jsonschema:"anyof_required=p99"`
	// Availability is the least share that must succeed, over the time of For.
	Availability *Percent `json:"availability,omitempty" yaml:"availability" jsonschema:"anyof_required=availability"`
	// For is how long it must be missed, second after second; not divided by tempo. Default 10s.
	For Duration `json:"for,omitempty" yaml:"for"`
}

// KillFault has no parameters.
type KillFault struct{}

// StopFault has no parameters.
type StopFault struct{}

// PauseFault has no parameters.
type PauseFault struct{}

// RestartFault has no parameters.
type RestartFault struct{}

// CrashLoopFault says how often.
type CrashLoopFault struct {
	// Every is how long each instance lives. Default 2s.
	Every Duration `json:"every,omitempty" yaml:"every"`
}

// ZoneLossFault says how the zone is lost.
type ZoneLossFault struct {
	// As is kill (default) or partition.
	As string `json:"as,omitempty" yaml:"as" jsonschema:"enum=kill,enum=partition"`
}

// ReclaimFault says how long ahead.
type ReclaimFault struct {
	// Notice is the time from the announcement to the kill, divided by tempo; longer
	// than the grace period. Default 2m.
	Notice Duration `json:"notice,omitempty" yaml:"notice"`
	// Replace false starts no new ones: whoever scales the service has to. Default true.
	Replace *bool `json:"replace,omitempty" yaml:"replace"`
}

// DelayFault holds packets up.
type DelayFault struct {
	// Latency is by how much.
	Latency Duration `json:"latency" yaml:"latency" jsonschema:"required"`
	// Jitter is how much more or less, drawn evenly from the seed. Packets of one
	// direction stay in order.
	Jitter Duration `json:"jitter,omitempty" yaml:"jitter"`
	// Peer narrows to traffic with one service. Default: with everybody.
	Peer string `json:"peer,omitempty" yaml:"peer"`
	// Direction is both (default), in (towards the target) or out. Both holds each up once.
	Direction string `json:"direction,omitempty" yaml:"direction" jsonschema:"enum=both,enum=in,enum=out"`
}

// LossFault drops packets.
type LossFault struct {
	// Share is how many.
	Share Percent `json:"share" yaml:"share" jsonschema:"required"`
	// Peer narrows to traffic with one service. Default: with everybody.
	Peer string `json:"peer,omitempty" yaml:"peer"`
	// Direction is both (default), in or out.
	Direction string `json:"direction,omitempty" yaml:"direction" jsonschema:"enum=both,enum=in,enum=out"`
}

// BandwidthFault limits how much gets through.
type BandwidthFault struct {
	// Rate is how much a second, in each direction: 1MiB.
	Rate Bytes `json:"rate" yaml:"rate" jsonschema:"required"`
	// Peer narrows to traffic with one service. Default: with everybody.
	Peer string `json:"peer,omitempty" yaml:"peer"`
	// Direction is both (default), in or out.
	Direction string `json:"direction,omitempty" yaml:"direction" jsonschema:"enum=both,enum=in,enum=out"`
}

// PartitionFault drops all packets.
type PartitionFault struct {
	// Peer narrows to traffic with one service. Default: with everybody.
	Peer string `json:"peer,omitempty" yaml:"peer"`
	// Direction is both (default), in or out: a partition of one way.
	Direction string `json:"direction,omitempty" yaml:"direction" jsonschema:"enum=both,enum=in,enum=out"`
}

// ResetFault resets connections; which of them says ExistingConnections: reset
// (default, all of them) or new-only.
type ResetFault struct {
	// Peer narrows to traffic with one service. Default: with everybody.
	Peer string `json:"peer,omitempty" yaml:"peer"`
	// Port narrows to connections to this port, of target or peer.
	Port int `json:"port,omitempty" yaml:"port" jsonschema:"minimum=1,maximum=65535"`
}

// ConnectionLimitFault limits connections to the target.
type ConnectionLimitFault struct {
	// Limit is how many there may be at a time.
	Limit int `json:"limit" yaml:"limit" jsonschema:"required,minimum=0"`
	// Port narrows to connections to this port.
	Port int `json:"port,omitempty" yaml:"port" jsonschema:"minimum=1,maximum=65535"`
}

// DNSFault spoils the look-up of names by the target.
type DNSFault struct {
	// Answer is nxdomain, servfail, slow (by Delay) or timeout (none at all).
	Answer string `json:"answer" yaml:"answer" jsonschema:"required,enum=nxdomain,enum=servfail,enum=slow,enum=timeout"`
	// Delay is by how much a slow answer is held up. Default 2s.
	Delay Duration `json:"delay,omitempty" yaml:"delay"`
	// Names narrows to these names and what ends in them. Default: all.
	Names []string `json:"names,omitempty" yaml:"names" jsonschema:"minItems=1"`
}

// CPUPressureFault uses CPU.
type CPUPressureFault struct {
	// Cores is how many are kept busy.
	Cores Cores `json:"cores" yaml:"cores" jsonschema:"required"`
}

// CPUThrottleFault lowers the limit.
type CPUThrottleFault struct {
	// CPUs is the limit while it lasts.
	CPUs Cores `json:"cpus" yaml:"cpus" jsonschema:"required"`
}

// MemoryPressureFault uses memory; exactly one is set.
type MemoryPressureFault struct {
	// Fill is the share of its limit that is in use then, the instance's own included.
	Fill *Percent `json:"fill,omitempty" yaml:"fill" jsonschema:"oneof_required=fill"`
	// OOM uses all there is, until the kernel kills the instance.
	OOM bool `json:"oom,omitempty" yaml:"oom" jsonschema:"oneof_required=oom"`
}

// DiskFillFault uses up space; exactly one of Fill and Size is set.
type DiskFillFault struct {
	// Volume is a named volume of the target.
	Volume string `json:"volume" yaml:"volume" jsonschema:"required"`
	// Fill is the share of the volume's file system that is in use then. It has to be
	// one of the volume's own, as a tmpfs with a size is: never the machine's disk.
	Fill *Percent `json:"fill,omitempty" yaml:"fill" jsonschema:"oneof_required=fill"`
	// Size is how much is used, at most 1GiB and half of what is free.
	Size Bytes `json:"size,omitempty" yaml:"size" jsonschema:"oneof_required=size"`
}

// LatencyFault is a distribution of times: log-normal through both percentiles,
// or always P50 where P99 is not set.
type LatencyFault struct {
	// P50 is what half of the requests are held up at most.
	P50 Duration `json:"p50" yaml:"p50" jsonschema:"required"`
	// P99 is the same for 99 in 100.
	P99 Duration `json:"p99,omitempty" yaml:"p99"`
}

// HTTPErrorsFault is a mix of errors.
type HTTPErrorsFault struct {
	// Statuses are the status codes with their weights: {503: 3, 500: 1}. Default 503.
	Statuses map[string]int `json:"statuses,omitempty" yaml:"statuses"`
	// RetryAfter is sent along, in whole seconds.
	RetryAfter Duration `json:"retry_after,omitempty" yaml:"retry_after"`
	// AfterWork lets the service do its work before its answer is replaced: the caller
	// cannot know that it was done.
	AfterWork bool `json:"after_work,omitempty" yaml:"after_work"`
}

// HTTPAbortFault cuts connections.
type HTTPAbortFault struct {
	// AfterWork lets the service do its work before.
	AfterWork bool `json:"after_work,omitempty" yaml:"after_work"`
}

// SlowBodyFault lets answers trickle.
type SlowBodyFault struct {
	// Rate is how much of a body is sent in a second.
	Rate Bytes `json:"rate" yaml:"rate" jsonschema:"required"`
}

// TruncateFault ends answers early.
type TruncateFault struct {
	// After is how much of a body is sent. Default: half of it.
	After Bytes `json:"after,omitempty" yaml:"after"`
}

// CorruptFault has no parameters: one byte in 100 is changed, at least one.
type CorruptFault struct{}

// BrownoutFault holds requests up by a time that grows with what is under way
// and with how long it has lasted.
type BrownoutFault struct {
	// P50 and P99 are the distribution at the beginning, with nothing else under way.
	P50 Duration `json:"p50" yaml:"p50" jsonschema:"required"`
	// P99 is as in http_latency.
	P99 Duration `json:"p99,omitempty" yaml:"p99"`
	// PerRequest is added for each other request under way.
	PerRequest Duration `json:"per_request,omitempty" yaml:"per_request"`
	// Peak is how many times as long it takes at the end as at the beginning; it grows
	// evenly. Default 1x.
	Peak Factor `json:"peak,omitempty" yaml:"peak"`
}

// FlappingFault is there and gone by turns; it begins with being gone.
type FlappingFault struct {
	// Down is how long it is gone.
	Down Duration `json:"down" yaml:"down" jsonschema:"required"`
	// Up is how long it is there.
	Up Duration `json:"up" yaml:"up" jsonschema:"required"`
	// As is as in outage.
	As string `json:"as,omitempty" yaml:"as" jsonschema:"enum=status,enum=refuse,enum=reset,enum=hang"`
}

// RateLimitFault is a limit of requests.
type RateLimitFault struct {
	// Rate is how many are let through.
	Rate Rate `json:"rate" yaml:"rate" jsonschema:"required"`
	// Burst is how many at once. Default: those of a second.
	Burst int `json:"burst,omitempty" yaml:"burst" jsonschema:"minimum=1"`
	// RetryAfter is how long those who are refused are told to wait, in whole seconds. Default 1s.
	RetryAfter Duration `json:"retry_after,omitempty" yaml:"retry_after"`
	// By is a header that tells callers apart. Default: the address they call from.
	By string `json:"by,omitempty" yaml:"by"`
}

// OutageFault is a service that is not there.
type OutageFault struct {
	// As is status (503, for HTTP, the default there), refuse (nobody listens, the
	// default elsewhere), reset (connections are cut as soon as they are used), or
	// hang (connections are accepted and held open, and nothing is answered).
	As string `json:"as,omitempty" yaml:"as" jsonschema:"enum=status,enum=refuse,enum=reset,enum=hang"`
}

// TLSHandshakeFault slows handshakes down.
type TLSHandshakeFault struct {
	// Delay is by how much.
	Delay Duration `json:"delay" yaml:"delay" jsonschema:"required"`
}

// TLSResetFault cuts connections.
type TLSResetFault struct {
	// Names are the names (SNI) and what ends in them. Default: all.
	Names []string `json:"names,omitempty" yaml:"names" jsonschema:"minItems=1"`
}

// TLSExpiredFault shows an expired certificate.
type TLSExpiredFault struct {
	// Names are the names (SNI) that it is shown for. Default: all.
	Names []string `json:"names,omitempty" yaml:"names" jsonschema:"minItems=1"`
}

// CacheFlushFault empties a cache: with FLUSHALL where the target speaks Redis'
// protocol (default), or with a request.
type CacheFlushFault struct {
	// Port of the cache. Default: the first that the service exposes.
	Port int `json:"port,omitempty" yaml:"port" jsonschema:"minimum=1,maximum=65535"`
	// Request is sent to each picked instance, as "POST /purge", and must be answered with
	// a status below 300.
	Request string `json:"request,omitempty" yaml:"request"`
	// Headers are sent along with Request.
	Headers map[string]string `json:"headers,omitempty" yaml:"headers"`
}

// DatabaseAccess is how the run itself gets to a PostgreSQL of the stack.
type DatabaseAccess struct {
	// Service is the service that the address of the database is taken from.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// URLFrom names the environment variable of that service that holds it.
	URLFrom string `json:"url_from" yaml:"url_from" jsonschema:"required"`
}

// PoolExhaustionFault holds connections; Leave is how many it leaves.
type PoolExhaustionFault struct {
	// Access is how to get to the database.
	Access DatabaseAccess `json:"access" yaml:"access" jsonschema:"required"`
	// Leave is how many connections it leaves to others, those that they have
	// included. Default 0: nobody gets a new one.
	Leave int `json:"leave,omitempty" yaml:"leave" jsonschema:"minimum=0"`
}

// SlowQueriesFault keeps a database busy.
type SlowQueriesFault struct {
	// Access is how to get to the database.
	Access DatabaseAccess `json:"access" yaml:"access" jsonschema:"required"`
	// Concurrency is how many queries run at a time. Default 4.
	Concurrency int `json:"concurrency,omitempty" yaml:"concurrency" jsonschema:"minimum=1,maximum=100"`
	// Query is one statement. Default: one that keeps a core of the database busy.
	// It is run again and again, and rolled back.
	Query string `json:"query,omitempty" yaml:"query"`
}

// faultKinds are the kinds there are, in the order of the documentation, and
// which fields of Fault they are.
var faultKinds, faultFields = func() (kinds []string, fields []int) {
	t := reflect.TypeFor[Fault]()
	for i := range t.NumField() {
		if kind, ok := strings.CutPrefix(t.Field(i).Tag.Get("jsonschema"), "oneof_required="); ok {
			kinds, fields = append(kinds, kind), append(fields, i)
		}
	}
	return kinds, fields
}()

// FaultKinds lists the kinds there are, in the order of the documentation.
func FaultKinds() []string { return slices.Clone(faultKinds) }

// Kind is the key of what the fault does, "" while that is missing.
func (f Fault) Kind() string {
	v := reflect.ValueOf(f)
	for i, kind := range faultKinds {
		if !v.Field(faultFields[i]).IsNil() {
			return kind
		}
	}
	return ""
}
