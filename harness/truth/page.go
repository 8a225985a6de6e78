package truth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/jsonpath"
)

// A shape says where things stand in a page.
type shape struct {
	list, key, next jsonpath.Path
	paged           bool
}

func newShape(planned scenarios.PlannedHTTPRead) (s shape, err error) {
	if s.list, err = jsonpath.Compile(planned.Items); err != nil {
		return s, fmt.Errorf("items: %w", err)
	}
	if s.key, err = jsonpath.Compile(planned.Key); err != nil {
		return s, fmt.Errorf("key: %w", err)
	}
	if planned.Next == "" {
		return s, nil
	}
	s.paged = true
	if s.next, err = jsonpath.Compile(planned.Next); err != nil {
		return s, fmt.Errorf("next: %w", err)
	}
	return s, nil
}

// A page is a decoded answer.
type page struct{ document any }

// decode reads one JSON document of at most so many bytes.
func decode(body io.Reader, most int64) (*page, error) {
	limited := &io.LimitedReader{R: body, N: most + 1}
	decoder := json.NewDecoder(limited)
	decoder.UseNumber() // a key of 20 digits stays what it is
	var p page
	err := decoder.Decode(&p.document)
	if err == nil {
		_, err = decoder.Token() // what follows, which is nothing
		if err == nil {
			return nil, errors.New("the body is more than one JSON document")
		}
	}
	switch {
	case limited.N <= 0:
		return nil, fmt.Errorf("the body has more than %d bytes; ask for smaller pages", most)
	case errors.Is(err, io.EOF) && p.document != nil:
		return &p, nil
	case errors.Is(err, io.EOF):
		return nil, errors.New("the body is empty or null, not a list in JSON")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("the body ends too early")
	}
	return nil, fmt.Errorf("the body is not JSON: %w", err)
}

// items calls each for the keys of a page, with the deliveries that an item
// names. A list that is null is empty: so some servers write one.
func (s *shape) items(p *page, each func(string, int64) error) error {
	found, ok := s.list.Lookup(p.document)
	list, isList := found.([]any)
	switch {
	case !ok:
		return fmt.Errorf("nothing at %s, where the list of items should be", s.list)
	case found != nil && !isList:
		return fmt.Errorf("what stands at %s is no list", s.list)
	}
	for i, item := range list {
		value, _ := s.key.Lookup(item)
		key, ok := keyText(value)
		if !ok {
			return fmt.Errorf("item %d has no key at %s: a text, a number or a truth value should be there", i+1, s.key)
		}
		if err := each(key, deliveries(item)); err != nil {
			return err
		}
	}
	return nil
}

// keyText is a value as a key.
func keyText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// deliveries is what an item says of how often its work was delivered, 0 if it
// says nothing.
func deliveries(item any) int64 {
	object, _ := item.(map[string]any)
	number, _ := object["deliveries"].(json.Number)
	n, err := number.Int64()
	if err != nil {
		return 0
	}
	return n
}

// nextOf is the reference to the page after one, "" if it is the last.
func (s *shape) nextOf(p *page) (string, error) {
	if !s.paged {
		return "", nil
	}
	value, _ := s.next.Lookup(p.document)
	switch reference := value.(type) {
	case nil:
		return "", nil
	case string:
		return reference, nil
	}
	return "", fmt.Errorf("what stands at %s is no path of a next page", s.next)
}
