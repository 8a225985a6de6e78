package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// decoders has a reader for every kind of event in event.go.
var decoders = func() map[string]func([]byte) (Body, error) {
	m := map[string]func([]byte) (Body, error){}
	known[RunStarted](m)
	known[RunEnded](m)
	known[Operation](m)
	known[TrafficStarted](m)
	known[TrafficEnded](m)
	known[PhaseStarted](m)
	known[PhaseEnded](m)
	known[ActionStarted](m)
	known[ActionEnded](m)
	known[MainProcess](m)
	known[Moved](m)
	known[Ledger](m)
	known[InstanceStarted](m)
	known[InstanceTerminating](m)
	known[InstanceSignalled](m)
	known[InstanceExited](m)
	known[EndpointAdded](m)
	known[EndpointRemoved](m)
	known[ProbeChanged](m)
	known[InitializationDone](m)
	known[Request](m)
	known[Tally](m)
	known[Traffic](m)
	known[Generator](m)
	known[Engine](m)
	known[Replayed](m)
	known[ScaleDecision](m)
	known[ScaleApplied](m)
	known[Resized](m)
	known[SessionSignal](m)
	known[Claim](m)
	known[Usage](m)
	known[Measured](m)
	known[Interrupted](m)
	known[Milestone](m)
	known[FaultStarted](m)
	known[FaultEnded](m)
	known[FaultState](m)
	known[FaultCounters](m)
	known[FaultProbe](m)
	known[Calls](m)
	known[StopTriggered](m)
	known[RulesLoaded](m)
	known[AlertChanged](m)
	known[RuleFailed](m)
	known[ScrapeChanged](m)
	known[Exported](m)
	known[QueryResult](m)
	known[Slow](m)
	known[BaselineRead](m)
	known[Steered](m)
	known[LoadSteered](m)
	known[ErrorGroup](m)
	known[Note](m)
	return m
}()

// known adds the reader of one kind.
func known[B Body](m map[string]func([]byte) (Body, error)) {
	var zero B
	m[zero.Kind()] = func(data []byte) (Body, error) {
		var b B
		err := json.Unmarshal(data, &b)
		return b, err
	}
}

// envelope is one line of the journal.
type envelope struct {
	T    *int64          `json:"t"`
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// encode renders an event as one line, newline included.
func encode(e Event) ([]byte, error) {
	if e.Body == nil {
		return nil, errors.New("journal: an event without a body")
	}
	data, err := encodeBody(e.Body)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.Body.Kind(), err)
	}
	line := make([]byte, 0, len(data)+64)
	line = append(line, `{"t":`...)
	line = strconv.AppendInt(line, int64(e.T), 10)
	line = append(line, `,"type":`...)
	kind, err := json.Marshal(e.Body.Kind())
	if err != nil {
		return nil, fmt.Errorf("encode event kind: %w", err)
	}
	line = append(line, kind...)
	line = append(line, `,"data":`...)
	line = append(line, data...)
	return append(line, "}\n"...), nil
}

// encodeBody renders the "data" member; an event of an unknown kind goes
// through as it came.
func encodeBody(b Body) ([]byte, error) {
	u, ok := b.(Unknown)
	if !ok {
		return json.Marshal(b)
	}
	if len(u.Data) == 0 {
		return []byte("null"), nil
	}
	var compact bytes.Buffer
	err := json.Compact(&compact, u.Data)
	return compact.Bytes(), err
}

// decode reads one line. An event of a kind that is not known here comes back
// as Unknown, without an error.
func decode(line []byte) (Event, error) {
	if e, ok := openFast(line); ok {
		if body, err := decoders[e.Type](e.Data); err == nil {
			return Event{T: time.Duration(*e.T), Body: body}, nil
		}
	}
	e, err := open(line)
	if err != nil {
		return Event{}, err
	}
	t := time.Duration(*e.T)
	read := decoders[e.Type]
	if read == nil {
		return Event{T: t, Body: Unknown{Type: e.Type, Data: bytes.Clone(e.Data)}}, nil
	}
	body, err := read(e.Data)
	if err != nil {
		return Event{}, fmt.Errorf("%s: %w", e.Type, err)
	}
	return Event{T: t, Body: body}, nil
}

// open takes the envelope of any line apart.
func open(line []byte) (envelope, error) {
	var e envelope
	err := json.Unmarshal(line, &e)
	switch {
	case err != nil:
		return e, err
	case e.T == nil:
		return e, errors.New(`no "t"`)
	case e.Type == "":
		return e, errors.New(`no "type"`)
	}
	if len(e.Data) == 0 {
		e.Data = json.RawMessage("null")
	}
	return e, nil
}

// openFast takes {"t":N,"type":"K","data":D} apart as encode writes it, K a
// known kind, without scanning D, which spares half the time of loading a long
// run. When K's decoder refuses D, the line may still be good JSON of another
// shape: open decides.
func openFast(line []byte) (envelope, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"t":`))
	if !ok {
		return envelope{}, false
	}
	number, rest, ok := bytes.Cut(rest, []byte(`,"type":"`))
	if !ok {
		return envelope{}, false
	}
	kind, rest, ok := bytes.Cut(rest, []byte(`","data":`))
	if !ok || decoders[string(kind)] == nil {
		return envelope{}, false
	}
	data, ok := bytes.CutSuffix(rest, []byte("}"))
	if !ok {
		return envelope{}, false
	}
	t, err := strconv.ParseInt(string(number), 10, 64)
	return envelope{T: &t, Type: string(kind), Data: data}, err == nil
}
