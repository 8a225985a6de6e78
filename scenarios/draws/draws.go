// Package draws are the random decisions of sessions: whose it is, how large
// things are, how long people think, which way they take. They come from the
// plan's seed and the number of the session alone, so they are the same in
// every run of a plan, whatever the system does meanwhile.
package draws

import (
	"encoding/hex"
	"hash/fnv"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/arrivals"
	"github.com/shakedown-dev/shakedown/scenarios/draws/seeded"
)

// A Source holds what the sessions of a plan draw from. It does not change
// after New and is safe for concurrent use.
type Source struct {
	seed  int64
	loads []load
}

// A load is what the sessions of one load have in common.
type load struct {
	population population
	sizes      map[string]namedSize
}

// A namedSize is a size with the number of its generators, which comes from
// its name: another size beside it changes nothing.
type namedSize struct {
	scenarios.Size
	id uint64
}

// New makes the Source of a plan.
func New(plan *scenarios.Plan) *Source {
	s := &Source{seed: plan.Seed, loads: make([]load, len(plan.Load))}
	for i, planned := range plan.Load {
		s.loads[i].population = newPopulation(planned, plan.Phases)
		s.loads[i].sizes = make(map[string]namedSize, len(planned.Sizes))
		for name, size := range planned.Sizes {
			hash := fnv.New64a()
			hash.Write([]byte(name))
			s.loads[i].sizes[name] = namedSize{size, hash.Sum64()}
		}
	}
	return s
}

// Session makes the session that is number ordinal of a load, from 0, and
// begins at an offset from the start of traffic; the offset only decides
// whether the hot tenant has its share then.
func (s *Source) Session(load int, ordinal uint64, at time.Duration) Session {
	number := arrivals.Number(len(s.loads), load, ordinal)
	key := seeded.NewKey(s.seed, number)
	tenant := key.Rand(seeded.Tenant, 0)
	return Session{
		load:   &s.loads[load],
		number: number,
		key:    key,
		tenant: s.loads[load].population.draw(&tenant, at),
		think:  key.Rand(seeded.Think, 0),
		choice: key.Rand(seeded.Choice, 0),
		times:  key.Rand(seeded.Times, 0),
		uuid:   key.Rand(seeded.UUID, 0),
	}
}

// Share is a number between 0 and 1 that belongs to a session as its tenant does. Who
// lets only a part of the sessions begin takes those whose Share is below that part.
func (s *Source) Share(load int, ordinal uint64) float64 {
	r := seeded.NewKey(s.seed, arrivals.Number(len(s.loads), load, ordinal)).Rand(seeded.Share, 0)
	return r.Unit()
}

// A Session is the draws of one session. It is a value: making one allocates
// nothing, and a copy goes on from where the original stood. It is not safe for
// concurrent use.
//
// What a session is, its tenant and its sizes, is the same whenever it is
// asked for. What it does, Think, Choose, Times and UUID, is drawn anew by
// each call: four sequences, each independent of how far the others are.
type Session struct {
	load   *load
	number uint64
	key    seeded.Key
	tenant uint64
	think  seeded.Rand
	choice seeded.Rand
	times  seeded.Rand
	uuid   seeded.Rand
}

// Number is the session's in the run: unique, from 1.
func (s *Session) Number() uint64 { return s.number }

// Tenant is the name of the tenant that the session belongs to. Each call
// makes the text anew.
func (s *Session) Tenant() string { return s.load.population.name(s.tenant) }

// Size is the size of the cohort that has a name, ok false when none has.
func (s *Session) Size(name string) (n int, ok bool) {
	named, ok := s.load.sizes[name]
	if !ok {
		return 0, false
	}
	r := s.key.Rand(seeded.Size, named.id)
	return size(&r, named.Size), true
}

// Think draws a think time, 0 from nil.
func (s *Session) Think(t *scenarios.Think) time.Duration { return think(&s.think, t) }

// Choose draws the index of one of several ways, with probabilities in
// proportion to their weights; -1 when no weight is above 0.
func (s *Session) Choose(weights []int) int { return choose(&s.choice, weights) }

// Times draws how often steps are repeated.
func (s *Session) Times(n scenarios.Size) int { return size(&s.times, n) }

// UUID draws a random (version 4) UUID.
func (s *Session) UUID() string {
	high, low := s.uuid.Uint64(), s.uuid.Uint64()
	high = high&^0xf000 | 0x4000
	low = low&^(3<<62) | 2<<62
	var raw [16]byte
	for i := range 8 {
		raw[i], raw[8+i] = byte(high>>(56-8*i)), byte(low>>(56-8*i))
	}
	var text [36]byte
	for i, part := range [...]struct{ from, to, at int }{{0, 4, 0}, {4, 6, 9}, {6, 8, 14}, {8, 10, 19}, {10, 16, 24}} {
		hex.Encode(text[part.at:], raw[part.from:part.to])
		if i > 0 {
			text[part.at-1] = '-'
		}
	}
	return string(text[:])
}
