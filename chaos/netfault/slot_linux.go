package netfault

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	// filterPriority is where packets are looked at: once their destination is what it
	// really is.
	filterPriority = 0
	// natPriority is before the rules by which Docker leads to its name server, at -100.
	natPriority = -101
)

// slot is a place for the rules of one fault: chains that are its own while it is
// in force. They stay when it is over, for the next one. A fault that hands packets
// to a queue needs chains of its own: packets come back behind the chain they left.
type slot struct {
	number int
	nat    bool
	used   bool
}

// lane is the chains of one direction: base has the hook and chooses packets, chosen
// tells old connections from new ones, act is what is done.
type lane struct{ base, chosen, act string }

func (s *slot) lane(to toward) lane {
	name := fmt.Sprintf("in-%d", s.number)
	if to == outbound {
		name = fmt.Sprintf("out-%d", s.number)
	}
	return lane{base: name, chosen: name + "-chosen", act: name + "-act"}
}

// nats is the chain of a slot for redirects.
func (s *slot) nats() string { return fmt.Sprintf("nat-%d", s.number) }

// chains are the names, those first that jump to others.
func (s *slot) chains() []string {
	if s.nat {
		return []string{s.nats()}
	}
	in, out := s.lane(inbound), s.lane(outbound)
	return []string{in.base, in.chosen, in.act, out.base, out.chosen, out.act}
}

func (s *slot) flushes(t table) []message {
	var messages []message
	for _, name := range s.chains() {
		messages = append(messages, t.flush(name))
	}
	return messages
}

// creates makes the chains.
func (s *slot) creates(t table) []message {
	if s.nat {
		return []message{t.addChain(chain{name: s.nats(), kind: "nat", hook: unix.NF_INET_LOCAL_OUT, priority: natPriority})}
	}
	in, out := s.lane(inbound), s.lane(outbound)
	priority := filterPriority + int32(s.number)
	return []message{
		t.addChain(chain{name: in.base, kind: "filter", hook: unix.NF_INET_LOCAL_IN, priority: priority}),
		t.addChain(chain{name: in.chosen}),
		t.addChain(chain{name: in.act}),
		t.addChain(chain{name: out.base, kind: "filter", hook: unix.NF_INET_LOCAL_OUT, priority: priority}),
		t.addChain(chain{name: out.chosen}),
		t.addChain(chain{name: out.act}),
	}
}

// install puts rules into slots, all or none, and makes the slots that are new.
func (n *Namespace) install(slots []*slot, rules []rule) error {
	var messages []message
	var fresh []*slot
	for _, s := range slots {
		if !slices.Contains(n.slots, s) {
			messages = append(messages, s.creates(n.table)...)
			fresh = append(fresh, s)
		}
	}
	added, err := n.table.addRules(rules)
	if err != nil {
		return err
	}
	if err := n.kernel.batch(append(messages, added...)); err != nil {
		return err
	}
	n.slots = append(n.slots, fresh...)
	for _, s := range slots {
		s.used = true
	}
	return nil
}

// pick gives slots that are free, or new ones, which install makes; one for each that
// is asked for, for redirects or not.
func (n *Namespace) pick(nats ...bool) []*slot {
	var picked []*slot
	next := len(n.slots)
	for _, nat := range nats {
		i := slices.IndexFunc(n.slots, func(s *slot) bool { return !s.used && s.nat == nat && !slices.Contains(picked, s) })
		if i >= 0 {
			picked = append(picked, n.slots[i])
			continue
		}
		picked = append(picked, &slot{number: next, nat: nat})
		next++
	}
	return picked
}
