package engine

import (
	"context"
	"fmt"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

var diskFillKind = Kind{
	Name: "disk_fill", Group: resources, Revert: ByAgent, Needs: helperNeeds, Backends: []string{backendHelper},
	Summary:  "a helper uses up the space of a volume",
	Evidence: "the share of the volume's file system that is in use",
	ways: always(way{backend: backendHelper, revert: ByAgent, seat: atVolume, needs: helperNeeds, deed: func(h *hold) deed {
		return &ordered{hold: h, seat: atVolume, volume: h.run.plan.Spec.DiskFill.Volume, compose: func(o *ordered) error {
			d := o.run.plan.Spec.DiskFill
			disk := &order.Disk{Path: volumePath, Size: int64(d.Size)}
			if d.Fill != nil {
				disk.Fill = float64(*d.Fill) / 100
			}
			o.fault.Pressure = &order.Pressure{Disk: disk}
			return nil
		}}
	}}),
	looks: func(h *hold) []look {
		o, ok := h.deed.(*ordered)
		if !ok {
			return nil
		}
		return []look{{key: "disk", what: "volume " + o.volume + " in use", take: func(ctx context.Context) order.Reading {
			return o.probe(ctx, order.Probe{Disk: volumePath})
		}}}
	},
	effect: func(e evidence) (string, string) {
		before, was := value(e.before, "disk")
		during, ok := value(e.during, "disk")
		held := e.count("bytes")
		switch d := e.fault.Spec.DiskFill; {
		case ok && d != nil && d.Fill != nil && during >= float64(*d.Fill)-2:
			return journal.FaultApplied, fmt.Sprintf("%.1f%% of the volume in use, before %.1f%%", during, before)
		case ok && d != nil && d.Fill != nil && (held > 0 || was && during > before+1):
			return journal.FaultPartial, fmt.Sprintf("%.1f%% of the volume in use, not %s; before %.1f%%", during, *d.Fill, before)
		case held > 0 && !ok && d != nil && d.Fill != nil: // until somebody has looked
			return journal.FaultPartial, fmt.Sprintf("%d bytes of the volume used up; nobody could see whether it is full to %s%s", held, *d.Fill, because(failed(e.during, "disk")))
		case held > 0 && !ok:
			return journal.FaultApplied, fmt.Sprintf("%d bytes of the volume used up", held)
		case held > 0 || ok && was && during > before:
			return journal.FaultApplied, fmt.Sprintf("%d bytes of the volume used up; %.1f%% in use, before %.1f%%", held, during, before)
		case ok:
			return journal.FaultNoEffect, fmt.Sprintf("%.1f%% of the volume in use, before %.1f%%", during, before)
		}
		return journal.FaultNoEffect, "nobody could see how much of the volume was in use" + because(failed(e.during, "disk"))
	},
	gone: func(e evidence) (bool, string) {
		before, was := value(e.before, "disk")
		during, did := value(e.during, "disk")
		after, is := value(e.after, "disk")
		if was && did && is && during > before && after > before+(during-before)/2 {
			return false, fmt.Sprintf("%.1f%% of the volume are in use still, before the fault %.1f%%", after, before)
		}
		return confirmed(e)
	},
}
