package traffic

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/template"
)

// indexVariable is the number of an item of a payload, from 0.
const indexVariable = "index"

// A payload is a body of many items, made item by item while it is sent.
type payload struct {
	count                    text
	before, separator, after text
	item                     template.Template
	names                    []string // the variables of item but the index
}

func compilePayload(p *scenarios.Payload) (*payload, error) {
	c := &payload{}
	var errs []error
	for _, part := range []struct {
		text   *text
		source string
		name   string
	}{
		{&c.count, p.Count, "count"}, {&c.before, p.Before, "before"},
		{&c.separator, p.Separator, "separator"}, {&c.after, p.After, "after"},
	} {
		var err error
		if *part.text, err = compileText(part.source); err != nil {
			errs = append(errs, fmt.Errorf("%s of the payload: %w", part.name, err))
		}
	}
	var err error
	if c.item, err = template.Parse(p.Item); err != nil {
		errs = append(errs, fmt.Errorf("item of the payload: %w", err))
	}
	for _, name := range c.item.Names() {
		if name != indexVariable {
			c.names = append(c.names, name)
		}
	}
	return c, errors.Join(errs...)
}

// items are a payload with its variables looked up: all but the index is the
// same in every item.
type items struct {
	count                    int
	before, separator, after string
	item                     template.Template
	values                   map[string]string
	size                     int64 // of all, in bytes
}

// maxItems is how many items a payload may have: beyond, a size in bytes might
// overflow.
const maxItems = math.MaxInt32

// fill looks the variables up.
func (p *payload) fill(json bool, v *variables) (*items, error) {
	count, err := p.count.plain(v)
	if err != nil {
		return nil, fmt.Errorf("count: %w", err)
	}
	i := &items{item: p.item}
	if i.count, err = strconv.Atoi(count); err != nil || i.count < 0 || i.count > maxItems {
		return nil, fmt.Errorf("count: %q is not a number of items: it goes from 0 to %d", capped(count, 40), maxItems)
	}
	for _, part := range []struct {
		filled *string
		text   *text
	}{{&i.before, &p.before}, {&i.separator, &p.separator}, {&i.after, &p.after}} {
		if *part.filled, err = part.text.in(json, v); err != nil {
			return nil, err
		}
	}
	for _, name := range p.names {
		value, ok := v.value(name, json)
		if !ok {
			return nil, fmt.Errorf("item: variable %s has no value", name)
		}
		if i.values == nil {
			i.values = map[string]string{}
		}
		i.values[name] = value
	}
	i.size, err = i.measure()
	return i, err
}

// render is one item with the given text as its index.
func (i *items) render(index string) (string, error) {
	return i.item.Expand(func(name string) (string, bool) {
		if name == indexVariable {
			return index, true
		}
		value, ok := i.values[name]
		return value, ok
	})
}

// measure is the size of the body without making it: an item's is that of the
// item without an index, and the digits of the index wherever it stands.
func (i *items) measure() (int64, error) {
	none, err := i.render("")
	if err != nil {
		return 0, err
	}
	one, err := i.render("0")
	if err != nil {
		return 0, err
	}
	if len(one)+len(i.separator) == 0 {
		i.count = 0 // nothing, however often
	}
	n := int64(i.count)
	size := int64(len(i.before)) + int64(len(i.after)) + n*int64(len(none)) + int64(len(one)-len(none))*digits(n)
	if n > 0 {
		size += (n - 1) * int64(len(i.separator))
	}
	return size, nil
}

// digits is how many digits the numbers from 0 to n-1 have together.
func digits(n int64) int64 {
	sum := n // the last digit of each
	for power := int64(10); power < n; power *= 10 {
		sum += n - power
	}
	return sum
}

// open begins the body.
func (i *items) open() (io.ReadCloser, error) { return &itemReader{items: i, rest: i.before}, nil }

// An itemReader makes a payload while it is read.
type itemReader struct {
	items *items
	rest  string // of the part that is being read
	next  int    // item
	last  bool   // After has begun
}

// Read implements io.Reader.
func (r *itemReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if r.rest == "" && !r.advance() {
			break
		}
		copied := copy(p[n:], r.rest)
		n, r.rest = n+copied, r.rest[copied:]
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// advance makes the next part; false means that there is none.
func (r *itemReader) advance() bool {
	for r.rest == "" {
		switch {
		case r.next < r.items.count:
			item, err := r.items.render(strconv.Itoa(r.next))
			if err != nil {
				return false // cannot be: measure has rendered one
			}
			if r.next > 0 {
				item = r.items.separator + item
			}
			r.rest = item
			r.next++
		case !r.last:
			r.rest, r.last = r.items.after, true
		default:
			return false
		}
	}
	return true
}

// Close implements io.Closer.
func (r *itemReader) Close() error { return nil }
