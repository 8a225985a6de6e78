package payments

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// statusLimit bounds what Status waits for.
const statusLimit = 600 * time.Millisecond

// Status asks the status page of the third party once, and fails when it does
// not say yes in time. Nothing but the defect ready-shared-dependency needs it.
func (c *Client) Status(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, statusLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/v1/status", nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("ask payments for its status: %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20)); err != nil {
		return fmt.Errorf("read the status of payments: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return &statusError{code: response.StatusCode}
	}
	return nil
}
