package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// explain says what was tried, what came of it, and what to look at.
func (p *Prometheus) explain(doing string, err error) error {
	return fmt.Errorf("%s the Prometheus at %s: %w%s", doing, p.address, err, advice(err))
}

// advice is what an error leaves to check, with a colon before it.
func advice(err error) string {
	var answer *v1.Error
	if !errors.As(err, &answer) {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return ""
		}
		return ": is it running, and is that its address?"
	}
	switch answer.Type {
	case v1.ErrBadData, v1.ErrCanceled:
		return ""
	case v1.ErrExec:
		return ": the expression cannot be evaluated on what it has"
	case v1.ErrTimeout:
		return ": the expression takes longer than its --query.timeout"
	case v1.ErrServer:
		return excerpt(answer.Detail) + ": is it still starting? Its log says more"
	case v1.ErrClient:
		return excerpt(answer.Detail) + ": does it want a path before /api/v1 (--web.external-url), or a login?"
	}
	return ": is that the address of a Prometheus, and not of something before it?"
}

// excerpt is the beginning of what a server said, in brackets.
func excerpt(detail string) string {
	detail = strings.Join(strings.Fields(detail), " ")
	const most = 120
	if len(detail) > most {
		detail = strings.ToValidUTF8(detail[:most], "") + "..."
	}
	if detail == "" {
		return ""
	}
	return " (" + detail + ")"
}
