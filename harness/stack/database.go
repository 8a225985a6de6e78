package stack

import (
	"errors"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// Database is the URL at which the harness reaches the database that a query
// is for: the address that the service has, with the host replaced by where
// that answers on loopback. It is known once Up has returned.
func (s *Stack) Database(read scenarios.SQLRead) (string, error) {
	return "", errors.New("not yet")
}
