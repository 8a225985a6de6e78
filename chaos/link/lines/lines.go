// Package lines is one JSON object a line, both ways: what harness, agents and
// the undo helper say to each other is framed so.
package lines

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// Reader reads lines. It is for one goroutine.
type Reader struct{ r *bufio.Reader }

// NewReader reads lines of at most order.MaxLine bytes.
func NewReader(r io.Reader) *Reader { return &Reader{bufio.NewReaderSize(r, order.MaxLine)} }

// Read gives the next line, which is valid until the next call. What is cut off
// by the end of the input was never said: that is io.EOF too.
func (r *Reader) Read() ([]byte, error) {
	line, err := r.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("a line is longer than %d bytes: %q", order.MaxLine, Short(line))
	}
	if err != nil {
		return nil, err
	}
	return line, nil
}

// Decode reads one value from a line. Members that are not known are errors, as
// is anything behind the value.
func Decode(line []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one value in a line")
	}
	return nil
}

// Short is a line as it may stand in an error.
func Short(line []byte) string {
	const limit = 200
	text := strings.TrimSpace(strings.ToValidUTF8(string(line[:min(len(line), limit+utf8.UTFMax)]), "?"))
	if len(text) <= limit {
		return text
	}
	cut := limit
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
