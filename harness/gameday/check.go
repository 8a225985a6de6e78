package gameday

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/shakedown-dev/shakedown/harness/steer"
)

// What the record takes of people's texts, in characters.
const (
	maxName = 60
	maxText = 2000
)

// Check says what is wrong with a command that no run could carry out.
func Check(c steer.Command) error {
	switch {
	case !slices.Contains(steer.Verbs(), c.Verb):
		return fmt.Errorf("there is no command %q; choose one of %s", c.Verb, words(steer.Verbs()))
	case strings.TrimSpace(c.By) == "":
		return errors.New("say who asks: it goes into the record")
	case utf8.RuneCountInString(c.By) > maxName:
		return fmt.Errorf("a name has at most %d characters", maxName)
	case utf8.RuneCountInString(c.Text) > maxText:
		return fmt.Errorf("a remark has at most %d characters; make several of it", maxText)
	}
	switch c.Verb {
	case steer.Load:
		if math.IsNaN(c.Multiple) || c.Multiple < 0 || c.Multiple > 100 {
			return fmt.Errorf("load is a multiple of the plan from 0 to 100, as 2 or 0.5; not %v", c.Multiple)
		}
	case steer.Inject:
		if strings.TrimSpace(c.Fault) == "" {
			return errors.New("say which fault, in the scenario language without at, as in {target: api, kill: {}}; shakedown faults lists the catalogue")
		}
	case steer.Revert:
		if strings.TrimSpace(c.Fault) == "" {
			return errors.New("say which fault by its id; status lists those in force")
		}
	case steer.Scale:
		if c.Service == "" || c.Replicas < 0 {
			return errors.New("say which service gets how many instances, 0 or more")
		}
	case steer.Note:
		if strings.TrimSpace(c.Text) == "" {
			return errors.New("a note needs a text")
		}
	}
	return nil
}

func words(verbs []steer.Verb) string {
	list := make([]string, len(verbs))
	for i, v := range verbs {
		list[i] = string(v)
	}
	return strings.Join(list, ", ")
}
