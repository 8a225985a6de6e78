package traffic

import (
	"errors"
	"fmt"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
)

// fill makes the request of a step from its templates.
func (s *session) fill(st *step) error {
	s.x.Reset()
	r := &s.x.Request
	r.Keep = st.keep
	if st.replay != nil {
		st.replay.fill(r, s.ordinal)
	} else if err := st.fill(r, &s.variables); err != nil {
		return err
	}
	r.Header = s.cookies.add(r.Header, r.Path, s.asked.target, s.clock.Now())
	r.Header = append(r.Header, exchange.Field{Name: RequestHeader, Value: s.asked.number})
	if s.asked.trace != "" {
		r.Header = append(r.Header, exchange.Field{Name: TraceHeader, Value: s.asked.trace})
	}
	return nil
}

// fill makes the request from the step's templates, all but its number.
func (st *step) fill(r *exchange.Request, v *variables) error {
	path, err := st.path.plain(v)
	if err != nil {
		return fmt.Errorf("path: %w", err)
	}
	if !safePath(path) {
		return errors.New("path: a variable in it holds what cannot stand in a path")
	}
	r.Method, r.Path, r.Host = st.method, path, st.target.host
	r.Header = append(r.Header, st.fields...)
	for i := range st.varying {
		field := &r.Header[st.varying[i].index]
		if field.Value, err = checkedValue(field.Name, &st.varying[i].value, v); err != nil {
			return err
		}
	}
	host, err := checkedValue("Host", &st.host, v)
	if err != nil {
		return err
	}
	if host != "" {
		r.Host = host
	}
	return st.body.fill(r, v)
}

// checkedValue is the value of a header.
func checkedValue(name string, t *text, v *variables) (string, error) {
	value, err := t.plain(v)
	if err != nil {
		return "", fmt.Errorf("header %s: %w", name, err)
	}
	if !t.fixed && !safeValue(value) {
		return "", fmt.Errorf("header %s: a variable in it holds a line break or another control character", name)
	}
	return value, nil
}
