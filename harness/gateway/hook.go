package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// HookPath is where sessions are announced, at Config.Hook.
const HookPath = "/v1/sessions"

const (
	// answerPatience is how long an application waits for the harness's answer.
	answerPatience = 5 * time.Second
	// announcementSize bounds the body of an announcement, in bytes.
	announcementSize = 4 << 10
	// announcementsLimit bounds those that wait for an answer.
	announcementsLimit = 256
	// hookPatience is how long a client may take for its request, and Close for
	// the answers under way.
	hookPatience = 2 * time.Second
)

// hook is the address at which an application announces sessions:
//
//	POST /v1/sessions {"account": "a-7", "tier": "enterprise"}
//	200 {"state": "granted"}
//	202 {"state": "queued"}
//	204, where nothing is set aside for anybody
//	429 {"state": "rejected", "reason": "..."}, with Retry-After
//	400 {"state": "invalid", "reason": "..."}
//	503 {"state": "unavailable", "reason": "..."}
//
// The answer is the harness's, which is asked by tell. A hook is safe for
// concurrent use.
type hook struct {
	service string
	// tell passes an announcement on; the answer comes back by answered.
	tell     func(id int, signal journal.SessionSignal) error
	listener net.Listener
	server   *http.Server
	served   chan struct{} // closed when the server has ended
	over     chan struct{} // closed when close begins
	closing  sync.Once

	mu      sync.Mutex
	lastID  int
	waiting map[int]chan Answer
}

// openHook begins to take announcements. A port that is taken is an error.
func openHook(cfg Config, tell func(id int, signal journal.SessionSignal) error) (*hook, error) {
	listener, err := net.Listen("tcp", cfg.Hook)
	if err != nil {
		return nil, listenError(cfg.Service, cfg.Hook, err)
	}
	h := &hook{
		service: cfg.Service, tell: tell, listener: listener,
		served: make(chan struct{}), over: make(chan struct{}), waiting: map[int]chan Answer{},
	}
	h.server = &http.Server{
		Handler: h, ReadHeaderTimeout: hookPatience, ReadTimeout: hookPatience,
		WriteTimeout: hookPatience + answerPatience + hookPatience, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() {
		defer close(h.served)
		_ = h.server.Serve(listener) // ends with close
	}()
	return h, nil
}

// close ends the hook. What waits for an answer is told that there will be none.
// Calling it again does nothing.
func (h *hook) close() { h.closing.Do(h.end) }

func (h *hook) end() {
	close(h.over)
	patience, cancel := context.WithTimeout(context.Background(), hookPatience)
	defer cancel()
	if h.server.Shutdown(patience) != nil {
		_ = h.server.Close()
	}
	<-h.served
}

// ServeHTTP takes one announcement.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != HookPath:
		say(w, http.StatusNotFound, "invalid", "there is nothing but POST "+HookPath)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		say(w, http.StatusMethodNotAllowed, "invalid", "sessions are announced by POST")
		return
	}
	signal, err := readAnnouncement(http.MaxBytesReader(w, r.Body, announcementSize))
	if err != nil {
		say(w, http.StatusBadRequest, "invalid", err.Error())
		return
	}
	signal.Service = h.service
	answer, err := h.ask(r.Context(), signal)
	if err != nil {
		say(w, http.StatusServiceUnavailable, "unavailable", err.Error())
		return
	}
	pass(w, answer)
}

// ask gets the harness's answer.
func (h *hook) ask(ctx context.Context, signal journal.SessionSignal) (Answer, error) {
	id, answer, err := h.begin()
	if err != nil {
		return Answer{}, err
	}
	defer h.forget(id)
	if err := h.tell(id, signal); err != nil {
		return Answer{}, fmt.Errorf("shakedown could not be told: %w", err)
	}
	timer := time.NewTimer(answerPatience)
	defer timer.Stop()
	select {
	case a := <-answer:
		return a, nil
	case <-timer.C:
		return Answer{}, fmt.Errorf("shakedown did not answer within %s", answerPatience)
	case <-ctx.Done():
		return Answer{}, ctx.Err() // nobody listens any more
	case <-h.over:
		return Answer{}, errors.New("the run is over")
	}
}

func (h *hook) begin() (id int, answer chan Answer, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting) >= announcementsLimit {
		return 0, nil, fmt.Errorf("%d announcements wait for an answer already", announcementsLimit)
	}
	h.lastID++
	answer = make(chan Answer, 1)
	h.waiting[h.lastID] = answer
	return h.lastID, answer, nil
}

func (h *hook) forget(id int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.waiting, id)
}

// answered takes in the harness's answer to an announcement. One that nobody
// waits for any more is dropped.
func (h *hook) answered(id int, a Answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if answer := h.waiting[id]; answer != nil {
		delete(h.waiting, id)
		answer <- a
	}
}

// pass gives the harness's answer to the application.
func pass(w http.ResponseWriter, a Answer) {
	switch a.State {
	case "granted", "renewed":
		reply := hookReply{State: "granted", Reason: a.Reason, Instance: a.Instance}
		reply.write(w, http.StatusOK)
	case "queued":
		reply := hookReply{State: "queued", Reason: a.Reason, Instance: a.Instance}
		reply.write(w, http.StatusAccepted)
	case "rejected":
		seconds := max(1, int(math.Ceil(a.RetryAfter.Seconds())))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		say(w, http.StatusTooManyRequests, "rejected", a.Reason)
	case NoAnswer:
		w.WriteHeader(http.StatusNoContent)
	default:
		reason := a.Reason
		if reason == "" {
			reason = "shakedown had no answer"
		}
		say(w, http.StatusServiceUnavailable, "unavailable", reason)
	}
}

// hookReply is the body of every answer.
type hookReply struct {
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"`
	Instance string `json:"instance,omitempty"`
}

func say(w http.ResponseWriter, status int, state, reason string) {
	reply := hookReply{State: state, Reason: reason}
	reply.write(w, status)
}

func (r hookReply) write(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(r) // the client may have gone
}
