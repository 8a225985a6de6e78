package sessions_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/shakedown-dev/shakedown/compose/atelier/cache"
	"github.com/shakedown-dev/shakedown/compose/atelier/sessions"
)

func TestSessions(t *testing.T) {
	server := miniredis.RunT(t)
	client := cache.Open(server.Addr(), 4)
	t.Cleanup(func() { client.Close() })
	s := sessions.New(client)
	want := sessions.Session{Account: "acme", Tier: "enterprise"}

	token, err := s.Create(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Find(t.Context(), token); err != nil || got != want {
		t.Errorf("Find = %+v, %v; want %+v", got, err, want)
	}
	if _, err := s.Find(t.Context(), token+"x"); !errors.Is(err, sessions.ErrUnknown) {
		t.Errorf("Find with a wrong token: %v, want ErrUnknown", err)
	}
	if strings.Contains(server.Dump(), token) {
		t.Error("Redis holds the token itself")
	}
	server.FastForward(sessions.Lifetime)
	if _, err := s.Find(t.Context(), token); !errors.Is(err, sessions.ErrUnknown) {
		t.Errorf("Find after the lifetime: %v, want ErrUnknown", err)
	}
}

// Another instance knows the sessions of this one, unless they are in its memory.
func TestAnotherInstance(t *testing.T) {
	client := cache.Open(miniredis.RunT(t).Addr(), 4)
	t.Cleanup(func() { client.Close() })
	for name, tt := range map[string]struct {
		here, there *sessions.Sessions
		want        error
	}{
		"healthy":           {sessions.New(client), sessions.New(client), nil},
		"session-in-memory": {sessions.NewInMemory(), sessions.NewInMemory(), sessions.ErrUnknown},
	} {
		want := sessions.Session{Account: "acme", Tier: "pro"}
		token, err := tt.here.Create(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tt.here.Find(t.Context(), token); err != nil || got != want {
			t.Errorf("%s: Find here = %+v, %v; want %+v", name, got, err, want)
		}
		if _, err := tt.there.Find(t.Context(), token); !errors.Is(err, tt.want) {
			t.Errorf("%s: Find there = %v, want %v", name, err, tt.want)
		}
	}
}

func TestInvalidSessionsAreRefused(t *testing.T) {
	s := sessions.New(nil) // Redis is not asked
	for _, session := range []sessions.Session{{"", "free"}, {"acme", ""}, {"acme", "gold"}, {strings.Repeat("a", 101), "free"}} {
		if _, err := s.Create(t.Context(), session); !errors.Is(err, sessions.ErrInvalid) {
			t.Errorf("Create(%+v) = %v, want ErrInvalid", session, err)
		}
	}
}
