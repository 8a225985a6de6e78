// Package replay reads recordings of traffic: access logs, JSON lines, HAR
// files, vegeta targets and lists of times. It reads a file once, from front
// to back, and accounts for every line of it.
//
// Recorded paths are kept whole, with whatever secrets their queries hold,
// because replaying them needs that: a Recording's Requests are for sending
// and never for printing. Everything else in a Recording may be shown.
package replay

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Formats that Read knows.
const (
	AccessLog  = "access-log"
	JSONLines  = "json-lines"
	HAR        = "har"
	VegetaHTTP = "vegeta-http"
	VegetaJSON = "vegeta-json"
	Times      = "times"
)

// Options say how a recording is to be read. The zero value reads a recording
// whose format can be told from its beginning and drops every request, for
// want of a service that would get it.
type Options struct {
	// Format is one of the constants; "" tells it from the file.
	Format string
	// Service gets the requests whose host Hosts does not name.
	Service string
	// Hosts says which service gets the requests for a recorded host, in any
	// case, with or without its port.
	Hosts map[string]string
	// Headers names the recorded headers that are kept. Empty: all but those
	// that carry credentials. Headers that frame a message or belong to a
	// connection are never kept.
	Headers []string
	// Fields names the members of json-lines: for "time", "method", "path" (or
	// "url"), "query", "host", "headers", "body" and "request" (a whole request
	// line). A dot goes one object deeper.
	Fields map[string]string
	// TimesOnly wants nothing of a request but its time. Then no Service is
	// needed; Hosts alone still selects the requests for those hosts.
	TimesOnly bool
}

// A Field is one header field, its name in canonical form.
type Field struct{ Name, Value string }

// A Request is one recorded request. Requests share their strings and slices:
// nobody may change them.
type Request struct {
	At      time.Duration // from the first request of the recording
	Method  string
	Service string
	Path    string // path and query, with a leading slash
	Header  []Field
	Body    []byte
}

// A Recording is what a file holds. Lines is always len(Requests) + Malformed
// + the sum of Skipped.
type Recording struct {
	Format string
	// Digest is the SHA-256 in hex of the file, followed by the body files that
	// vegeta targets name, in their order.
	Digest string
	// Lines counts the lines that are neither blank nor comments; in a HAR file
	// the entries, among vegeta's HTTP targets the targets and the lines that
	// belong to none.
	Lines int
	// Malformed counts what could not be read, Samples shows the first five:
	// "line 17: why: excerpt", capped, without secrets.
	Malformed int
	Samples   []string
	// Skipped counts by reason what was understood and left out: requests for
	// hosts without a service, methods that are not replayed, and the like.
	Skipped map[string]int
	// Withheld counts the headers that were left out because they carry
	// credentials, by name.
	Withheld map[string]int
	// WithoutBody counts the requests whose body was not recorded; they are sent
	// without.
	WithoutBody int
	// Reordered counts the requests that stood behind a later one.
	Reordered int
	// Spread counts the requests whose time was moved within its second: a log
	// whose times are all whole seconds says nothing about the rest, and those of
	// one second are taken to be evenly apart in it.
	Spread int
	// Span is the time from the first request to the last, HasTimes whether the
	// recording has times at all.
	Span     time.Duration
	HasTimes bool
	// Requests are in the order of their times; those at the same time, and
	// those without times, in the order of the file.
	Requests []Request
}

// maxLine is the length of a line in bytes; a longer one is malformed.
const maxLine = 1 << 20

// limits of what is read, so that no file takes all memory.
type limits struct {
	entry    int64 // bytes of one HAR entry, or of one body file
	bodies   int64 // bytes of all bodies
	requests int
}

var usual = limits{entry: 64 << 20, bodies: 512 << 20, requests: 10_000_000}

// Read reads a recording. It fails only when the file cannot be read, is
// empty, is of no known format, or holds more than memory should: what a single
// line lacks is counted in the recording. The file is read once; it may be as
// large as it likes, what is kept is some hundred bytes a request.
func Read(file string, o Options) (*Recording, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the recording: %w", err)
	}
	defer func() { _ = f.Close() }() // it is only read
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the recording: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file; a recording is read more than once", file)
	}
	recording, err := read(f, info.Size(), filepath.Dir(file), o, usual)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return recording, nil
}

