// Package steer is how people have a hand in a run while it is under way: what they can
// ask for, and what they are told. It is the vocabulary that the page of a game day, the
// command line and the run share; it does nothing itself.
package steer

import (
	"context"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// Verb is what a person can ask of a run.
type Verb string

// The verbs.
const (
	Pause  Verb = "pause"  // no session arrives any more; those under way go on
	Resume Verb = "resume" // sessions arrive again, as the plan has it from this moment on
	Load   Verb = "load"   // sessions arrive Multiple times as often as the plan has it
	Inject Verb = "inject" // a fault begins now
	Revert Verb = "revert" // a fault ends now, whoever began it; a planned one is called off
	Scale  Verb = "scale"  // a service gets so many instances
	Note   Verb = "note"   // a remark for the record
	Abort  Verb = "abort"  // everything is healed at once, and the run ends with a report
)

// Verbs are all of them, in the order in which help lists them.
func Verbs() []Verb { return []Verb{Pause, Resume, Load, Inject, Revert, Scale, Note, Abort} }

// A Command is one thing that a person asks for. Members that its verb does not name
// are left empty.
type Command struct {
	Verb Verb `json:"verb"`
	// By is who asks: for the record.
	By string `json:"by,omitempty"`
	// Multiple is, of load, what the plan's arrivals are multiplied with: 0 to 100.
	// It is always written: nothing of it is not 0.
	Multiple float64 `json:"multiple"`
	// Fault is, of inject, one fault in the scenario language without at, in YAML: its
	// times are real whatever the tempo, and without for it lasts 60s; it ends with traffic
	// at the latest. Of revert, the id of a fault that is in force or planned.
	Fault string `json:"fault,omitempty"`
	// Service and Replicas are of scale; Replicas is always written.
	Service  string `json:"service,omitempty"`
	Replicas int    `json:"replicas"`
	// Text is, of a note, the remark; of any other verb, why.
	Text string `json:"text,omitempty"`
}

// A Reply is what came of a command that was carried out.
type Reply struct {
	Text string `json:"text"`         // in words: "api: 2 to 4 instances"
	ID   string `json:"id,omitempty"` // of the fault that was injected
}

// State is what a person can choose from at a moment.
type State struct {
	Paused   bool    `json:"paused"`
	Multiple float64 `json:"multiple"`
	// Faults are in force or about to be, or would be but for having been called off.
	Faults []Fault `json:"faults"`
	// Services can be scaled, with the instances that they have.
	Services []Service `json:"services"`
	// Kinds can be injected here.
	Kinds []Kind `json:"kinds"`
}

// A Fault is one that can be reverted or, as long as it is planned, called off.
type Fault struct {
	ID      string   `json:"id"`
	Kind    string   `json:"kind"`
	Targets []string `json:"targets,omitempty"`
	State   string   `json:"state"` // planned, applied, partial, no-effect, lost, reverting, called off
	Live    bool     `json:"live"`  // injected by a person, not by the plan
}

// A Service is one that can be scaled.
type Service struct {
	Name     string `json:"name"`
	Replicas int    `json:"replicas"`
}

// A Kind is a kind of fault of the catalogue.
type Kind struct {
	Name    string `json:"name"`
	Group   string `json:"group"`
	Does    string `json:"does"`
	Example string `json:"example"` // YAML for Command.Fault
	// Not says why it cannot be injected into this run, "" where it can.
	Not string `json:"not,omitempty"`
}

// A Run is a run under way. Its methods are safe for concurrent use and may be called
// until the run has ended; after that Steer returns ErrOver, and for everything but abort
// from the end of traffic on.
type Run interface {
	// Plan is what the run plays.
	Plan() *scenarios.Plan
	// State is what can be chosen from now.
	State() State
	// Steer carries a command out, and journals it as journal.Steered with its By
	// whatever comes of it. It returns when the command has taken effect: a fault is
	// in force, or known not to be, or will never be; a service has begun to change; after
	// an abort everything is healed. Errors are for the person who asked.
	Steer(ctx context.Context, c Command) (Reply, error)
}
