package importer_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/importer"
	"github.com/shakedown-dev/shakedown/compose/atelier/store"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

func TestConversionIsReproducible(t *testing.T) {
	first, err := importer.Convert(t.Context(), "villa", 50)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := importer.Convert(t.Context(), "villa", 50)
	if again != first || first.Vertices != 50*128 || len(first.Checksum) != 64 {
		t.Errorf("conversions %+v and %+v; want the same 6400 vertices", first, again)
	}
	for _, other := range []struct {
		name string
		n    int
	}{{"tower", 50}, {"villa", 51}} {
		if m, _ := importer.Convert(t.Context(), other.name, other.n); m.Checksum == first.Checksum {
			t.Errorf("%+v has the checksum of another model", other)
		}
	}
}

func TestCostGrowsWithTheModel(t *testing.T) {
	allocated := func(n int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := importer.Convert(t.Context(), "villa", n); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	small, large := allocated(500), allocated(5000)
	if large < 9*small || large > 11*small || small/500 < 6<<10 {
		t.Errorf("%d bytes for 500 objects, %d for 5000; want 6 KiB an object and ten times as much for ten times as many", small, large)
	}
}

func TestConversionGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := importer.Convert(ctx, "villa", importer.MaxObjects); !errors.Is(err, context.Canceled) {
		t.Errorf("Convert = %v, want Canceled", err)
	}
}

// The memory of a large model is the system's again when its import has ended.
func TestMemoryIsGivenBack(t *testing.T) {
	held := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapSys - m.HeapReleased
	}
	before := held()
	i := importer.New(&shelf{job: store.Import{ID: "imp_1", Objects: 8000, Status: store.ImportRunning}}, "importer-7", telemetry.New("importer"), slog.New(slog.DiscardHandler))
	if err := i.Handle(t.Context(), "imp_1", 1); err != nil {
		t.Fatal(err)
	}
	if after := held(); after > before+16<<20 {
		t.Errorf("%d MiB are held after a model of 48 MiB, %d before it", after>>20, before>>20)
	}
}

// shelf is Imports with one import on it.
type shelf struct {
	job      store.Import
	finished int
	by       store.Delivery
}

func (s *shelf) StartImport(context.Context, string) (store.Import, error) { return s.job, nil }

func (s *shelf) FinishImport(_ context.Context, _ string, vertices int64, checksum string, by store.Delivery) (bool, error) {
	s.finished++
	s.by = by
	s.job.Status, s.job.Vertices, s.job.Checksum = store.ImportDone, vertices, checksum
	return true, nil
}

func TestImportDeliveredTwiceIsConvertedOnce(t *testing.T) {
	s := &shelf{job: store.Import{ID: "imp_1", Objects: 10, Status: store.ImportRunning}}
	i := importer.New(s, "importer-7", telemetry.New("importer"), slog.New(slog.DiscardHandler))
	for n := range int64(2) {
		if err := i.Handle(t.Context(), "imp_1", n+2); err != nil {
			t.Fatal(err)
		}
	}
	if by := (store.Delivery{Instance: "importer-7", Deliveries: 2}); s.finished != 1 || s.job.Vertices != 1280 || s.by != by {
		t.Errorf("finished %d times with %d vertices by %+v; want once with 1280 by %+v", s.finished, s.job.Vertices, s.by, by)
	}
}

func TestAConversionThatWaitsIsGivenUpAndNotFinished(t *testing.T) {
	s := &shelf{job: store.Import{ID: "imp_1", Objects: 10, Status: store.ImportRunning}}
	i := importer.New(s, "importer-7", telemetry.New("importer"), slog.New(slog.DiscardHandler)).Waits(time.Hour, time.Hour)
	ctx, giveUp := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- i.Handle(ctx, "imp_1", 1) }()
	giveUp()
	if err := <-ended; !errors.Is(err, context.Canceled) || s.finished != 0 {
		t.Errorf("ended with %v, finished %d times; want it given up", err, s.finished)
	}
}
