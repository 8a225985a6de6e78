// Package pgreason takes the errors of PostgreSQL and its driver apart, without the
// addresses, users and passwords that they are full of. It is by itself because the
// agent, which redacts as well, must stay small.
package pgreason

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// refusedLogin is the class of SQLSTATEs about who may log in; their texts name the user.
const refusedLogin = "28"

// Reason is what PostgreSQL or its driver says went wrong, without the address,
// the user or the password, which errors about connections are full of. The
// server's own error can still be asked for. Other errors stay as they are.
func Reason(err error) error {
	var server *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &server) && strings.HasPrefix(server.Code, refusedLogin):
		return fmt.Errorf("it refuses the user or the password (SQLSTATE %s)", server.Code)
	case errors.As(err, &server):
		return fmt.Errorf("%s (SQLSTATE %s)%w", server.Message, server.Code, silent{server})
	case errors.As(err, &connect):
		return fmt.Errorf("no connection: %w; check that the database runs", Innermost(connect))
	}
	return err
}

// silent is an error that can be asked for, and says nothing.
type silent struct{ error }

func (silent) Error() string   { return "" }
func (s silent) Unwrap() error { return s.error }

// Innermost is the first cause of an error: what is left when everybody who passed
// it on, and named an address in doing so, is left out.
func Innermost(err error) error {
	for {
		var inner error
		switch e := err.(type) { //nolint:errorlint // it is taken apart
		case interface{ Unwrap() error }:
			inner = e.Unwrap()
		case interface{ Unwrap() []error }:
			if all := e.Unwrap(); len(all) > 0 {
				inner = all[len(all)-1]
			}
		}
		if inner == nil {
			return err
		}
		err = inner
	}
}
