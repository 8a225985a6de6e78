package workspace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// hookLimit bounds an announcement. It is answered when the resources are there,
// which takes tenths of a second.
const hookLimit = 2 * time.Second

// state is what an announcement is answered with.
type state string

const (
	granted  state = "granted"
	queued   state = "queued"
	rejected state = "rejected"
	none     state = "none" // rejected for good
)

// answer is an answered announcement; the zero value is that of nobody asked.
type answer struct {
	state state
	after time.Duration // when to ask again, of a rejection; 0 if it does not say
}

// hook is the address to which sessions are announced.
type hook struct {
	url    string
	client *http.Client
}

func newHook(url string) *hook {
	return &hook{url: url, client: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     60 * time.Second,
	}}}
}

// announce posts an account and its tier. It is tried once: whoever wants a
// session waits for it.
func (h *hook) announce(ctx context.Context, account, tier string) (answer, error) {
	body, err := json.Marshal(map[string]string{"account": account, "tier": tier})
	if err != nil {
		return answer{}, fmt.Errorf("encode the announcement: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, hookLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := h.client.Do(request)
	if err != nil {
		return answer{}, fmt.Errorf("announce: %w; check PRESCALE_WEBHOOK", err)
	}
	defer response.Body.Close()
	// Read to the end, so that the connection can be used again. The status says
	// it all.
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)); err != nil {
		return answer{}, fmt.Errorf("read the answer to an announcement: %w", err)
	}
	return read(response)
}

func read(response *http.Response) (answer, error) {
	switch response.StatusCode {
	case http.StatusOK:
		return answer{state: granted}, nil
	case http.StatusAccepted:
		return answer{state: queued}, nil
	case http.StatusNoContent: // nothing is set aside for anybody
		return answer{state: none}, nil
	case http.StatusTooManyRequests:
		return refusal(response.Header.Get("Retry-After")), nil
	}
	return answer{}, fmt.Errorf("the announcement was answered with %d, which is none of 200, 202, 204 and 429", response.StatusCode)
}

// refusal reads a rejection. Without a time to come back there is nothing to wait
// for: nobody has a larger workspace here, and accounts work in the standard one.
func refusal(retryAfter string) answer {
	if retryAfter == "" {
		return answer{state: none}
	}
	seconds, err := strconv.ParseUint(retryAfter, 10, 16)
	if err != nil { // a date, or nonsense: soon is as good as any
		seconds = 0
	}
	return answer{state: rejected, after: time.Duration(seconds) * time.Second}
}
