package traffic

import (
	"crypto/sha256"
	"encoding/hex"
)

// TraceHeader carries the trace that a request begins, as W3C Trace Context has it:
// systems that record traces find the requests of a run by it.
const TraceHeader = "Traceparent"

// traces are the values of that header. Half of a trace's number is that of the run,
// the rest counts its requests, and so does the number of the span. They are written
// many at a time into one string, so that one by itself allocates nothing.
type traces struct {
	run  string // 16 hexadecimal digits
	last uint64
	text string // the next ones, without anything in between
}

const (
	traceSize    = len("00-") + traceDigits + len("-") + spanDigits + len("-01")
	traceDigits  = 32
	spanDigits   = 16
	tracesAtOnce = 256
)

// tracesOf are those of a run.
func tracesOf(run string) traces {
	sum := sha256.Sum256([]byte(run))
	return traces{run: hex.EncodeToString(sum[:spanDigits/2])}
}

func (t *traces) next() string {
	if len(t.text) == 0 {
		t.write()
	}
	parent := t.text[:traceSize]
	t.text = t.text[traceSize:]
	return parent
}

// write writes those of the next requests. They are sampled (01): a trace that
// nobody keeps cannot be looked up afterwards.
func (t *traces) write() {
	text := make([]byte, 0, traceSize*tracesAtOnce)
	for range tracesAtOnce {
		t.last++
		text = append(append(text, "00-"...), t.run...)
		text = appendHex(text, t.last)
		text = appendHex(append(text, '-'), t.last)
		text = append(text, "-01"...)
	}
	t.text = string(text)
}

func appendHex(text []byte, n uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		text = append(text, digits[n>>shift&15])
	}
	return text
}

// traceOf is the number of the trace in a value of the header.
func traceOf(parent string) string {
	if len(parent) != traceSize {
		return ""
	}
	return parent[len("00-") : len("00-")+traceDigits]
}
