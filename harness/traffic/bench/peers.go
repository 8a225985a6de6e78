package main

import (
	"context"
	"errors"
	"fmt"
	"go/build"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// A peer is another load generator, and how to ask it for the same. Its file
// has the name of its program.
type peer struct {
	name string
	// closed makes the command of a closed loop with that many connections.
	closed func(j job) []string
	// open makes that of an open loop, in the sense in which the peer has one;
	// nil if it has none.
	open func(j job) []string
	// prepare writes what the command needs into the job's directory; nil if
	// that is nothing.
	prepare func(j job) error
	// collect turns what the command leaves in the directory into what read
	// understands; nil if that is its output.
	collect func(ctx context.Context, path string, j job) ([]byte, error)
	read    func(out []byte) (report, error)

	path string // of its program, found by findPeers
}

// A job is what a peer is asked for. Rate 0 is a closed loop.
type job struct {
	url         string
	dir         string // for its files
	seconds     int
	connections int
	rate        int // requests a second
}

// A report is what a peer says. P99 is 0 if it says nothing.
type report struct {
	perSecond float64
	p99       time.Duration
}

// peers are those that are known, the fastest first.
var peers = []peer{wrk, h2load, wrk2, fortio, bombardier, vegeta, hey, k6}

var errNoFigures = errors.New("no figures in its output")

// findPeers splits the known peers into those installed and the names of those
// that are not.
func findPeers() (found []peer, missing []string) {
	for _, p := range peers {
		if p.path = lookUp(p.name); p.path != "" {
			found = append(found, p)
		} else {
			missing = append(missing, p.name)
		}
	}
	return found, missing
}

// lookUp finds a program in PATH or in Go's bin directory, "" if it is in
// neither.
func lookUp(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{os.Getenv("GOBIN"), filepath.Join(build.Default.GOPATH, "bin")} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); dir != "" && err == nil {
			return path
		}
	}
	return ""
}

// ask runs a peer on the generator's core.
func (b *bench) ask(p peer, j job) (report, usage, error) {
	dir, err := os.MkdirTemp("", "bench-"+p.name)
	if err != nil {
		return report{}, usage{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	j.dir = dir
	if p.prepare != nil {
		if err := p.prepare(j); err != nil {
			return report{}, usage{}, fmt.Errorf("prepare %s: %w", p.name, err)
		}
	}
	args := p.closed
	if j.rate > 0 {
		args = p.open
	}
	out, used, err := runPinned(b.ctx, generatorCore, b.limit(float64(j.seconds)), dir, p.path, args(j)...)
	if err != nil {
		return report{}, used, err
	}
	if p.collect != nil {
		if out, err = p.collect(b.ctx, p.path, j); err != nil {
			return report{}, used, fmt.Errorf("collect the figures of %s: %w", p.name, err)
		}
	}
	said, err := p.read(out)
	if err != nil {
		return report{}, used, fmt.Errorf("read the figures of %s: %w", p.name, err)
	}
	return said, used, nil
}

// number finds the first number that an expression's first group matches.
func number(out []byte, expression string) (float64, error) {
	m := regexp.MustCompile(expression).FindSubmatch(out)
	if m == nil {
		return 0, errNoFigures
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

// span finds a duration as Go writes it.
func span(out []byte, expression string) time.Duration {
	m := regexp.MustCompile(expression).FindSubmatch(out)
	if m == nil {
		return 0
	}
	d, err := time.ParseDuration(string(m[1]))
	if err != nil {
		return 0
	}
	return d
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
