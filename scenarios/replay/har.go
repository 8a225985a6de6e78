package replay

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// harEntry is one of log.entries, as far as it matters here. Whatever else an
// entry holds, such as the answer's content, is read over.
type harEntry struct {
	Started string `json:"startedDateTime"`
	Request struct {
		Method   string     `json:"method"`
		URL      string     `json:"url"`
		Headers  []harField `json:"headers"`
		BodySize int        `json:"bodySize"`
		PostData *struct {
			Type     string     `json:"mimeType"`
			Text     string     `json:"text"`
			Encoding string     `json:"encoding"`
			Params   []harField `json:"params"`
		} `json:"postData"`
	} `json:"request"`
}

type harField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// readHAR reads the entries of an HTTP archive one after the other. A file that
// is cut off within them is an error: nobody knows what it lacks.
func readHAR(src *source, g *gathering) error {
	g.unit = "entry"
	src.line = 0
	limited := &allowance{reader: src.reader, most: src.limits.entry}
	decoder := json.NewDecoder(limited)
	if err := enter(decoder, "log", limited); err != nil {
		return fmt.Errorf("look for log: %w", err)
	}
	if err := enter(decoder, "entries", limited); err != nil {
		return fmt.Errorf("look for log.entries: %w", err)
	}
	if err := delimiter(decoder, '['); err != nil {
		return fmt.Errorf("log.entries: %w", err)
	}
	for decoder.More() {
		limited.used = 0
		src.line++
		src.read = decoder.InputOffset()
		var e harEntry
		err := decoder.Decode(&e)
		if mistyped := (*json.UnmarshalTypeError)(nil); errors.As(err, &mistyped) {
			g.malformed("is not as HAR has it", []byte(mistyped.Field+" is a "+mistyped.Value))
		} else if err != nil {
			return fmt.Errorf("log.entries: entry %d: %w", src.line, whole(err))
		} else {
			e.addTo(g)
		}
		if err := g.full(); err != nil {
			return err
		}
	}
	if err := delimiter(decoder, ']'); err != nil {
		return fmt.Errorf("log.entries: after entry %d: %w", src.line, whole(err))
	}
	return nil
}

// whole says what the end of a file means in the middle of it.
func whole(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file is cut off here; record it again")
	}
	return err
}

func (h *harEntry) addTo(g *gathering) {
	r := &h.Request
	shown := []byte(r.Method + " " + r.URL)
	if r.Method == "" || r.URL == "" {
		g.malformed("has no method, or no url", shown)
		return
	}
	e := entry{method: []byte(r.Method), target: []byte(r.URL)}
	if h.Started != "" {
		if e.at, e.timed = parseTime(h.Started); !e.timed {
			g.malformed("its startedDateTime cannot be read", []byte(h.Started))
			return
		}
	}
	for _, f := range r.Headers {
		e.header = append(e.header, Field(f))
	}
	var err error
	if e.body, err = h.body(); err != nil {
		g.malformed("its postData is not the base64 it says", shown)
		return
	}
	e.host = hostOf(e.header)
	e.bodiless = len(e.body) == 0 && (r.BodySize > 0 || r.BodySize < 0 && carriesBody(e.method) || r.PostData != nil)
	g.add(e, shown)
}

// body is the recorded body: the text, or the fields of a form.
func (h *harEntry) body() ([]byte, error) {
	data := h.Request.PostData
	switch {
	case data == nil:
		return nil, nil
	case data.Encoding == "base64":
		return base64.StdEncoding.DecodeString(data.Text)
	case data.Text != "":
		return []byte(data.Text), nil
	case !strings.HasPrefix(data.Type, "application/x-www-form-urlencoded"):
		return nil, nil // the parts of a multipart body are not all recorded
	}
	var form []string
	for _, p := range data.Params {
		form = append(form, url.QueryEscape(p.Name)+"="+url.QueryEscape(p.Value))
	}
	return []byte(strings.Join(form, "&")), nil
}

// enter reads from the beginning of an object to the value of one of its
// members.
func enter(d *json.Decoder, name string, limited *allowance) error {
	if err := delimiter(d, '{'); err != nil {
		return whole(err)
	}
	for d.More() {
		limited.used = 0
		key, err := d.Token()
		if err != nil {
			return whole(err)
		}
		if key == name {
			return nil
		}
		if err := pass(d, limited); err != nil {
			return whole(err)
		}
	}
	return fmt.Errorf("there is no member %q", name)
}

// pass reads over one value.
func pass(d *json.Decoder, limited *allowance) error {
	for depth := 0; ; {
		limited.used = 0
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

func delimiter(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("found %.40q instead of %q", fmt.Sprint(token), want.String())
	}
	return nil
}

// An allowance ends a reader that gives too much before used is set back: a
// value is decoded in memory, and no value may take all of it.
type allowance struct {
	reader     io.Reader
	used, most int64
}

// Read implements io.Reader.
func (a *allowance) Read(p []byte) (int, error) {
	if a.used >= a.most {
		return 0, fmt.Errorf("is larger than %d MiB", a.most>>20)
	}
	n, err := a.reader.Read(p[:min(int64(len(p)), a.most-a.used)])
	a.used += int64(n)
	return n, err
}
