package gameday

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/steer"
)

// maxBody bounds a command: a fault in YAML and a remark have room.
const maxBody = 64 << 10

// Status is what the socket says of a run.
type Status struct {
	Run      string      `json:"run"`
	Scenario string      `json:"scenario"`
	Dir      string      `json:"dir"`
	Page     string      `json:"page,omitempty"` // address without the token
	Stage    string      `json:"stage"`          // "starting", "driving", "ending" or "over"
	Phase    string      `json:"phase,omitempty"`
	Now      float64     `json:"now"` // seconds since the start of the run
	State    steer.State `json:"state"`
}

// answer is what comes of a command.
type answer struct {
	steer.Reply
	Error string `json:"error,omitempty"`
}

// controlHandler answers on the socket, whose file only its owner can open.
func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", s.status)
	mux.HandleFunc("POST /command", s.command)
	return mux
}

// pageHandler answers browsers that the guard let through.
func (s *Server) pageHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("POST /command", s.command)
	return mux
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	look := s.feed.look()
	now := Status{Run: s.config.Run, Dir: string(s.config.Dir), Stage: look.Stage, Phase: look.Phase, Now: look.Now}
	now.Page, _, _ = strings.Cut(s.url, "?")
	if s.config.Plan != nil {
		now.Scenario = s.config.Plan.Scenario
	}
	now.State.Multiple = look.Multiple
	if run := s.live(); run != nil {
		now.State = run.State()
	}
	writeJSON(w, http.StatusOK, now)
}

// command carries one out. Whoever asked may go: what has begun is finished.
func (s *Server) command(w http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		writeJSON(w, http.StatusUnsupportedMediaType, answer{Error: "a command is JSON: send Content-Type application/json"})
		return
	}
	c, err := readCommand(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		writeJSON(w, http.StatusRequestEntityTooLarge, answer{Error: fmt.Sprintf("a command has at most %d bytes", maxBody)})
		return
	case err != nil:
		writeJSON(w, http.StatusBadRequest, answer{Error: err.Error()})
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the answer may take longer
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(r.Context()), maxCommand, errNoEnd)
	defer cancel()
	reply, err := s.Steer(ctx, c)
	if err != nil {
		writeJSON(w, http.StatusConflict, answer{Error: s.config.Redact(err.Error())})
		return
	}
	reply.Text = s.config.Redact(reply.Text)
	writeJSON(w, http.StatusOK, answer{Reply: reply})
}

// readCommand reads exactly one command and checks what needs no run.
func readCommand(body io.Reader) (steer.Command, error) {
	var sent struct {
		steer.Command
		Multiple *float64 `json:"multiple"` // nil where nobody said: that is not 0
		Replicas *int     `json:"replicas"`
	}
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&sent); err != nil {
		return sent.Command, fmt.Errorf("read the command: %w", err)
	}
	c := sent.Command
	switch {
	case sent.Multiple != nil:
		c.Multiple = *sent.Multiple
	case c.Verb == steer.Load:
		return c, errors.New("say the load: multiple is what the plan's arrivals are multiplied with, from 0 to 100")
	}
	switch {
	case sent.Replicas != nil:
		c.Replicas = *sent.Replicas
	case c.Verb == steer.Scale && c.Service != "":
		return c, errors.New("say how many instances the service gets: replicas, 0 or more")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = errors.New("there is more after it")
		}
		return c, fmt.Errorf("read the command: %w", err)
	}
	return c, Check(c)
}

// events streams frames as server-sent events until the run is over or the reader goes.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	last, err := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	if err != nil {
		last = -1
	}
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{})
	begin, frames := s.feed.subscribe(last)
	defer s.feed.unsubscribe(frames)
	send := func(f sent) bool {
		_ = out.SetWriteDeadline(time.Now().Add(10 * time.Second)) // a reader that hangs is given up
		_, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", f.seq, f.data)
		return err == nil && out.Flush() == nil && !f.last
	}
	for _, f := range begin {
		if !send(f) {
			return
		}
	}
	for {
		select {
		case f, more := <-frames:
			if !more || !send(f) {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever asked may have gone
}