// parsers read one format each. Detection tries them in no order: it goes by
// the content.
var parsers = map[string]func(*source, *gathering) error{
	AccessLog:  readAccessLog,
	JSONLines:  readJSONLines,
	HAR:        readHAR,
	VegetaHTTP: readVegetaHTTP,
	VegetaJSON: readVegetaJSON,
	Times:      readTimes,
}

// read does the work of Read on an open file; body files are in dir.
func read(r io.Reader, size int64, dir string, o Options, within limits) (*Recording, error) {
	if err := checkFields(o.Fields); err != nil {
		return nil, err
	}
	if o.Format != "" && parsers[o.Format] == nil {
		return nil, fmt.Errorf("no format is called %q; there are access-log, json-lines, har, vegeta-http, vegeta-json and times", o.Format)
	}
	src := &source{digest: sha256.New(), size: size, dir: dir, limits: within}
	src.reader = bufio.NewReaderSize(io.TeeReader(r, src.digest), maxLine)
	start, err := src.peek()
	if err != nil {
		return nil, err
	}
	format := o.Format
	if format == "" {
		if format, err = detect(start); err != nil {
			return nil, err
		}
	}
	g := newGathering(format, o, src)
	if err := parsers[format](src, g); err != nil {
		return nil, err
	}
	return g.finish()
}

// finish settles what only the whole file tells.
func (g *gathering) finish() (*Recording, error) {
	if _, err := io.Copy(io.Discard, g.src.reader); err != nil { // for the digest
		return nil, err
	}
	for _, body := range g.bodyFiles {
		g.src.digest.Write(body)
	}
	g.rec.Digest = hex.EncodeToString(g.src.digest.Sum(nil))
	if g.rec.Lines == 0 {
		return nil, errors.New("holds no requests, only blank lines and comments")
	}
	g.dropUntimed()
	g.order()
	return &g.rec, nil
}

// dropUntimed counts requests without a time as malformed where others have one.
func (g *gathering) dropUntimed() {
	g.rec.HasTimes = g.untimed < len(g.rec.Requests)
	if !g.rec.HasTimes || g.untimed == 0 {
		return
	}
	g.rec.Requests = slices.DeleteFunc(g.rec.Requests, func(r Request) bool { return r.At == noTime })
	g.rec.Malformed += g.untimed
	g.rec.Samples = append(g.rec.Samples, g.untimedSamples...)
	g.rec.Samples = g.rec.Samples[:min(len(g.rec.Samples), maxSamples)]
}

// order sorts the requests by time and makes the first the origin.
func (g *gathering) order() {
	requests := g.rec.Requests
	if !g.rec.HasTimes {
		for i := range requests {
			requests[i].At = 0
		}
		return
	}
	if g.reordered(); g.rec.Reordered > 0 {
		slices.SortStableFunc(requests, func(a, b Request) int { return cmp.Compare(a.At, b.At) })
	}
	if g.rec.Format == AccessLog || g.rec.Format == JSONLines {
		g.spread()
	}
	first := requests[0].At
	for i := range requests {
		requests[i].At -= first
	}
	g.rec.Span = requests[len(requests)-1].At
}

func (g *gathering) reordered() {
	latest := time.Duration(0)
	for _, r := range g.rec.Requests {
		if r.At < latest {
			g.rec.Reordered++
		}
		latest = max(latest, r.At)
	}
}

// spread puts requests of the same second evenly into it, where all times are
// whole seconds.
func (g *gathering) spread() {
	requests := g.rec.Requests
	if slices.ContainsFunc(requests, func(r Request) bool { return r.At%time.Second != 0 }) {
		return
	}
	for start, end := 0, 0; start < len(requests); start = end {
		for end = start; end < len(requests) && requests[end].At == requests[start].At; end++ {
			continue
		}
		n := time.Duration(end - start)
		for i := range n {
			requests[start+int(i)].At += time.Second * i / n
		}
		g.rec.Spread += int(n) - 1
	}
}

// withoutPort is a host without its port.
func withoutPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.Contains(host[i:], "]") {
		return host[:i]
	}
	return host
}
