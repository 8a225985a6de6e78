package traffic

import (
	"strconv"
	"time"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/results"
)

// A logged is what the results of a run say of a request beside its times.
type logged struct {
	seq     uint64
	moment  time.Time
	status  int
	bytesIn int64
}

// number gives the request its place in the results of its step.
func (s *session) number() {
	if s.results == nil {
		return
	}
	l := &s.asked.logged
	*l = logged{}
	l.seq, l.moment = s.asked.step.sequence.Next(s.epoch.Add(s.origin + s.asked.intended))
}

// hear notes what will be gone when the answer has been judged.
func (s *session) hear(x *exchange.Exchange) {
	if s.results == nil {
		return
	}
	l := &s.asked.logged
	l.status, l.bytesIn = x.Status, int64(len(x.Body))
	if n, err := strconv.ParseInt(string(x.Head.Get("Content-Length")), 10, 64); err == nil && x.Cut {
		l.bytesIn = n
	}
}

// log writes a request that has ended into the results.
func (s *session) log(message string, ended time.Duration) {
	if s.results == nil {
		return
	}
	r, l := &s.x.Request, &s.asked.logged
	s.results.Add(results.Result{
		Seq: l.seq, Timestamp: l.moment, Latency: ended - s.asked.intended, Attack: s.asked.step.attack,
		Code: l.status, BytesIn: l.bytesIn, BytesOut: max(r.Length, int64(len(r.Body))), Error: message,
		Method: r.Method, URL: results.URL(s.asked.target.Name, r.Path),
	})
}
