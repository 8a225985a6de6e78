package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// pageSize is how many effects a page has, unless limit asks for less.
const pageSize = 1000

// effect is something that was done.
type effect struct {
	Key string    `json:"key"` // of the call that did it
	Of  string    `json:"of"`  // what it was done to
	At  time.Time `json:"at"`
}

// ledger is everything that was done, by name, in order. It is safe for
// concurrent use.
type ledger struct {
	mu      sync.Mutex
	effects map[string][]effect
}

// open makes a name known before anything is done.
func (l *ledger) open(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.effects[name] == nil {
		l.effects[name] = []effect{}
	}
}

func (l *ledger) write(name string, e effect) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.effects[name] = append(l.effects[name], e)
}

// page is the effects that follow the first n, at most limit.
func (l *ledger) page(name string, n, limit int) (items []effect, total int, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all, known := l.effects[name]
	n = min(n, len(all))
	return slices.Clone(all[n:min(n+limit, len(all))]), len(all), known
}

// serve answers GET /.shakedown/effects/NAME?after=N&limit=N. next is the path
// of the page that follows, if one does.
func (l *ledger) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	after, limit := number(r, "after", 0), number(r, "limit", pageSize)
	if after < 0 || limit < 1 {
		refuse(w, http.StatusBadRequest, "after and limit are numbers that are not negative, and limit is not 0")
		return
	}
	limit = min(limit, pageSize)
	items, total, known := l.page(name, after, limit)
	if !known {
		refuse(w, http.StatusNotFound, fmt.Sprintf("no route has the effect %q", name))
		return
	}
	page := map[string]any{"items": items, "total": total}
	if end := after + len(items); len(items) > 0 && end < total {
		page["next"] = fmt.Sprintf("%seffects/%s?after=%d&limit=%d", Prefix, name, end, limit)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(page) // a reader that is gone is not missed
}

// number is a parameter of the query, -1 for what is no number.
func number(r *http.Request, name string, fallback int) int {
	text := r.URL.Query().Get(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

// refuse answers with an error in words.
func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text}) // a caller that is gone is not missed
}
