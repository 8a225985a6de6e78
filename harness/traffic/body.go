package traffic

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A body is what a step sends: exactly one of text, file and payload, or
// nothing.
type body struct {
	constant []byte // the body of every request, compressed already; nil if there is none such
	text     text
	file     *file
	payload  *payload
	json     bool // values are escaped for JSON
	gzip     bool
	chunked  bool
}

// inMemory is up to which size a file or a payload is held in memory, where the
// event loop can send it; larger ones are produced while they are sent.
const inMemory = 16 << 10

// compileBody prepares the body of a step; json tells whether it is JSON.
func compileBody(p *scenarios.PlannedStep, json bool) (body, error) {
	b := body{json: json, gzip: p.Gzip, chunked: p.Chunked}
	var constant []byte
	var err error
	switch {
	case p.Payload != nil:
		b.payload, err = compilePayload(p.Payload)
	case p.BodyFile != "":
		if b.file, err = inspectFile(p.BodyFile); err == nil && b.file.size <= inMemory {
			constant, err = os.ReadFile(b.file.path)
		}
	default:
		if b.text, err = compileText(p.Body); err == nil && b.text.fixed && p.Body != "" {
			constant = []byte(b.text.constant)
		}
	}
	if err != nil {
		return b, fmt.Errorf("body: %w", err)
	}
	if b.gzip && constant != nil {
		constant = compress(constant)
	}
	b.constant = constant
	return b, nil
}

// fill puts the body into a request. What is drawn or looked up is so now, on
// the loop; what is produced later knows all it needs.
func (b *body) fill(r *exchange.Request, v *variables) error {
	r.Chunked = b.chunked
	switch {
	case b.constant != nil:
		r.Body = b.constant
		return nil
	case b.payload != nil:
		items, err := b.payload.fill(b.json, v)
		if err != nil {
			return fmt.Errorf("payload: %w", err)
		}
		return b.produce(r, items.size, items.open)
	case b.file != nil:
		return b.produce(r, b.file.size, b.file.open)
	}
	text, err := b.text.in(b.json, v)
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if text == "" {
		return nil
	}
	if !b.gzip {
		r.Body = []byte(text)
		return nil
	}
	return b.produce(r, int64(len(text)), func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader([]byte(text))), nil
	})
}

// produce makes a request send what open gives, size bytes of it.
func (b *body) produce(r *exchange.Request, size int64, open func() (io.ReadCloser, error)) error {
	if b.gzip {
		r.Length = -1
		r.Stream = func() (io.ReadCloser, error) {
			plain, err := open()
			if err != nil {
				return nil, err
			}
			return newCompressor(plain), nil
		}
		return nil
	}
	if size > inMemory {
		r.Stream, r.Length = open, size
		return nil
	}
	source, err := open()
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	r.Body = make([]byte, size)
	_, err = io.ReadFull(source, r.Body)
	return err
}

// A file is a body on disk, read anew for each request.
type file struct {
	path string
	size int64
}

func inspectFile(path string) (*file, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	return &file{path: path, size: info.Size()}, nil
}

// open begins to read the file. One that has changed its size since the run
// was prepared would not be the body that its length announces.
func (f *file) open() (io.ReadCloser, error) {
	opened, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	info, err := opened.Stat()
	if err == nil && info.Size() != f.size {
		err = fmt.Errorf("%s has %d bytes, and had %d when the run began", f.path, info.Size(), f.size)
	}
	if err != nil {
		_ = opened.Close()
		return nil, err
	}
	return opened, nil
}
