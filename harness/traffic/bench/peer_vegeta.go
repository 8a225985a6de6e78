package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// vegeta attacks in one process and reports in another; only the first is
// pinned and measured.
var vegeta = peer{
	name: "vegeta",
	prepare: func(j job) error {
		return os.WriteFile(filepath.Join(j.dir, "targets"), []byte("GET "+j.url+"\n"), 0o600)
	},
	closed: func(j job) []string {
		return append(vegetaArgs(j), "-rate=0", fmt.Sprintf("-max-workers=%d", j.connections))
	},
	open: func(j job) []string { return append(vegetaArgs(j), fmt.Sprintf("-rate=%d", j.rate)) },
	collect: func(ctx context.Context, path string, j job) ([]byte, error) {
		cmd := exec.CommandContext(ctx, path, "report", "-type=json", "results")
		cmd.Dir = j.dir
		return cmd.Output()
	},
	read: readVegeta,
}

func vegetaArgs(j job) []string {
	return []string{"attack", "-targets=targets", "-output=results", fmt.Sprintf("-duration=%ds", j.seconds)}
}

func readVegeta(out []byte) (report, error) {
	var said struct {
		Throughput float64
		Latencies  struct {
			P99 time.Duration `json:"99th"`
		}
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return report{}, err
	}
	return report{said.Throughput, said.Latencies.P99}, nil
}
