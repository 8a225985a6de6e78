package results

import "time"

// A Sequence numbers the requests of one Attack. `vegeta plot` puts results in
// the order of their numbers, which begin with 0 and leave none out, and gives
// up on a timestamp that is, in milliseconds, before that of the number before.
// The zero value is ready to use.
type Sequence struct {
	next uint64
	last time.Time
}

// Next gives number and timestamp of the next request by its intended moment.
// Ask when the driver gets to the request, and let a result follow for every
// number. The driver gets to requests in the order of their moments but for some
// microseconds; one that is before its predecessor gets the moment of that.
func (s *Sequence) Next(intended time.Time) (seq uint64, timestamp time.Time) {
	if intended.After(s.last) {
		s.last = intended
	}
	seq = s.next
	s.next++
	return seq, s.last
}
