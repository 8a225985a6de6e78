package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/compose/dashboards"
	"github.com/shakedown-dev/shakedown/harness/observe/api"
	"github.com/shakedown-dev/shakedown/harness/observe/api/stored"
)

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:      "serve",
		Usage:     "answer Prometheus' HTTP API on a stored run, for Grafana",
		ArgsUsage: "RUN",
		Description: "Serves the metrics, rules and alerts of a run directory until it is interrupted: on loopback only, and read only.\n" +
			"/dashboard.json is a dashboard to import into Grafana.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:9090", Usage: "listen at `ADDRESS`, on loopback; port 0 takes any that is free"},
		},
		Action: func(c *cli.Context) error {
			ctx, release := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
			defer release()
			return serveRun(ctx, c)
		},
	}
}

// serveRun serves until the context is done.
func serveRun(ctx context.Context, c *cli.Context) (err error) {
	dir, err := storedRun(c)
	if err != nil {
		return err
	}
	address := c.String("listen")
	if err := api.CheckLoopback(address); err != nil {
		return usagef("--listen: %v", err)
	}
	run, err := stored.Open(string(dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen at %s: %w; --listen 127.0.0.1:0 takes any port that is free", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", run.Handler())
	mux.HandleFunc("GET /dashboard.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(dashboards.Shakedown) // whoever asked may have gone
	})
	invite(c.App.Writer, "http://"+listener.Addr().String(), string(dir), run.Times)
	return serveUntil(ctx, listener, api.OnlyLoopback(mux))
}

// invite says what can be done with the server.
func invite(w io.Writer, url, dir string, times stored.Times) {
	fmt.Fprintf(w, `%s is served at %s, until interrupted.

In Grafana: Connections, Data sources, Add, Prometheus; Prometheus server URL %s
  then Dashboards, New, Import: %s/dashboard.json
  the run lasted from %s to %s
Without:    curl '%s/api/v1/query?query=up'
`, dir, url, url, url, times.Traffic.Format(time.DateTime), times.End.Format(time.DateTime)+" UTC", url)
}

// goodbye is how long answers under way may take when the server stops.
const goodbye = 2 * time.Second

func serveUntil(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the run: %w", err)
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	if server.Shutdown(bounded) != nil {
		_ = server.Close() // who is still asking has had the time
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the run: %w", err)
	}
	return nil
}
