// Package importer converts models: memory- and CPU-heavy work, taken from a
// queue one at a time.
package importer

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/shakedown-dev/shakedown/compose/atelier/store"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

// MaxObjects is the largest model accepted.
const MaxObjects = 1_000_000

// large is how many objects a model has whose memory is given back to the system
// at once, about 6 MiB and more. The runtime alone keeps it for minutes: the next
// model would come on top of it, and a container whose limit was raised for one
// model could not get its own limit back.
const large = 1000

// Imports is where imports are kept; *store.Store is one.
type Imports interface {
	StartImport(ctx context.Context, id string) (store.Import, error)
	FinishImport(ctx context.Context, id string, vertices int64, checksum string, by store.Delivery) (did bool, err error)
}

// Importer does the jobs of the queue of imports.
type Importer struct {
	imports  Imports
	instance string
	log      *slog.Logger
	from, to time.Duration
	seconds  prometheus.Histogram
	objects  prometheus.Counter
}

// New returns an importer that reports to the metrics; instance is who it is.
func New(imports Imports, instance string, m *telemetry.Metrics, log *slog.Logger) *Importer {
	i := &Importer{
		imports: imports, instance: instance, log: log,
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "import_seconds", Help: "Time of a conversion.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
		objects: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "import_objects_total", Help: "Geometry objects converted.",
		}),
	}
	m.Registry.MustRegister(i.seconds, i.objects)
	return i
}

// Waits has every conversion take between from and to longer than its geometry
// needs: licences, storage, somebody else's renderer. It is called before Handle.
func (i *Importer) Waits(from, to time.Duration) *Importer {
	i.from, i.to = from, to
	return i
}

// wait takes that time; it gives up when ctx is done.
func (i *Importer) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(i.from + rand.N(i.to-i.from+1)):
		return nil
	}
}

// Handle converts one import; it does nothing for one that is done. It gives
// up when ctx is done.
func (i *Importer) Handle(ctx context.Context, id string, deliveries int64) error {
	job, err := i.imports.StartImport(ctx, id)
	if err != nil {
		return err
	}
	if job.Status == store.ImportDone {
		return nil
	}
	started := time.Now()
	model, err := Convert(ctx, job.ID, job.Objects)
	if job.Objects >= large {
		debug.FreeOSMemory()
	}
	if err != nil {
		return err
	}
	if err := i.wait(ctx); err != nil {
		return err
	}
	// The work is done: stopping now must not throw it away.
	by := store.Delivery{Instance: i.instance, Deliveries: deliveries}
	did, err := i.imports.FinishImport(context.WithoutCancel(ctx), id, model.Vertices, model.Checksum, by)
	if err != nil || !did {
		return err
	}
	took := time.Since(started)
	i.seconds.Observe(took.Seconds())
	i.objects.Add(float64(job.Objects))
	i.log.Info("imported", "import", id, "objects", job.Objects, "took", took.Round(time.Millisecond).String())
	return nil
}
