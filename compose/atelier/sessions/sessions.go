// Package sessions keeps who is signed in, in Redis: every instance sees every
// session, so that losing an instance loses none.
package sessions

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Lifetime is how long a session lasts.
const Lifetime = time.Hour

// Tiers are the tiers an account can have.
var Tiers = []string{"free", "pro", "enterprise"}

// Errors that tell the caller what is wrong with the request.
var (
	// ErrInvalid is returned (wrapped) for an account or tier that cannot be.
	ErrInvalid = errors.New("invalid session")
	// ErrUnknown means that there is no such session, or no longer.
	ErrUnknown = errors.New("no such session")
)

// Session says who is signed in.
type Session struct {
	Account string `json:"account"`
	Tier    string `json:"tier"`
}

// Sessions are the sessions in one Redis. It is safe for concurrent use.
type Sessions struct {
	client *redis.Client
	memory *sync.Map // takes the place of Redis, if set: the defect session-in-memory
}

// New returns sessions without contacting Redis.
func New(client *redis.Client) *Sessions { return &Sessions{client: client} }

// NewInMemory returns sessions that no other instance sees and that end with
// the process: the defect session-in-memory.
func NewInMemory() *Sessions { return &Sessions{memory: &sync.Map{}} }

// Create starts a session and returns its token.
func (s *Sessions) Create(ctx context.Context, session Session) (token string, err error) {
	if err := session.Validate(); err != nil {
		return "", err
	}
	value, err := json.Marshal(session)
	if err != nil {
		return "", fmt.Errorf("encode session: %w", err)
	}
	token = rand.Text()
	if s.memory != nil {
		s.memory.Store(key(token), session)
		return token, nil
	}
	if err := s.client.Set(ctx, key(token), value, Lifetime).Err(); err != nil {
		return "", fmt.Errorf("store session: %w", err)
	}
	return token, nil
}

// Find returns the session of a token; ErrUnknown if there is none.
func (s *Sessions) Find(ctx context.Context, token string) (Session, error) {
	if s.memory != nil {
		session, ok := s.memory.Load(key(token))
		if !ok {
			return Session{}, ErrUnknown
		}
		return session.(Session), nil
	}
	value, err := s.client.Get(ctx, key(token)).Bytes()
	if errors.Is(err, redis.Nil) {
		return Session{}, ErrUnknown
	}
	if err != nil {
		return Session{}, fmt.Errorf("read session: %w", err)
	}
	var session Session
	if err := json.Unmarshal(value, &session); err != nil {
		return Session{}, fmt.Errorf("decode session: %w", err)
	}
	return session, nil
}

// Validate is ErrInvalid, wrapped, for an account or a tier that cannot be.
func (s Session) Validate() error {
	if s.Account == "" || len(s.Account) > 100 {
		return fmt.Errorf("%w: account must have 1 to 100 characters", ErrInvalid)
	}
	if !slices.Contains(Tiers, s.Tier) {
		return fmt.Errorf("%w: tier %q is none of %s", ErrInvalid, s.Tier, strings.Join(Tiers, ", "))
	}
	return nil
}

// key stores the hash of a token: reading Redis is not enough to sign in.
func key(token string) string {
	sum := sha256.Sum256([]byte(token))
	return "session:" + hex.EncodeToString(sum[:])
}
