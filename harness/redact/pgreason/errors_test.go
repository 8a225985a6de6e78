package pgreason

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestErrorsNameNoAddressAndNoUser(t *testing.T) {
	_, err := pgconn.Connect(t.Context(), "postgres://walter:hunter2@127.0.0.1:1/ledger?connect_timeout=1")
	if err == nil {
		t.Fatal("something listens there")
	}
	said := Reason(fmt.Errorf("query: %w", err)).Error()
	for _, secret := range []string{"walter", "hunter2", "127.0.0.1", "ledger"} {
		if strings.Contains(said, secret) {
			t.Errorf("%q names %s", said, secret)
		}
	}
	if !strings.HasPrefix(said, "no connection: ") || !strings.Contains(said, "refused") {
		t.Errorf("it does not say what is wrong: %q", said)
	}
}

func TestErrorsOfTheServerCanBeAskedFor(t *testing.T) {
	full := &pgconn.PgError{Code: "53300", Message: "sorry, too many clients already"}
	err := Reason(fmt.Errorf("connect as walter: %w", full))
	var server *pgconn.PgError
	if !errors.As(err, &server) || server.Code != full.Code || err.Error() != "sorry, too many clients already (SQLSTATE 53300)" {
		t.Errorf("%q, %v", err, server)
	}
	login := Reason(&pgconn.PgError{Code: "28P01", Message: `password authentication failed for user "walter"`})
	if strings.Contains(login.Error(), "walter") || !strings.Contains(login.Error(), "28P01") {
		t.Errorf("%q", login)
	}
	if other := errors.New("other"); !errors.Is(Reason(other), other) {
		t.Error("what is nobody's was changed")
	}
}

func TestInnermost(t *testing.T) {
	first := errors.New("first")
	if got := Innermost(fmt.Errorf("b: %w", errors.Join(errors.New("x"), fmt.Errorf("a: %w", first)))); !errors.Is(got, first) || got.Error() != "first" {
		t.Errorf("%v", got)
	}
}
