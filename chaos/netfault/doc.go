// Package netfault does faults in the network namespace of the calling process:
// nftables rules in a table that dies with its socket, packets held up in user
// space, a name server that lies, and redirects into a proxy.
//
// How each kind is done:
//
//   - partition drops packets. Whoever sends is not told, as on a network: a verdict
//     to drop would give EPERM to datagrams, so they go into a queue that nobody
//     reads; only without NFQUEUE is it a verdict.
//   - reset answers packets of TCP with a reset, in place of letting them through.
//   - delay holds packets in a queue of its own for each direction, and gives verdicts
//     at their time, in order. Latency is added once in each direction.
//   - loss drops in such a queue, drawn by the packet's number from the seed. Without NFQUEUE
//     the kernel draws, and every run is different.
//   - bandwidth is such a queue as well: a link of that rate, with room for 200 ms, which
//     drops what does not fit. Without NFQUEUE nftables polices: what is over the
//     rate is dropped at once, after a second's worth at full speed, and TCP finds its
//     rate by its losses.
//   - connection_limit counts what connects from now on and ignores SYNs beyond the number.
//     What is open cannot be counted and is reset, where a port is given;
//     new-only spares it.
//
// Existing connections are told from new ones by a mark of connection tracking that
// is set with the SYN; those for which the kernel has no mark are old.
//
// Whatever it puts into the kernel belongs to sockets of the process: however
// the process ends, the kernel takes the table and the queues away with it.
// Reverting a fault takes its rules away; the empty chains they were in stay
// until Close, because a chain that goes takes all packets that wait in any queue
// of the namespace with it.
//
// Loopback is never touched: not 127.0.0.0/8 and ::1, not a namespace's talk
// with its own addresses, and so not the way to Docker's name server.
package netfault

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// Mark is the SO_MARK of sockets that redirects spare: those of the agent's proxy
// and of its name server.
const Mark = 0x5da6e

// Features that Probe and Can tell about.
const (
	NFTables  = "nftables"
	Owner     = "owner"
	NFQueue   = "nfqueue"
	Numgen    = "numgen"
	Connlimit = "connlimit"
	Limit     = "limit"
	Reject    = "reject"
	NAT       = "nat"
	Redirect  = "redirect"
	Conntrack = "conntrack"
	DNS       = "dns"
	Netem     = "netem" // only told: nothing here uses it
)

// Config says how a Namespace is to work; the zero value is right.
type Config struct {
	// Without names features that are taken as missing, though they may be there.
	Without []string
}

// The names of counters.
const (
	packets     = "packets"     // to which the fault was done, or which it looked at
	dropped     = "dropped"     // of them
	delayed     = "delayed"     // of them
	resets      = "reset"       // packets that were answered with a reset
	connections = "connections" // that were redirected, or tried to connect
	queries     = "queries"     // that the name server was asked
	injected    = "injected"    // that it spoiled
)

// maxPeers bounds the rules of one fault: every packet is compared with all of them.
const maxPeers = 256

var (
	errClosed  = errors.New("this network agent has been closed")
	errWithout = errors.New("it is taken as missing") // by Config.Without
)

// check says what is wrong with a fault of packets, in the words of the order.
func check(p order.Packets) error {
	if !slices.Contains([]string{"", order.Both, order.In, order.Out}, p.Direction) {
		return fmt.Errorf("direction %q: want both, in or out", p.Direction)
	}
	if p.Port < 0 || p.Port > 65535 {
		return fmt.Errorf("port %d: want 1 to 65535, or 0 for all", p.Port)
	}
	if len(p.Peers) > maxPeers {
		return fmt.Errorf("%d peers: at most %d, as every packet is compared with all of them; use shorter prefixes", len(p.Peers), maxPeers)
	}
	if i := slices.IndexFunc(p.Peers, func(peer netip.Prefix) bool { return !peer.IsValid() }); i >= 0 {
		return fmt.Errorf("peer %d of %d is no prefix of addresses", i+1, len(p.Peers))
	}
	if err := checkExisting(p.Existing, "packets do not show when a request is over"); err != nil {
		return err
	}
	return checkKind(p)
}

// checkKind looks at what only some kinds have.
func checkKind(p order.Packets) error {
	switch p.Kind {
	case order.Delay:
		if p.Latency <= 0 || p.Latency > time.Minute {
			return fmt.Errorf("latency %s: want more than 0 and at most 1m", p.Latency)
		}
		if p.Jitter < 0 || p.Jitter > p.Latency {
			return fmt.Errorf("jitter %s: want 0 to the latency, %s", p.Jitter, p.Latency)
		}
	case order.Loss:
		if !(p.Share > 0 && p.Share <= 1) { // not a number is neither
			return fmt.Errorf("share %g: want more than 0 and at most 1", p.Share)
		}
	case order.Bandwidth:
		if p.Rate <= 0 {
			return fmt.Errorf("rate %d: want bytes a second", p.Rate)
		}
	case order.ConnectionLimit:
		if p.Limit < 0 {
			return fmt.Errorf("limit %d: want 0 or more", p.Limit)
		}
		if p.Direction == order.Out {
			return errors.New("direction out: the limit is of connections to the target")
		}
		if p.Existing == order.ResetExisting && p.Port == 0 {
			return errors.New("existing connections: reset needs a port: without one, what the target opened itself would be cut too")
		}
	case order.Partition, order.Reset:
	default:
		return fmt.Errorf("%q is no fault of packets that is known here: build agent and shakedown from one version", p.Kind)
	}
	return nil
}

// checkExisting refuses to drain, for a reason.
func checkExisting(existing, why string) error {
	switch existing {
	case "", order.ResetExisting, order.SpareExisting:
		return nil
	case order.DrainExisting:
		return fmt.Errorf("existing connections: drain is not possible, %s; use reset or new-only", why)
	}
	return fmt.Errorf("existing connections: %q: want reset or new-only", existing)
}

// none says the same of every feature.
func none(why string) map[string]string {
	can := map[string]string{}
	for _, feature := range []string{NFTables, Owner, NFQueue, Numgen, Connlimit, Limit, Reject, NAT, Redirect, Conntrack, DNS, Netem} {
		can[feature] = why
	}
	return can
}
