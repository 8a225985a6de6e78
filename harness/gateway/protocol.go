package gateway

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Protocol is the version of what harness and agent say to each other: one JSON
// object a line. It changes when either side would misunderstand the other.
//
//	harness                                  agent
//	{"hello":3}                              {"hello":3}
//	{"ping":3}                               {"pong":3,"now":81723}
//	{"config":{"service":"api",...}}         {"listening":"[::]:8080"} or {"error":"..."}
//	{"id":7,"add":{"instance":..,"addr":..}} {"id":7} or {"id":7,"error":"..."}
//	{"id":8,"switch":{"to":[..],"lag":..}}   {"id":8} or {"id":8,"error":"..."}
//	{"id":9,"fetch":{"addr":..,"path":..}}   {"id":9,"page":{"status":200,"body":".."}}
//	                                         {"event":{"t":..,"type":"tally","body":{..}}}
//	                                         {"session":3,"event":{"t":..,"type":"session.signal",..}}
//	{"session":3,"answer":{"state":..}}
//
// A fetch is answered when the page is there, other commands meanwhile. The
// answer to a session has none. End of file from the harness shuts the agent
// down.
const Protocol = 3

// maxLine bounds a line of the protocol, in bytes.
const maxLine = 1 << 20

// A command is a line from the harness to the agent. One member says what is
// wanted; those with an ID are answered.
type command struct {
	Hello     int        `json:"hello,omitempty"`
	Ping      int        `json:"ping,omitempty"`
	Config    *Config    `json:"config,omitempty"`
	ID        int        `json:"id,omitempty"`
	Add       *addition  `json:"add,omitempty"`
	Hold      *addition  `json:"hold,omitempty"`
	Switch    *turnover  `json:"switch,omitempty"`
	Terminate *departure `json:"terminate,omitempty"`
	Exited    string     `json:"exited,omitempty"`
	Remove    string     `json:"remove,omitempty"`
	Status    string     `json:"status,omitempty"`
	Fetch     *location  `json:"fetch,omitempty"`
	Close     bool       `json:"close,omitempty"`
	// Answer is to the announcement that Session numbers.
	Session int     `json:"session,omitempty"`
	Answer  *Answer `json:"answer,omitempty"`
}

type location struct {
	Addr string `json:"addr"`
	Letter
}

type addition struct {
	Instance string `json:"instance"`
	Addr     string `json:"addr"`
}

type turnover struct {
	To  []string      `json:"to"`
	Lag time.Duration `json:"lag"` // nanoseconds
}

type departure struct {
	Instance string        `json:"instance"`
	Lag      time.Duration `json:"lag"` // nanoseconds
}

// A reply is a line from the agent to the harness.
type reply struct {
	Hello     int           `json:"hello,omitempty"`
	Pong      int           `json:"pong,omitempty"`
	Now       time.Duration `json:"now,omitempty"` // agent time, nanoseconds
	Listening string        `json:"listening,omitempty"`
	ID        int           `json:"id,omitempty"`
	Status    string        `json:"status,omitempty"`
	Error     string        `json:"error,omitempty"`
	Page      *Page         `json:"page,omitempty"`
	Event     *eventLine    `json:"event,omitempty"`
	Session   int           `json:"session,omitempty"` // Event is its announcement, which waits for an answer
}

// eventLine is a journal event in agent time.
type eventLine struct {
	T    time.Duration   `json:"t"` // nanoseconds
	Type string          `json:"type"`
	Body json.RawMessage `json:"body"`
}

// bodies decodes the events that a gateway writes.
var bodies = map[string]func(json.RawMessage) (journal.Body, error){
	journal.EndpointAdded{}.Kind():      decodeBody[journal.EndpointAdded],
	journal.EndpointRemoved{}.Kind():    decodeBody[journal.EndpointRemoved],
	journal.ProbeChanged{}.Kind():       decodeBody[journal.ProbeChanged],
	journal.InitializationDone{}.Kind(): decodeBody[journal.InitializationDone],
	journal.Request{}.Kind():            decodeBody[journal.Request],
	journal.Tally{}.Kind():              decodeBody[journal.Tally],
	journal.SessionSignal{}.Kind():      decodeBody[journal.SessionSignal],
	journal.Note{}.Kind():               decodeBody[journal.Note],
}

func decodeBody[T journal.Body](raw json.RawMessage) (journal.Body, error) {
	var body T
	err := json.Unmarshal(raw, &body)
	return body, err
}

func encodeEvent(e journal.Event) (*eventLine, error) {
	raw, err := json.Marshal(e.Body)
	return &eventLine{T: e.T, Type: e.Body.Kind(), Body: raw}, err
}

// event is the event on the run's clock, which is ahead of the agent's by
// offset.
func (l *eventLine) event(offset time.Duration) (journal.Event, error) {
	decode := bodies[l.Type]
	if decode == nil {
		return journal.Event{}, fmt.Errorf("event of unknown type %q", l.Type)
	}
	body, err := decode(l.Body)
	if err != nil {
		return journal.Event{}, fmt.Errorf("event of type %s: %w", l.Type, err)
	}
	if r, ok := body.(journal.Request); ok {
		r.Start += offset
		body = r
	}
	return journal.Event{T: l.T + offset, Body: body}, nil
}

// lineWriter writes JSON lines. Safe for concurrent use.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lineWriter) write(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err = l.w.Write(append(line, '\n'))
	return err
}

// lineReader reads lines; they are valid until the next.
type lineReader struct{ r *bufio.Reader }

func newLineReader(r io.Reader) lineReader { return lineReader{bufio.NewReaderSize(r, maxLine)} }

func (l lineReader) read() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("a line is longer than %d bytes", maxLine)
	}
	if errors.Is(err, io.EOF) && len(line) > 0 {
		err = io.ErrUnexpectedEOF
	}
	return line, err
}
