package traffic

import (
	"fmt"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// A program is a journey as a flat list of instructions, so that where a
// session stands is one number, and what it is in the middle of a few counters.
type program struct {
	code  []instruction
	slots int // counters a session needs: how deep repetitions stand in each other
	homes int // instances a session has to remember
}

// An op is what an instruction does.
type op uint8

const (
	opRequest op = iota // make the request of step
	opChoose            // go on at one of ways
	opRepeat            // draw a counter; at 0 go on at to
	opAgain             // count down; until 0 go on at to
	opJump              // go on at to
)

// An instruction is one element of a program; which fields count depends on op.
type instruction struct {
	op      op
	step    *step
	to      int
	slot    int
	times   *scenarios.Size
	ways    []int
	weights []int
}

// compileProgram makes the program of a journey. compile prepares the requests;
// it is called in the order of scenarios.Requests.
func compileProgram(steps []scenarios.PlannedStep, compile func(scenarios.PlannedStep) (*step, error)) (*program, error) {
	p := &programmer{compile: compile}
	if err := p.steps(steps, 0); err != nil {
		return nil, err
	}
	return &p.program, nil
}

// A programmer is one compileProgram.
type programmer struct {
	program
	compile func(scenarios.PlannedStep) (*step, error)
}

// add appends an instruction and tells where it stands.
func (p *programmer) add(i instruction) int {
	p.code = append(p.code, i)
	return len(p.code) - 1
}

// steps appends steps that stand in depth repetitions.
func (p *programmer) steps(steps []scenarios.PlannedStep, depth int) error {
	for i := range steps {
		var err error
		switch s := &steps[i]; {
		case s.Choose != nil:
			err = p.choice(s.Choose, depth)
		case s.Repeat != nil:
			err = p.repetition(s.Repeat, depth)
		default:
			var compiled *step
			compiled, err = p.compile(*s)
			p.add(instruction{op: opRequest, step: compiled})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *programmer) choice(options []scenarios.PlannedOption, depth int) error {
	at := p.add(instruction{op: opChoose})
	var ways, weights, ends []int
	sum := 0
	for _, option := range options {
		if option.Weight < 0 {
			return fmt.Errorf("choose: a way has the weight %d: weights are zero or more", option.Weight)
		}
		sum += option.Weight
		weights = append(weights, option.Weight)
		ways = append(ways, len(p.code))
		if err := p.steps(option.Steps, depth); err != nil {
			return err
		}
		ends = append(ends, p.add(instruction{op: opJump}))
	}
	if sum == 0 {
		return fmt.Errorf("the weights of a choice sum to nothing: give one of its ways a weight")
	}
	for _, end := range ends {
		p.code[end].to = len(p.code)
	}
	p.code[at].ways, p.code[at].weights = ways, weights
	return nil
}

func (p *programmer) repetition(r *scenarios.PlannedRepeat, depth int) error {
	p.slots = max(p.slots, depth+1)
	at := p.add(instruction{op: opRepeat, slot: depth, times: &r.Times})
	if err := p.steps(r.Steps, depth+1); err != nil {
		return err
	}
	p.add(instruction{op: opAgain, slot: depth, to: at + 1})
	p.code[at].to = len(p.code)
	return nil
}
