package replay

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// An entry is what a parser found in one line, before anything is decided on
// it. Its slices may be reused after add.
type entry struct {
	at     int64 // nanoseconds since 1970
	timed  bool
	method []byte
	target []byte // of the request line: a path, or a whole URL
	host   []byte // where it is recorded besides
	header []Field
	body   []byte // kept, not copied
	// shared tells that others have the same body, which is counted elsewhere.
	shared bool
	// bodiless tells that there was a body and it was not recorded.
	bodiless bool
}

// noTime marks a request without a time while the file is being read.
const noTime = time.Duration(math.MinInt64)

// At most so many distinct reasons are kept.
const maxReasons = 20

const otherReasons = "other reasons"

// A gathering collects a recording. Each line ends in exactly one call of add,
// malformed or skip, and those count it.
type gathering struct {
	o     Options
	src   *source
	rec   Recording
	unit  string // "line" or "entry", in samples
	names interner
	hosts map[string]string // Options.Hosts in lower case
	keep  map[string]bool   // Options.Headers in canonical form
	heads map[string][]Field

	untimed        int
	untimedSamples []string
	bodies         int64
	bodyFiles      [][]byte
}

func newGathering(format string, o Options, src *source) *gathering {
	g := &gathering{
		o: o, src: src, unit: "line", names: interner{},
		rec:   Recording{Format: format, Skipped: map[string]int{}, Withheld: map[string]int{}},
		hosts: map[string]string{}, heads: map[string][]Field{},
	}
	for host, service := range o.Hosts {
		g.hosts[strings.ToLower(host)] = service
	}
	if len(o.Headers) > 0 {
		g.keep = map[string]bool{}
		for _, name := range o.Headers {
			g.keep[canonical(name)] = true
		}
	}
	return g
}

// malformed counts a line that cannot be read, and shows it if it is among the
// first.
func (g *gathering) malformed(why string, line []byte) {
	g.rec.Lines++
	g.rec.Malformed++
	if len(g.rec.Samples) < maxSamples {
		g.rec.Samples = append(g.rec.Samples, g.sample(why, line))
	}
}

// skip counts a line that is left out.
func (g *gathering) skip(reason string) {
	g.rec.Lines++
	if _, known := g.rec.Skipped[reason]; !known && len(g.rec.Skipped) >= maxReasons-1 {
		reason = otherReasons
	}
	g.rec.Skipped[reason]++
}

// add decides on an entry; line is what it stood in.
func (g *gathering) add(e entry, line []byte) {
	request, refused := g.request(e)
	if refused.why != "" {
		g.malformed(refused.why, line)
		return
	}
	if refused.skip != "" {
		g.skip(refused.skip)
		return
	}
	if e.timed {
		request.At = time.Duration(e.at)
	} else {
		request.At = noTime
		if g.untimed++; len(g.untimedSamples) < maxSamples {
			g.untimedSamples = append(g.untimedSamples, g.sample("has no time, and others have", line))
		}
	}
	if e.bodiless && !g.o.TimesOnly {
		g.rec.WithoutBody++
	}
	g.rec.Lines++
	g.append(request)
}

// A refusal says why an entry makes no request: it is malformed, or left out.
type refusal struct{ why, skip string }

// request makes the request of an entry, all but its time.
func (g *gathering) request(e entry) (Request, refusal) {
	if g.o.TimesOnly && (len(g.hosts) == 0 || len(e.target) == 0) {
		return Request{}, refusal{}
	}
	method := g.names.of(e.method)
	if !replayed(method) {
		return Request{}, refusal{skip: "method " + printable(method, 20) + " is not replayed"}
	}
	host, path, refused := splitTarget(e.target)
	if refused != (refusal{}) {
		return Request{}, refused
	}
	if len(host) == 0 {
		host = e.host
	}
	service, refused := g.route(host)
	if refused != (refusal{}) || g.o.TimesOnly {
		return Request{}, refused
	}
	header, why := g.header(e.header)
	if why != "" {
		return Request{}, refusal{why: why}
	}
	if !e.shared {
		g.bodies += int64(len(e.body))
	}
	return Request{Method: method, Service: service, Path: g.names.of(path), Header: header, Body: e.body}, refusal{}
}

// replayed tells whether requests with a method are sent.
func replayed(method string) bool {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return true
	}
	return false
}

// carriesBody tells whether requests with a method usually have a body.
func carriesBody(method []byte) bool {
	switch string(method) {
	case "POST", "PUT", "PATCH":
		return true
	}
	return false
}

// route is the service that gets the requests for a host.
func (g *gathering) route(host []byte) (string, refusal) {
	if len(g.hosts) > 0 && len(host) > 0 {
		name := strings.ToLower(string(host))
		if service, ok := g.hosts[name]; ok {
			return service, refusal{}
		}
		if service, ok := g.hosts[withoutPort(name)]; ok {
			return service, refusal{}
		}
	}
	switch {
	case g.o.Service != "":
		return g.o.Service, refusal{}
	case len(host) == 0:
		return "", refusal{skip: "no host is recorded, and no service is named for such requests"}
	}
	return "", refusal{skip: "host " + printable(strings.ToLower(string(host)), 80) + " is not mapped"}
}

// append adds a request, with room for as many as the rest of the file is
// likely to hold.
func (g *gathering) append(r Request) {
	if n := len(g.rec.Requests); n == cap(g.rec.Requests) && n >= 4096 && g.src.read > 0 {
		whole := float64(n) * float64(g.src.size) / float64(g.src.read)
		room := max(n+n/4, min(int(whole*1.02)+64, g.src.limits.requests+1))
		grown := make([]Request, n, room)
		copy(grown, g.rec.Requests)
		g.rec.Requests = grown
	}
	g.rec.Requests = append(g.rec.Requests, r)
}

// full is the error of a recording that is too large to be held.
func (g *gathering) full() error {
	switch most := g.src.limits; {
	case len(g.rec.Requests) > most.requests:
		return fmt.Errorf("holds more than %d requests; cut it into pieces", most.requests)
	case g.bodies > most.bodies:
		return fmt.Errorf("its bodies take more than %d MiB; cut it into pieces", most.bodies>>20)
	}
	return nil
}

// An interner makes equal texts one string. It stops learning new ones when it
// has many, so that a file of nothing but different paths costs no second copy.
type interner map[string]string

const maxInterned = 1 << 16

func (in interner) of(text []byte) string {
	if s, ok := in[string(text)]; ok {
		return s
	}
	s := string(text)
	if len(in) < maxInterned {
		in[s] = s
	}
	return s
}
