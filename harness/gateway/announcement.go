package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// readAnnouncement reads what an application says of a session: an object with
// the texts account, tier and, if it wants a certain one, instance. Everything
// else is an error, in words for whoever wrote the application.
func readAnnouncement(r io.Reader) (journal.SessionSignal, error) {
	signal := journal.SessionSignal{Via: "webhook"}
	tokens := json.NewDecoder(r)
	if open, err := tokens.Token(); err != nil || open != json.Delim('{') {
		return signal, errors.New(`it is no JSON object like {"account": "a-7", "tier": "enterprise"}`)
	}
	fields := map[string]*string{"account": &signal.Account, "tier": &signal.Tier, "instance": &signal.Wants}
	for tokens.More() {
		key, err := tokens.Token()
		if err != nil {
			return signal, broken(err)
		}
		name, _ := key.(string) // keys of objects are
		field, ok := fields[name]
		if !ok {
			return signal, fmt.Errorf("%q is not one of account, tier and instance, or stands there twice", short(name, 40))
		}
		delete(fields, name)
		value, err := tokens.Token()
		if err != nil {
			return signal, broken(err)
		}
		if *field, ok = value.(string); !ok {
			return signal, fmt.Errorf("%s is not a text", name)
		}
	}
	if _, err := tokens.Token(); err != nil { // the closing brace
		return signal, broken(err)
	}
	if _, err := tokens.Token(); !errors.Is(err, io.EOF) {
		return signal, errors.New("there is something behind the object")
	}
	switch {
	case !isName([]byte(signal.Account), longestAccount):
		return signal, fmt.Errorf("account is needed, of at most %d printable bytes", longestAccount)
	case !isName([]byte(signal.Tier), longestTier):
		return signal, fmt.Errorf("tier is needed, of at most %d printable bytes", longestTier)
	case signal.Wants != "" && !isName([]byte(signal.Wants), longestAccount):
		return signal, errors.New("instance is not the name of one")
	}
	return signal, nil
}

// broken says that a body is no JSON.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("it is no JSON: %w", err)
}
