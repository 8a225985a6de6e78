// Package results writes every request in an encoding of the vegeta command, so
// that `vegeta report`, `vegeta plot` and whatever else reads its results read
// those of a run.
package results

import (
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// A Result is what became of one request.
type Result struct {
	// Seq and Timestamp are a Sequence's. Timestamp is the intended moment, and
	// Latency counts from it: what a request waited for its turn is in it.
	Seq       uint64
	Timestamp time.Time
	Latency   time.Duration
	Attack    string // journey/step
	Code      int    // 0 without an answer
	BytesIn   int64
	BytesOut  int64
	// Error is the kind of trouble in words, "" if there was none. vegeta itself
	// takes any status from 200 to 399 for a success, whatever Error says.
	Error  string
	Method string
	URL    string // see URL; a query, a fragment or user info are not written
}

// The formats of results.
const (
	Gob  = "gob" // vegeta's own
	JSON = "json"
	CSV  = "csv"
)

// FormatOf tells the format of a file by the end of its name.
func FormatOf(file string) string {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".json":
		return JSON
	case ".csv":
		return CSV
	}
	return Gob
}

func encoderFor(w io.Writer, format string) (vegeta.Encoder, error) {
	switch format {
	case Gob:
		return vegeta.NewEncoder(w), nil
	case JSON:
		return vegeta.NewJSONEncoder(w), nil
	case CSV:
		return vegeta.NewCSVEncoder(w), nil
	}
	return nil, fmt.Errorf("results in format %q: it can be %s, %s or %s", format, Gob, JSON, CSV)
}

// URL is the address of a path of a service as results name it.
func URL(service, path string) string { return plain("http://" + service + path) }

// plain is an address without what may be secret: user info, query, fragment.
func plain(address string) string {
	if end := strings.IndexAny(address, "?#"); end >= 0 {
		address = address[:end]
	}
	if !strings.Contains(address, "@") {
		return address // as it is of nearly all, for nothing
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}

// encoded is a result as vegeta has it.
func (r *Result) encoded() *vegeta.Result {
	return &vegeta.Result{
		Attack: r.Attack, Seq: r.Seq, Timestamp: r.Timestamp, Latency: r.Latency,
		Code: uint16(min(max(r.Code, 0), 999)), BytesIn: uint64(max(r.BytesIn, 0)), BytesOut: uint64(max(r.BytesOut, 0)),
		Error: r.Error, Method: r.Method, URL: plain(r.URL),
	}
}
