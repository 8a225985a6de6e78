package docker

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// topFormat asks for process ids, which the engine needs to tell processes
// apart, and whole command lines.
var topFormat = []string{"-eo", "pid,args"}

// MainProcess is what ps shows of the container's main process.
func (p *Platform) MainProcess(ctx context.Context, name string) (string, error) {
	i, err := p.present(name)
	if err != nil {
		return "", err
	}
	c, err := p.engine.ContainerInspect(ctx, i.id)
	if err != nil {
		return "", about(name, err)
	}
	if c.State == nil || !c.State.Running {
		return "", fmt.Errorf("%s is not running", name)
	}
	top, err := p.engine.ContainerTop(ctx, i.id, topFormat)
	if err != nil {
		return "", about(name, err)
	}
	command := mainOf(top.Titles, top.Processes, strconv.Itoa(c.State.Pid))
	if command == "" {
		return "", fmt.Errorf("%s: the engine lists no processes", name)
	}
	return command, nil
}

// mainOf is the command of the process with an id, or else of the first, which
// is the oldest: engines in machines of their own count differently.
func mainOf(titles []string, processes [][]string, pid string) string {
	id := slices.Index(titles, "PID")
	command := slices.IndexFunc(titles, func(title string) bool { return title == "COMMAND" || title == "CMD" || title == "ARGS" })
	first := ""
	for _, process := range processes {
		if command < 0 || command >= len(process) {
			continue
		}
		text := strings.TrimSpace(strings.Join(process[command:], " "))
		if id >= 0 && id < len(process) && process[id] == pid {
			return text
		}
		if first == "" {
			first = text
		}
	}
	return first
}
