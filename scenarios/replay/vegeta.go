package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
)

// readVegetaJSON reads vegeta's JSON targets, one a line: method, url, header
// and a body in base64.
func readVegetaJSON(src *source, g *gathering) error {
	return src.each(g, false, func(line []byte) {
		var t struct {
			Method string              `json:"method"`
			URL    string              `json:"url"`
			Body   []byte              `json:"body"`
			Header map[string][]string `json:"header"`
		}
		if err := json.Unmarshal(line, &t); err != nil {
			g.malformed("is not a target in JSON", line)
			return
		}
		if t.Method == "" || t.URL == "" {
			g.malformed("has no method, or no url", line)
			return
		}
		e := entry{method: []byte(t.Method), target: []byte(t.URL), body: t.Body}
		for _, name := range slices.Sorted(maps.Keys(t.Header)) {
			for _, value := range t.Header[name] {
				e.header = append(e.header, Field{name, value})
			}
		}
		e.host = hostOf(e.header)
		g.add(e, line)
	})
}

// readVegetaHTTP reads vegeta's HTTP targets:
//
//	POST http://host/path
//	Header: value
//	@body-file
//
// A target ends with a blank line, its body file, or the next target. A body
// file is looked for in the recording's directory and nowhere else.
func readVegetaHTTP(src *source, g *gathering) error {
	r := vegetaReader{g: g, dir: src.dir, files: map[string][]byte{}}
	defer r.close()
	for {
		line, long, err := src.next()
		switch {
		case errors.Is(err, io.EOF):
			r.end()
			return g.full()
		case err != nil:
			return err
		case long:
			r.long(line)
		default:
			r.take(line)
		}
		if err := g.full(); err != nil {
			return err
		}
	}
}

// A vegetaReader puts targets together from their lines.
type vegetaReader struct {
	g     *gathering
	open  bool // a target has begun and not ended
	e     entry
	first []byte // its first line
	at    int    // the number of that line
	why   string // what is wrong with it
	dir   string
	root  *os.Root // of dir, once a body file was asked for
	files map[string][]byte
}

// take takes one line.
func (r *vegetaReader) take(line []byte) {
	switch {
	case len(line) == 0:
		r.end()
	case line[0] == '#':
	case beginsTarget(line):
		r.end()
		r.first = append(r.first[:0], line...)
		method, target, _ := bytes.Cut(r.first, []byte(" "))
		if target == nil { // a tab
			method, target, _ = bytes.Cut(r.first, []byte("\t"))
		}
		r.open, r.at, r.why = true, r.g.src.line, ""
		r.e = entry{method: method, target: bytes.TrimSpace(target), header: r.e.header[:0]}
	case !r.open:
		r.g.malformed("belongs to no target", line)
	case line[0] == '@':
		r.body(string(line[1:]))
		r.end()
	default:
		r.header(line)
	}
}

// long takes a line that is too long: it spoils the target it belongs to.
func (r *vegetaReader) long(line []byte) {
	const why = "is longer than 1 MiB"
	if r.open && !beginsTarget(line) {
		r.spoil(why)
		return
	}
	r.end()
	r.g.malformed(why, line)
}

// beginsTarget tells whether a line begins with a word in capitals and a blank.
func beginsTarget(line []byte) bool {
	for i, c := range line {
		if c < 'A' || c > 'Z' {
			return i > 0 && (c == ' ' || c == '\t')
		}
	}
	return false
}

// spoil keeps the first thing that is wrong with a target.
func (r *vegetaReader) spoil(why string) {
	if r.why == "" {
		r.why = why
	}
}

func (r *vegetaReader) header(line []byte) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	name, value = bytes.TrimSpace(name), bytes.TrimSpace(value)
	if !ok || len(name) == 0 || len(value) == 0 {
		r.spoil("a line of it is neither a header nor a body file")
		return
	}
	r.e.header = append(r.e.header, Field{string(name), string(value)})
}

// end ends the target that is open, if one is.
func (r *vegetaReader) end() {
	if !r.open {
		return
	}
	r.open = false
	// Samples name the line on which the target begins.
	defer func(line int) { r.g.src.line = line }(r.g.src.line)
	r.g.src.line = r.at
	if r.why != "" {
		r.g.malformed(r.why, r.first)
		return
	}
	r.e.host = hostOf(r.e.header)
	r.g.add(r.e, r.first)
}

// body reads a body file, each of them once.
func (r *vegetaReader) body(name string) {
	content, known := r.files[name]
	if !known {
		var err error
		if content, err = r.readFile(name); err != nil {
			r.spoil(printable("body file: "+err.Error(), excerptLength))
			return
		}
		r.files[name] = content
		r.g.bodyFiles = append(r.g.bodyFiles, content)
		r.g.bodies += int64(len(content))
	}
	r.e.body, r.e.shared = content, true
}

// readFile reads a file in the recording's directory.
func (r *vegetaReader) readFile(name string) ([]byte, error) {
	if r.root == nil {
		root, err := os.OpenRoot(r.dir)
		if err != nil {
			return nil, err
		}
		r.root = root
	}
	info, err := r.root.Stat(name)
	switch {
	case err != nil:
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	case info.Size() > r.g.src.limits.entry:
		return nil, fmt.Errorf("%s is larger than %d MiB", name, r.g.src.limits.entry>>20)
	}
	return r.root.ReadFile(name)
}

func (r *vegetaReader) close() {
	if r.root != nil {
		_ = r.root.Close() // it was only read
	}
}
