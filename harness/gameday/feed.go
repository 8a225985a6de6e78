package gameday

import (
	"encoding/json"
	"reflect"
	"slices"
	"sync"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/steer"
)

const (
	keptFrames = 30 // for a page that comes back after a moment
	patience   = 8  // frames that a page may be behind before it is sent away, to come back
)

// A frame is what is new since the one before, or everything. Its parts are written
// over what the page has: points by their time, entries by their number.
type frame struct {
	Seq     int          `json:"seq"`
	Full    bool         `json:"full,omitempty"`  // entries, people and points begin anew
	Width   int64        `json:"width,omitempty"` // seconds of a point
	Thinned bool         `json:"thinned,omitempty"`
	Points  []point      `json:"points,omitempty"`
	Head    head         `json:"head"`
	Bands   *bands       `json:"bands,omitempty"`
	Log     []entry      `json:"log,omitempty"`
	People  []entry      `json:"people,omitempty"`
	State   *steer.State `json:"state,omitempty"` // without kinds where they are as before
}

// A feed makes frames of a board and hands them to whoever reads. It is safe for
// concurrent use.
type feed struct {
	mutex   sync.Mutex
	board   *board
	state   *steer.State // as last published
	seq     int
	log     int // numbers published
	people  int
	changes int // of the bands
	kept    []sent
	readers map[chan sent]bool
	closed  bool
}

// sent is an encoded frame. Last tells that no other follows.
type sent struct {
	seq  int
	data []byte
	last bool
}

func newFeed(b *board) *feed { return &feed{board: b, readers: map[chan sent]bool{}} }

func (f *feed) observe(e journal.Event) {
	if !wanted(e.Body) {
		return
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.board.observe(e)
}

// over is the last thing that happens: what is published after it is the last frame.
func (f *feed) over(outcome string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.board.head.Stage, f.board.head.Outcome = "over", outcome
}

// publish makes the next frame. State is what can be chosen from now, nil before there
// is traffic.
func (f *feed) publish(state *steer.State) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.closed {
		return
	}
	f.closed = f.board.head.Stage == "over"
	f.seq++
	n := frame{Seq: f.seq, Head: f.board.head, Log: f.board.log.since(f.log), People: f.board.people.since(f.people)}
	n.Points, n.Thinned = f.board.points.fresh()
	n.Width = f.board.points.width
	if f.board.bands.changes != f.changes {
		n.Bands = f.board.bands.clone()
	}
	n.State = f.changed(state)
	f.log, f.people, f.changes = f.board.log.last, f.board.people.last, f.board.bands.changes
	f.send(sent{f.seq, encode(n), f.closed})
}

// changed is the state if it is not that of the last frame, without its kinds, which
// are most of it, if those are.
func (f *feed) changed(state *steer.State) *steer.State {
	if state == nil || reflect.DeepEqual(state, f.state) {
		return nil
	}
	fresh := *state
	if f.state != nil && slices.Equal(f.state.Kinds, state.Kinds) {
		fresh.Kinds = nil
	}
	f.state = state
	return &fresh
}

func (f *feed) send(s sent) {
	if len(f.kept) == keptFrames {
		f.kept = slices.Delete(f.kept, 0, 1)
	}
	f.kept = append(f.kept, s)
	for reader := range f.readers {
		select {
		case reader <- s:
		default: // it has not read for long: it comes back by itself
			delete(f.readers, reader)
			close(reader)
		}
		if s.last && f.readers[reader] {
			delete(f.readers, reader)
			close(reader)
		}
	}
}

// subscribe begins with what the reader lacks: the frames after the one it names, or
// everything. The channel is closed when no frame follows, or when the reader is too
// slow.
func (f *feed) subscribe(last int) (begin []sent, frames chan sent) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	frames = make(chan sent, patience)
	if f.closed {
		close(frames)
	} else {
		f.readers[frames] = true
	}
	if i := slices.IndexFunc(f.kept, func(s sent) bool { return s.seq == last }); i >= 0 {
		return slices.Clone(f.kept[i+1:]), frames
	}
	return []sent{{f.seq, encode(f.everything()), f.closed}}, frames
}

func (f *feed) unsubscribe(frames chan sent) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.readers[frames] {
		delete(f.readers, frames)
		close(frames)
	}
}

// everything is the frame for who has nothing yet. What has not been published goes out
// with the next frame again, which changes nothing for who has it.
func (f *feed) everything() frame {
	return frame{
		Seq: f.seq, Full: true, Width: f.board.points.width, Points: f.board.points.points, Head: f.board.head, Bands: f.board.bands.clone(),
		Log: f.board.log.since(0), People: f.board.people.since(0), State: f.state,
	}
}

// look is the run at a glance.
func (f *feed) look() head {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.board.head
}

// encode never fails: a frame holds texts and finite numbers.
func encode(n frame) []byte {
	b, err := json.Marshal(n)
	if err != nil {
		return []byte("{}")
	}
	return b
}
