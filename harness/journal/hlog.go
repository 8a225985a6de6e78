package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// latency.hlog is a standard HdrHistogram log, version 1.3: any tool that
// reads such logs reads this one. Times count from the start of the run and
// carry nine decimals; the library's own writer rounds them to milliseconds,
// and its reader to whatever the float gives, hence the lines are written and
// read here. Histograms are in microseconds, the Interval_Max column in
// milliseconds. Tag=phase/cohort/tier/journey/step/instance/measure, each
// part percent-encoded.

// writeHeader opens the log. Base and start are the same moment, so that
// offsets read as such.
func writeHeader(w io.Writer, start time.Time) error {
	log := hdrhistogram.NewHistogramLogWriter(w)
	ms := start.UnixMilli()
	return errors.Join(
		log.OutputLogFormatVersion(),
		log.OutputComment("[Values in microseconds, Interval_Max in milliseconds; Tag=phase/cohort/tier/journey/step/instance/measure]"),
		log.OutputBaseTime(ms),
		log.OutputStartTime(ms),
		log.OutputLegend(),
	)
}

// encodeInterval renders one line of the log, newline included.
func encodeInterval(i Interval) ([]byte, error) {
	if i.Histogram == nil {
		return nil, errors.New("journal: an interval without a histogram")
	}
	if i.From < 0 || i.To < i.From {
		return nil, fmt.Errorf("journal: interval from %v to %v", i.From, i.To)
	}
	slots := sparse(i.Histogram)
	var max int64
	if len(slots) > 0 {
		max = slots[len(slots)-1].value
	}
	line := fmt.Appendf(nil, "Tag=%s,%.9f,%.9f,%.3f,", i.Tag, i.From.Seconds(), (i.To - i.From).Seconds(), float64(max)/1000)
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	line, err := e.encode(line, slots)
	if err != nil {
		return nil, fmt.Errorf("encode histogram of %s: %w", i.Tag, err)
	}
	return append(line, '\n'), nil
}

// String is the form of a tag in the log.
func (t Tag) String() string {
	parts := []string{t.Phase, t.Cohort, t.Tier, t.Journey, t.Step, t.Instance, t.Measure}
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// ParseTag is the reverse of Tag.String. It also reads the five parts of logs
// from before there were tiers and instances.
func ParseTag(s string) (Tag, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 5 && len(parts) != 7 {
		return Tag{}, fmt.Errorf("tag %q has %d parts, not 7", s, len(parts))
	}
	for i, p := range parts {
		plain, err := url.PathUnescape(p)
		if err != nil {
			return Tag{}, fmt.Errorf("tag %q: %w", s, err)
		}
		parts[i] = plain
	}
	if len(parts) == 5 {
		return Tag{Phase: parts[0], Cohort: parts[1], Journey: parts[2], Step: parts[3], Measure: parts[4]}, nil
	}
	return Tag{Phase: parts[0], Cohort: parts[1], Tier: parts[2], Journey: parts[3], Step: parts[4], Instance: parts[5], Measure: parts[6]}, nil
}

// tags are those seen so far, by how they are written: a log has few, and millions of lines.
type tags map[string]Tag

func (t tags) parse(text []byte) (Tag, error) {
	if tag, seen := t[string(text)]; seen {
		return tag, nil
	}
	tag, err := ParseTag(string(text))
	if err == nil && len(t) < 10_000 {
		t[string(text)] = tag
	}
	return tag, err
}

// decodeInterval reads a line of the log that is no comment and no legend. Nothing of
// it is kept.
func decodeInterval(line []byte, known tags) (Interval, error) {
	var i Interval
	rest, ok := bytes.CutPrefix(line, []byte("Tag="))
	if !ok {
		return i, errors.New("no tag")
	}
	fields := bytes.Split(rest, []byte(","))
	if len(fields) != 5 {
		return i, fmt.Errorf("%d fields, not 5", len(fields))
	}
	var err error
	if i.Tag, err = known.parse(fields[0]); err != nil {
		return i, err
	}
	from, err1 := seconds(string(fields[1]))
	length, err2 := seconds(string(fields[2]))
	if err := errors.Join(err1, err2); err != nil {
		return i, err
	}
	i.From, i.To = from, from+length
	i.packed, err = decodePacked(fields[4])
	return i, err
}

// seconds reads an offset; a year is the most that makes sense, and keeps the
// arithmetic exact.
func seconds(s string) (time.Duration, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0 && f < 366*24*3600) {
		return 0, fmt.Errorf("%q is not a time in seconds", s)
	}
	return time.Duration(math.Round(f * 1e9)), nil
}

// readLatency reads a whole log; what cannot be read is told to problem.
func readLatency(r *bufio.Reader, problem func(line int, cut bool, err error)) ([]Interval, error) {
	var all []Interval
	known := tags{}
	err := eachLine(r, func(n int, line []byte, cut bool, err error) {
		line = bytes.TrimSpace(line)
		if err == nil && (len(line) == 0 || line[0] == '#' || line[0] == '"') {
			return
		}
		var i Interval
		if err == nil {
			i, err = decodeInterval(line, known)
		}
		if err != nil {
			problem(n, cut, err)
			return
		}
		all = append(all, i)
	})
	return all, err
}
