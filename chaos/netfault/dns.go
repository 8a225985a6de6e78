package netfault

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// slowAnswer is by how much answers are held up where nothing is said.
const slowAnswer = 2 * time.Second

// lie is a fault of DNS in force.
type lie struct {
	order.DNS
	over chan struct{} // closed when it is not in force any more

	queries, injected atomic.Int64
}

// newLie checks what was asked for.
func newLie(d order.DNS) (*lie, error) {
	if !slices.Contains([]string{order.NXDomain, order.ServFail, order.SlowAnswer, order.NoAnswer}, d.Answer) {
		return nil, fmt.Errorf("dns: answer %q: want nxdomain, servfail, slow or timeout", d.Answer)
	}
	if d.Delay < 0 {
		return nil, fmt.Errorf("dns: delay %s: want 0 or more", d.Delay)
	}
	if d.Answer == order.SlowAnswer && d.Delay == 0 {
		d.Delay = slowAnswer
	}
	names := make([]string, len(d.Names))
	for i, name := range d.Names {
		if names[i] = plain(name); names[i] == "" {
			return nil, fmt.Errorf("dns: name %d of %d is empty; leave names out for all", i+1, len(d.Names))
		}
	}
	d.Names = names
	return &lie{DNS: d, over: make(chan struct{})}, nil
}

// plain is a name as names are compared.
func plain(name string) string { return strings.ToLower(strings.Trim(name, ".")) }

// concerns tells whether a name is one of the fault's, or ends in one of them.
func (l *lie) concerns(name string) bool {
	name = plain(name)
	return len(l.Names) == 0 || slices.ContainsFunc(l.Names, func(n string) bool {
		return name == n || strings.HasSuffix(name, "."+n)
	})
}

// question is the name that a query asks for; "" where there is none to be seen.
func question(query []byte) string {
	var p dnsmessage.Parser
	if h, err := p.Start(query); err != nil || h.Response {
		return ""
	}
	q, err := p.Question()
	if err != nil {
		return ""
	}
	return q.Name.String()
}

// refusal answers a query with nothing but a code.
func refusal(query []byte, code dnsmessage.RCode) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(query)
	if err != nil {
		return nil
	}
	questions, err := p.AllQuestions()
	if err != nil {
		return nil
	}
	m := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: h.ID, Response: true, OpCode: h.OpCode, RCode: code,
			RecursionDesired: h.RecursionDesired, RecursionAvailable: true,
		},
		Questions: questions,
	}
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}

// answer is what the asker gets for a query, nil for nothing at all; ask asks the real
// server. It returns early when the fault is over, or done is closed.
func (l *lie) answer(query []byte, ask func() []byte, done <-chan struct{}) []byte {
	l.injected.Add(1)
	switch l.Answer {
	case order.NXDomain:
		return refusal(query, dnsmessage.RCodeNameError)
	case order.ServFail:
		return refusal(query, dnsmessage.RCodeServerFailure)
	case order.NoAnswer:
		return nil
	}
	real := ask()
	timer := time.NewTimer(l.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.over:
	case <-done:
	}
	return real
}
