// Package order is what the run says to its agents, and they to it: faults in
// the words of those who do them, without a word of the scenario language, so
// that the agent stays small. It imports nothing that acts.
package order

import (
	"net/netip"
	"time"
)

// Protocol is the version of what harness and agent say to each other: one JSON
// object a line, Command one way and Reply the other. It changes when either
// side would misunderstand the other.
//
//	harness                                       agent
//	{"id":1,"hello":{"protocol":1,"lease":5e9}}   {"id":1,"ready":{"protocol":1,"can":{...}}}
//	{"ping":3}                                    {"pong":3,"now":81723}
//	{"renew":true}                                       (nothing: it has heard)
//	{"id":7,"apply":{"id":"delay-api",...}}       {"id":7} or {"id":7,"error":"..."}
//	{"id":8,"probe":{"connect":"10.0.0.3:5432"}}  {"id":8,"reading":{"value":0.0005,"unit":"s"}}
//	{"id":9,"revert":"delay-api"}                 {"id":9,"counters":{"packets":312}}
//	                                              {"counters":{...},"fault":"delay-api"}   once a second
//	                                              {"calls":{...}}                           once a second
//	                                              {"reverted":"delay-api","by":"lease"}
//
// The agent reverts everything at the end of its input, at SIGTERM, and when it
// has not heard anything for the length of the lease. Times in replies are
// those of its own monotonic clock.
const Protocol = 1

// MaxLine bounds a line of the protocol, in bytes.
const MaxLine = 1 << 20

// Command is a line to the agent. One member says what is wanted; those with an
// ID are answered, in any order.
type Command struct {
	ID     int    `json:"id,omitempty"`
	Hello  *Hello `json:"hello,omitempty"`
	Ping   int    `json:"ping,omitempty"`
	Renew  bool   `json:"renew,omitempty"`
	Apply  *Fault `json:"apply,omitempty"`
	Revert string `json:"revert,omitempty"`
	Probe  *Probe `json:"probe,omitempty"`
	// Name tells the agent who calls from an address, for calls that it writes down.
	Name *Naming `json:"name,omitempty"`
}

// Reply is a line from the agent.
type Reply struct {
	ID       int              `json:"id,omitempty"`
	Ready    *Ready           `json:"ready,omitempty"`
	Pong     int              `json:"pong,omitempty"`
	Now      time.Duration    `json:"now,omitempty"`
	Error    string           `json:"error,omitempty"`
	Fault    string           `json:"fault,omitempty"` // whose counters
	Counters map[string]int64 `json:"counters,omitempty"`
	Reading  *Reading         `json:"reading,omitempty"`
	Calls    *Calls           `json:"calls,omitempty"`
	// Reverted is a fault that the agent took back by itself; By says why: "lease",
	// "failed".
	Reverted string `json:"reverted,omitempty"`
	By       string `json:"by,omitempty"`
}

// Hello begins the conversation. An agent is of one sort: at most one of Proxy,
// Namespace and Pressure is set; with none it only says what it can do.
type Hello struct {
	Protocol  int           `json:"protocol"`
	Lease     time.Duration `json:"lease"` // nanoseconds
	Proxy     *Proxy        `json:"proxy,omitempty"`
	Namespace bool          `json:"namespace,omitempty"` // it is in the network namespace of its target
	Pressure  bool          `json:"pressure,omitempty"`  // it is in the control group of its target, or has its volume
	// Authority is for faults of TLS that show a certificate.
	Authority *Authority `json:"authority,omitempty"`
}

// Ready answers Hello, once everything that was asked for is in place.
type Ready struct {
	Protocol  int    `json:"protocol"`
	Listening string `json:"listening,omitempty"` // of a proxy
	// Can says of the backends that were tried ("nftables", "nfqueue", "redirect",
	// "numgen", "dns", "memfd", ...) why they do not work here; "" for those that do.
	Can map[string]string `json:"can,omitempty"`
}

// Proxy stands in front of a service, under its name, or is a third party.
type Proxy struct {
	Service  string `json:"service"`
	Listen   string `json:"listen"`             // host:port, host empty for all
	Upstream string `json:"upstream,omitempty"` // host:port; "" for a third party
	// ThirdParty is what answers in place of an upstream.
	ThirdParty *ThirdParty `json:"third_party,omitempty"`
	KeyHeader  string      `json:"key_header"`
	Calls      bool        `json:"calls,omitempty"` // write them down one by one
	Seed       uint64      `json:"seed"`
}

// Naming is who calls from an address.
type Naming struct {
	Address string `json:"address"` // an IP
	Name    string `json:"name"`
}

