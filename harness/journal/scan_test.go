package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// A scan is a record with all but some kinds left out, however lines are written.
func TestScanIsAPartOfTheRecord(t *testing.T) {
	dir := t.TempDir()
	text := `{"t":1000,"type":"traffic.started","data":{}}
{"t":5000,"type":"phase.started","data":{"phase":"late"}}
 {"type": "phase.started", "data": {"phase": "other way round"}, "t": 2000}
{"t":3000,"type":"traffic","data":{"journey":"shop"}}
{"t":4000,"type":"phase.ended","data":{"phase":7}}
{"t":2000,"type":"phase.ended","data":{"phase":"same moment"}}
no JSON
{"t":9000,"type":"of.tomorrow","data":{}}
{"t":9500,"type":"traffic","dat`
	if err := os.WriteFile(filepath.Join(dir, EventsFile), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	events, last, err := Scan(dir, PhaseStarted{}.Kind(), PhaseEnded{}.Kind())
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var want []Event
	for _, e := range whole.Events {
		switch e.Body.(type) {
		case PhaseStarted, PhaseEnded:
			want = append(want, e)
		}
	}
	if len(want) != 3 || !reflect.DeepEqual(events, want) {
		t.Errorf("\n got %+v\nwant %+v", events, want)
	}
	if wanted := 9 * time.Microsecond; last != wanted {
		t.Errorf("the last event is at %v, want %v", last, wanted)
	}
	if _, _, err := Scan(t.TempDir(), "phase.started"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no journal: %v", err)
	}
}
