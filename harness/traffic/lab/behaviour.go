// Package lab is a server whose behaviour is known exactly: what a load
// generator reports of it can be held against the truth.
package lab

import "time"

// A Fate is what becomes of a request.
type Fate int

// The fates.
const (
	Answered Fate = iota // 200 with a body of some 100 bytes
	Errored              // 500 with the same
	Reset                // read, then the connection is reset
	Closed               // read, then the connection is closed
	Cut                  // half of the answer, then the connection is closed
	fates
)

// A Behaviour says what a server does with its requests, which are counted from
// 0 in the order in which they were read. The zero value answers each at once.
type Behaviour struct {
	// Delays are how long the answers take: request n waits Delays[n % len].
	Delays []time.Duration
	// Fates are what becomes of the requests, in the same way. A fate comes
	// after the delay.
	Fates []Fate
	// Stall makes the server stand still now and then.
	Stall Stall
}

// A Stall is a time in which nothing is answered; at its end everything is.
// The zero value is none.
type Stall struct {
	Every time.Duration // from the beginning of one to that of the next
	From  time.Duration // the beginning of the first, counted from the first request
	For   time.Duration
}

// Wait is how long a request waits that arrives at an offset from the first.
func (s Stall) Wait(at time.Duration) time.Duration {
	if s.For <= 0 || s.Every <= 0 || at < s.From {
		return 0
	}
	return max(0, s.For-(at-s.From)%s.Every)
}

// delay is the time that request n takes, without a stall.
func (b Behaviour) delay(n int64) time.Duration {
	if len(b.Delays) == 0 {
		return 0
	}
	return b.Delays[n%int64(len(b.Delays))]
}

func (b Behaviour) fate(n int64) Fate {
	if len(b.Fates) == 0 {
		return Answered
	}
	return b.Fates[n%int64(len(b.Fates))]
}