// Authority is a certificate authority with its key, in PEM. It is made for one
// run and never leaves its machine.
type Authority struct {
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

// Fault is one fault for one agent. Exactly one of the pointers is set.
type Fault struct {
	ID   string `json:"id"`
	Seed uint64 `json:"seed"` // of the fault and this target
	// For is how long it is to last by the plan; for what changes with time.
	For      time.Duration `json:"for"`
	Packets  *Packets      `json:"packets,omitempty"`
	DNS      *DNS          `json:"dns,omitempty"`
	HTTP     *HTTP         `json:"http,omitempty"`
	Pressure *Pressure     `json:"pressure,omitempty"`
	Flush    *Flush        `json:"flush,omitempty"`
}

// The kinds of Packets.
const (
	Delay           = "delay"
	Loss            = "loss"
	Bandwidth       = "bandwidth"
	Partition       = "partition"
	Reset           = "reset"
	ConnectionLimit = "connection_limit"
)

// The words for directions, seen from the target.
const (
	Both = "both"
	In   = "in"
	Out  = "out"
)

// The words for connections that are open when a fault begins; "" keeps them.
const (
	ResetExisting = "reset"
	SpareExisting = "new-only"
	DrainExisting = "drain"
)

// Packets is a fault in a network namespace.
type Packets struct {
	Kind      string         `json:"kind"`
	Peers     []netip.Prefix `json:"peers,omitempty"` // none: everybody but loopback
	Port      int            `json:"port,omitempty"`  // 0: all
	Direction string         `json:"direction"`
	Latency   time.Duration  `json:"latency,omitempty"`
	Jitter    time.Duration  `json:"jitter,omitempty"`
	Share     float64        `json:"share,omitempty"` // 0 to 1
	Rate      int64          `json:"rate,omitempty"`  // bytes a second, each direction
	Limit     int            `json:"limit,omitempty"`
	Existing  string         `json:"existing,omitempty"`
}

// The answers of DNS.
const (
	NXDomain   = "nxdomain"
	ServFail   = "servfail"
	SlowAnswer = "slow"
	NoAnswer   = "timeout"
)

// DNS spoils look-ups in a network namespace.
type DNS struct {
	Answer string        `json:"answer"`
	Delay  time.Duration `json:"delay,omitempty"`
	Names  []string      `json:"names,omitempty"` // none: all
}

// HTTP is a fault of requests and connections, done by a proxy. One of the
// pointers is set.
type HTTP struct {
	// Egress redirects what the target sends there to the agent: the addresses of a
	// host and a port; nil where the proxy stands in front of its service anyway.
	Egress   *Egress `json:"egress,omitempty"`
	Match    Match   `json:"match"`
	Existing string  `json:"existing,omitempty"`

	Latency   *Latency   `json:"latency,omitempty"`
	Errors    *Errors    `json:"errors,omitempty"`
	Abort     *Abort     `json:"abort,omitempty"`
	SlowBody  *SlowBody  `json:"slow_body,omitempty"`
	Truncate  *Truncate  `json:"truncate,omitempty"`
	Corrupt   *Corrupt   `json:"corrupt,omitempty"`
	Brownout  *Brownout  `json:"brownout,omitempty"`
	Flapping  *Flapping  `json:"flapping,omitempty"`
	RateLimit *RateLimit `json:"rate_limit,omitempty"`
	Outage    *Outage    `json:"outage,omitempty"`
	Handshake *Handshake `json:"handshake,omitempty"`
	TLSReset  *TLSNames  `json:"tls_reset,omitempty"`
	Expired   *TLSNames  `json:"expired,omitempty"`
}

// Egress is where redirected connections were going.
type Egress struct {
	Host      string       `json:"host"` // for messages, and to tell TLS by its name
	Addresses []netip.Addr `json:"addresses"`
	Port      int          `json:"port"`          // 0: all
	TLS       bool         `json:"tls,omitempty"` // take TLS apart with Hello.Authority
}

// Match narrows to some requests; the zero value takes all.
type Match struct {
	Method string  `json:"method,omitempty"`
	Path   string  `json:"path,omitempty"`  // prefix
	Share  float64 `json:"share,omitempty"` // 0 counts as 1
}

// Latency is log-normal through both percentiles, or always P50 where P99 is 0.
type Latency struct {
	P50 time.Duration `json:"p50"`
	P99 time.Duration `json:"p99,omitempty"`
}

// Errors is a mix of errors; statuses with weights.
type Errors struct {
	Statuses   map[int]int   `json:"statuses"`
	RetryAfter time.Duration `json:"retry_after,omitempty"`
	AfterWork  bool          `json:"after_work,omitempty"`
}

// Abort cuts connections in place of an answer.
type Abort struct {
	AfterWork bool `json:"after_work,omitempty"`
}

// SlowBody sends so many bytes of a body in a second.
type SlowBody struct {
	Rate int64 `json:"rate"`
}

// Truncate cuts after so many bytes of a body; 0: after half of it.
type Truncate struct {
	After int64 `json:"after,omitempty"`
}

// Corrupt changes one byte in a hundred, at least one.
type Corrupt struct{}

// Brownout is a latency that grows with what is under way and over the time of
// the fault, up to Peak times.
type Brownout struct {
	Latency
	PerRequest time.Duration `json:"per_request,omitempty"`
	Peak       float64       `json:"peak,omitempty"`
}

// Flapping is an outage that comes and goes; it begins with being gone.
type Flapping struct {
	Down time.Duration `json:"down"`
	Up   time.Duration `json:"up"`
	As   string        `json:"as"`
}

// RateLimit is a limit of requests, for all callers together; who was refused is
// remembered.
type RateLimit struct {
	Rate       float64       `json:"rate"` // a second
	Burst      int           `json:"burst"`
	RetryAfter time.Duration `json:"retry_after"`
	By         string        `json:"by,omitempty"` // header that tells callers apart; "": the address
}

// The ways of an outage.
const (
	AsStatus = "status"
	AsRefuse = "refuse"
	AsReset  = "reset"
	AsHang   = "hang"
)

// Outage is a service that is not there.
type Outage struct {
	As string `json:"as"`
}

// Handshake holds handshakes of TLS up.
type Handshake struct {
	Delay time.Duration `json:"delay"`
}

// TLSNames are names that clients ask for, and what ends in them; none: all.
type TLSNames struct {
	Names []string `json:"names,omitempty"`
}

// Pressure uses resources. One of the members is set.
type Pressure struct {
	Cores  float64 `json:"cores,omitempty"`
	Memory int64   `json:"memory,omitempty"` // bytes, of the helper
	OOM    bool    `json:"oom,omitempty"`    // up to Memory, until something is killed for it
	Disk   *Disk   `json:"disk,omitempty"`
}

// Disk uses up the space of the file system at Path.
type Disk struct {
	Path string  `json:"path"`
	Fill float64 `json:"fill,omitempty"` // 0 to 1 of the file system
	Size int64   `json:"size,omitempty"` // bytes
}

// Flush empties a cache that speaks Redis' protocol at Address.
type Flush struct {
	Address string `json:"address"` // host:port
}

// Probe is one look at something. One of the members is set.
type Probe struct {
	Connect string `json:"connect,omitempty"` // host:port: the time of a TCP handshake
	Look    string `json:"look,omitempty"`    // a name: the time of a look-up; Reading.Detail is the answer
	Fetch   string `json:"fetch,omitempty"`   // a URL: the time of an exchange; Reading.Detail is the status
	Usage   bool   `json:"usage,omitempty"`   // bytes that the helper holds
	Disk    string `json:"disk,omitempty"`    // a path: the share of its file system that is in use, %
	Redis   string `json:"redis,omitempty"`   // host:port: the number of keys
	// Wait bounds it, in nanoseconds. Default 1s.
	Wait time.Duration `json:"wait,omitempty"`
}

// Reading is what a probe saw.
type Reading struct {
	Value  float64 `json:"value"`
	Unit   string  `json:"unit,omitempty"`
	Detail string  `json:"detail,omitempty"`
	Error  string  `json:"error,omitempty"`
}

// Calls is what a proxy says of the interval of length For before At; see
// journal.Calls.
type Calls struct {
	At         time.Duration `json:"at"` // the agent's clock
	For        time.Duration `json:"for"`
	Total      int           `json:"total"`
	Failed     int           `json:"failed,omitempty"`
	Injected   int           `json:"injected,omitempty"`
	Told       int           `json:"told,omitempty"`
	Early      int           `json:"early,omitempty"`
	InFlight   int           `json:"in_flight"`
	Calls      []Call        `json:"calls,omitempty"`
	Suppressed int           `json:"suppressed,omitempty"`
}

// Call is one of them; see journal.Call.
type Call struct {
	At     time.Duration `json:"at"` // the agent's clock
	Took   time.Duration `json:"took"`
	Caller string        `json:"caller,omitempty"`
	ID     string        `json:"id,omitempty"`
	Method string        `json:"method"`
	Path   string        `json:"path"`
	Key    string        `json:"key,omitempty"`
	Status int           `json:"status,omitempty"`
	Fault  string        `json:"fault,omitempty"`
	Wait   time.Duration `json:"wait,omitempty"`
	Early  bool          `json:"early,omitempty"`
	Effect bool          `json:"effect,omitempty"`
}

// ThirdParty is what a stand-in answers; see scenarios.ThirdParty.
type ThirdParty struct {
	TLS       bool       `json:"tls,omitempty"`
	Names     []string   `json:"names,omitempty"` // of its certificate
	Latency   *Latency   `json:"latency,omitempty"`
	RateLimit *RateLimit `json:"rate_limit,omitempty"`
	Routes    []Route    `json:"routes"`
}

// Route is what it answers to one kind of request. Texts are templates.
type Route struct {
	Method     string            `json:"method"`
	Path       string            `json:"path"` // with {name} for a part
	Status     int               `json:"status"`
	Headers    map[string]string `json:"headers,omitempty"`
	Body       string            `json:"body,omitempty"`
	JSON       bool              `json:"json,omitempty"` // Body is JSON: what is filled in is escaped
	Latency    *Latency          `json:"latency,omitempty"`
	Idempotent bool              `json:"idempotent,omitempty"`
	Effect     string            `json:"effect,omitempty"`
	EffectOf   string            `json:"effect_of,omitempty"`
}
