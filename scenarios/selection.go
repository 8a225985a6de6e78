package scenarios

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Candidate is an instance that a fault may be done to.
type Candidate struct{ Name, Service, Zone string }

// Choose picks the targets of the fault among instances, in the order of services
// and numbers. It is pure: an instance has a rank, which its name and the fault's
// seed decide, and the first ranks are taken. So the order in which instances are
// given makes no difference, and one that comes or goes changes nothing about how
// the others stand to each other. Nothing picked is an error.
func (f PlannedFault) Choose(from []Candidate) ([]string, error) {
	rest, err := f.eligible(from)
	if err != nil {
		return nil, err
	}
	n, err := f.Spec.Target.number(len(rest), f.Spec.defaultPick())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.whose(), err)
	}
	slices.SortFunc(rest, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(rank(f.Seed, a.Name), rank(f.Seed, b.Name)), cmp.Compare(a.Name, b.Name))
	})
	rest = rest[:n]
	slices.SortFunc(rest, byNumber)
	return names(rest, func(c Candidate) string { return c.Name }), nil
}

// eligible are the instances that the target describes, each once.
func (f PlannedFault) eligible(from []Candidate) ([]Candidate, error) {
	var rest []Candidate
	seen := map[string]bool{}
	there := 0
	for _, c := range from {
		if seen[c.Name] || len(f.Services) > 0 && !slices.Contains(f.Services, c.Service) {
			continue
		}
		seen[c.Name] = true
		there++
		if zone := f.Spec.Target.Zone; zone == "" || zone == c.Zone {
			rest = append(rest, c)
		}
	}
	switch {
	case there == 0:
		return nil, fmt.Errorf("%s: there is no instance to pick", f.whose())
	case len(rest) == 0:
		return nil, fmt.Errorf("%s: none of %s is there", f.whose(), plural(there, "instance"))
	}
	return rest, nil
}

// whose names what is picked from, for messages.
func (f PlannedFault) whose() string {
	words := "all services"
	switch {
	case len(f.Services) == 1:
		words = "service " + f.Services[0]
	case len(f.Services) > 1:
		words = "services " + list(f.Services)
	}
	if zone := f.Spec.Target.Zone; zone != "" {
		words += " in zone " + zone
	}
	return words
}

// number is how many of so many instances are picked; pick is the word where the
// selection says none.
func (s Selection) number(of int, pick string) (int, error) {
	switch {
	case of == 0:
		return 0, errors.New("there is no instance to pick")
	case s.Count > of:
		return 0, fmt.Errorf("%d are to be picked, and there %s", s.Count, are(of))
	case s.Count > 0:
		return s.Count, nil
	case s.Percent != nil:
		n := int(math.Ceil(float64(*s.Percent)*float64(of)/100 - 1e-9)) // 10% of 10 is 1, whatever a float makes of it
		if n <= 0 {
			return 0, fmt.Errorf("%s of %s picks nothing", *s.Percent, plural(of, "instance"))
		}
		return min(n, of), nil
	}
	switch cmp.Or(s.Pick, pick) {
	case PickOne:
		return 1, nil
	case PickMinority:
		if of < 3 {
			return 0, fmt.Errorf("a minority is fewer than half, and of %s that is none", plural(of, "instance"))
		}
		return (of - 1) / 2, nil
	case PickMajority:
		return of/2 + 1, nil
	}
	return of, nil
}

// are says how many there are.
func are(n int) string {
	if n == 1 {
		return "is 1"
	}
	return fmt.Sprintf("are %d", n)
}

// rank is where an instance stands under a seed.
func rank(seed uint64, name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, seed))
	_, _ = h.Write([]byte(name))
	return scramble(h.Sum64())
}

// scramble lets every bit of a number have a say in every other (the end of
// MurmurHash3): names that differ in their last letter differ little before.
func scramble(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// byNumber orders instances by service and number: api-2 before api-10.
func byNumber(a, b Candidate) int {
	return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(numberOf(a.Name), numberOf(b.Name)), cmp.Compare(a.Name, b.Name))
}

// numberOf is the number at the end of an instance's name, 0 where there is none.
func numberOf(instance string) int {
	n, _ := strconv.Atoi(instance[strings.LastIndexByte(instance, '-')+1:])
	return n
}

// ZoneOf is the zone of the instance of a number, which counts from 1: zones take
// turns. It is "" where there are none.
func ZoneOf(zones []string, number int) string {
	if len(zones) == 0 || number < 1 {
		return ""
	}
	return zones[(number-1)%len(zones)]
}
