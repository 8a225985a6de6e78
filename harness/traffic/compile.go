package traffic

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// compile makes the programs of all loads and gives the recorded times of
// those that are replays.
func (d *driver) compile() (map[int][]time.Duration, error) {
	recorded := map[int][]time.Duration{}
	byJourney := map[string]*program{}
	for i := range d.plan.Load {
		load := &d.plan.Load[i]
		r := load.Replay
		var sent *replayed
		if r != nil {
			recording, err := readReplay(r)
			if err != nil {
				return nil, fmt.Errorf("cohort %s: replay: %w", load.Cohort, err)
			}
			recorded[i] = timesOf(recording)
			d.replays = append(d.replays, journalOf(load, recording))
			if !r.Times {
				sent = &replayed{
					requests: recording.Requests, targets: d.targets, paced: r.Paced, multiple: d.plan.Multiple, agent: d.agent,
				}
				if err := sent.check(); err != nil {
					return nil, fmt.Errorf("cohort %s: replay: %w", load.Cohort, err)
				}
			}
		}
		p := byJourney[load.Journey]
		if p == nil || sent != nil {
			var err error
			if p, err = d.compileJourney(load.Journey, sent); err != nil {
				return nil, err
			}
		}
		if sent == nil {
			byJourney[load.Journey] = p
		}
		d.programs = append(d.programs, p)
	}
	return recorded, nil
}

// compileJourney prepares a journey. The one request of a replay is that of
// the recording.
func (d *driver) compileJourney(journey string, sent *replayed) (*program, error) {
	planned := d.plan.Journeys[journey]
	if len(planned) == 0 {
		return nil, fmt.Errorf("journey %s has no steps", journey)
	}
	requests := 0
	var homes []*home
	if sent == nil {
		homes = d.homesOf(journey)
	}
	p, err := compileProgram(planned, func(p scenarios.PlannedStep) (*step, error) {
		s, err := d.compileRequest(p, sent)
		if err != nil {
			return nil, fmt.Errorf("step %s: %w", p.Name, err)
		}
		s.index, s.attack, s.home = requests, journey+"/"+p.Name, homeOf(homes, p.Service)
		s.milestone = isMilestone(d.plan, journey, p.Name)
		requests++
		s.keys, err = d.keysOf(journey, p.Name)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("journey %s: %w", journey, err)
	}
	p.homes = len(homes)
	return p, nil
}

func (d *driver) compileRequest(p scenarios.PlannedStep, sent *replayed) (*step, error) {
	if sent != nil {
		p.Path, p.Method, p.Headers, p.Body = "/", "", nil, "" // of the recording
		s, err := compileStep(p, nil, d.agent)
		if err == nil {
			s.replay = sent
		}
		return s, err
	}
	t := d.targets[p.Service]
	if t == nil {
		return nil, fmt.Errorf("no address of service %s is known", p.Service)
	}
	return compileStep(p, t, d.agent)
}
