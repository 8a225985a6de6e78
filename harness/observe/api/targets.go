package api

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// targetForm has no addresses: instances are reached through their gateways.
type targetForm struct {
	DiscoveredLabels   map[string]string `json:"discoveredLabels"`
	Labels             map[string]string `json:"labels"`
	ScrapePool         string            `json:"scrapePool"`
	ScrapeURL          string            `json:"scrapeUrl"`
	GlobalURL          string            `json:"globalUrl"`
	LastError          string            `json:"lastError"`
	LastScrape         time.Time         `json:"lastScrape"`
	LastScrapeDuration float64           `json:"lastScrapeDuration"`
	Health             string            `json:"health"`
	ScrapeInterval     string            `json:"scrapeInterval"`
	ScrapeTimeout      string            `json:"scrapeTimeout"`
}

// targets lists the instances whose pages were tried, with when and how that last
// changed.
func (s *server) targets(r *http.Request) (reply, error) {
	at, err := s.asked(r)
	if err != nil {
		return reply{}, err
	}
	active := []targetForm{}
	if show := strings.ToLower(r.FormValue("state")); show == "" || show == "any" || show == "active" {
		active = targetForms(s.History.at(at), r.FormValue("scrapePool"))
	}
	return reply{data: map[string]any{
		"activeTargets": active, "droppedTargets": []any{}, "droppedTargetCounts": map[string]int{},
	}}, nil
}

func targetForms(s state, pool string) []targetForm {
	list := []targetForm{}
	order := func(a, b targetKey) int {
		return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.instance, b.instance))
	}
	for _, key := range slices.SortedFunc(maps.Keys(s.targets), order) {
		if pool != "" && pool != key.service {
			continue
		}
		t := s.targets[key]
		health := "down"
		if t.Up {
			health = "up"
		}
		list = append(list, targetForm{
			DiscoveredLabels: map[string]string{},
			Labels:           map[string]string{"job": t.Service, "service": t.Service, "instance": t.Instance},
			ScrapePool:       t.Service, LastError: t.Error, LastScrape: t.since, Health: health,
		})
	}
	return list
}

type metadataForm struct {
	Type string `json:"type"`
	Help string `json:"help"`
	Unit string `json:"unit"`
}

// metadata says of what type metrics are; that is known when a run is over. Services
// that disagree are all heard.
func (s *server) metadata(r *http.Request) (reply, error) {
	most, err := number(r, "limit")
	if err != nil {
		return reply{}, err
	}
	mostEach, err := number(r, "limit_per_metric")
	if err != nil {
		return reply{}, err
	}
	found := map[string][]metadataForm{}
	for _, e := range s.History.at(s.Now()).exported {
		if name := r.FormValue("metric"); name != "" && name != e.Metric {
			continue
		}
		form := metadataForm{Type: cmp.Or(e.Type, "unknown")}
		list, known := found[e.Metric]
		if slices.Contains(list, form) || !known && most >= 0 && len(found) >= most || mostEach > 0 && len(list) >= mostEach {
			continue
		}
		found[e.Metric] = append(list, form)
	}
	return reply{data: found}, nil
}

// number is a parameter of the metadata; -1 where it is not given.
func number(r *http.Request, name string) (int, error) {
	text := r.FormValue(name)
	if text == "" {
		return -1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, badData{errors.New(name + " must be a number")}
	}
	return n, nil
}
