package gameday

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/steer"
)

// ErrNoRun is returned where no run can be steered.
var ErrNoRun = errors.New("no game day is under way")

// ErrSeveral is returned where several runs can be steered, and none was named.
var ErrSeveral = errors.New("several game days are under way")

// A Client steers a run through its control socket. It is safe for concurrent use.
type Client struct {
	dir  rundir.Dir
	http *http.Client
}

// Dial opens the control socket of a run directory; the error is ErrNoRun where
// nobody listens.
func Dial(ctx context.Context, dir rundir.Dir) (*Client, error) {
	c := &Client{dir: dir, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dialSocket(ctx, controlFile(dir)) },
	}}}
	conn, err := dialSocket(ctx, controlFile(dir))
	if err != nil {
		return nil, fmt.Errorf("%w in %s (%w); shakedown gameday SCENARIO begins one", ErrNoRun, dir, err)
	}
	return c, conn.Close()
}

// dialSocket connects to a socket whatever the length of its path: through a link in a
// place with a short one.
func dialSocket(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	if len(path) <= longestSocket {
		return d.DialContext(ctx, "unix", path)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	private, err := os.MkdirTemp("", "shakedown-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(private) }()
	short := filepath.Join(private, "s")
	if err := os.Symlink(absolute, short); err != nil {
		return nil, err
	}
	return d.DialContext(ctx, "unix", short)
}

// Only is the one run below root whose socket somebody listens at. Where there are
// several the error is ErrSeveral, and lists them: what is meant for one must not be
// done to another.
func Only(ctx context.Context, root string) (*Client, error) {
	dirs, _ := filepath.Glob(filepath.Join(root, "*", filepath.Base(controlFile("")))) // by name, and so by time
	var underway []*Client
	for _, path := range dirs {
		if c, err := Dial(ctx, rundir.Dir(filepath.Dir(path))); err == nil {
			underway = append(underway, c)
		}
	}
	switch len(underway) {
	case 0:
		return nil, fmt.Errorf("%w below %s; name its directory with --run, or begin one: shakedown gameday SCENARIO", ErrNoRun, root)
	case 1:
		return underway[0], nil
	}
	text := ""
	for _, c := range underway {
		text += "\n  --run " + string(c.dir) + c.about(ctx)
		c.Close()
	}
	return nil, fmt.Errorf("%w below %s; say which:%s", ErrSeveral, root, text)
}

// about is what a run plays and how far it is, to tell it from others; "" where it does
// not say.
func (c *Client) about(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	s, err := c.Status(ctx)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("  (%s, %s at %.0f s)", s.Scenario, s.Stage, s.Now)
}

// Dir is the run directory.
func (c *Client) Dir() rundir.Dir { return c.dir }

// Status asks how the run stands.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var status Status
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://run/status", http.NoBody)
	if err != nil {
		return status, err
	}
	return status, c.ask(request, &status)
}

// Steer has a command carried out, and returns when it has taken effect.
func (c *Client) Steer(ctx context.Context, command steer.Command) (steer.Reply, error) {
	body, err := json.Marshal(command)
	if err != nil {
		return steer.Reply{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://run/command", bytes.NewReader(body))
	if err != nil {
		return steer.Reply{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	var a answer
	if err := c.ask(request, &a); err != nil {
		return steer.Reply{}, err
	}
	if a.Error != "" {
		return steer.Reply{}, errors.New(a.Error)
	}
	return a.Reply, nil
}

func (c *Client) ask(request *http.Request, into any) error {
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("ask the run in %s: %w", c.dir, err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(io.LimitReader(response.Body, 4<<20)).Decode(into); err != nil {
		return fmt.Errorf("read what the run in %s answered (%s): %w", c.dir, response.Status, err)
	}
	return nil
}

// Close lets go of the connection.
func (c *Client) Close() { c.http.CloseIdleConnections() }
